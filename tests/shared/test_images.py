from __future__ import annotations

import io
import struct
import time
import zlib
from typing import Any

import pytest
from PIL import Image

from shared.images import UnreadableImage, decode

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


def picture(width: int = 320, height: int = 200, mode: str = "RGB", color: Any = None) -> Image.Image:
    """Red above, black below, unless one colour is asked for."""
    drawn = Image.new(mode, (width, height), color if color is not None else 0)
    if color is None:
        drawn.paste((255, 0, 0) if mode == "RGB" else 255, (0, 0, width, height // 2))
    return drawn


def written(drawn: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    drawn.save(out, format_, **options)
    return out.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_promising(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(bytes(10_000))) + png_chunk(b"IEND", b"")


def jpeg_with_many_scans() -> bytes:
    """Valid, small, and a pass over all its pixels for each of its thousand scans."""
    image = written(picture(4000, 4000), "JPEG", progressive=True)
    last = image.rindex(b"\xff\xda")
    return image[:last] + image[last:-2] * 1000 + b"\xff\xd9"


class TestWhatIsRead:
    @pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF"])
    def test_the_four_formats_give_rgb(self, format_: str) -> None:
        read = decode(written(picture(), format_), 1600)
        assert (read.mode, read.size) == ("RGB", (320, 200))
        red, green, blue = read.getpixel((160, 40))  # type: ignore[misc]
        assert red > 240
        assert green < 20
        assert blue < 20

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I"])
    def test_every_kind_of_pixel_gives_rgb(self, mode: str) -> None:
        format_ = "JPEG" if mode == "CMYK" else "PNG"
        source = Image.new("I;16", (64, 64), 40_000) if mode in ("I;16", "I") else picture(64, 64).convert(mode)
        assert decode(written(source, format_), 1600).mode == "RGB"

    def test_sixteen_bits_keep_their_brightness(self) -> None:
        assert decode(written(Image.new("I;16", (64, 64), 0x8000), "PNG"), 1600).getpixel((5, 5)) == (128, 128, 128)

    def test_transparent_pixels_are_white(self) -> None:
        clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        for format_ in ("PNG", "WEBP", "GIF"):
            assert decode(written(clear, format_), 1600).getpixel((5, 5)) == (255, 255, 255)

    def test_of_an_animation_the_first_frame_is_read(self) -> None:
        frames = [picture(color="white"), picture(color="black")]
        for format_ in ("GIF", "WEBP"):
            moving = written(frames[0], format_, save_all=True, append_images=frames[1:])
            assert min(decode(moving, 1600).getpixel((5, 5))) > 240  # type: ignore[arg-type]

    @pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
    def test_exif_says_which_way_is_up(self, format_: str) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # stored lying on its left side
        read = decode(written(picture().rotate(90, expand=True), format_, exif=exif), 1600)
        assert read.size == (320, 200)
        assert read.getpixel((160, 40))[0] > 240  # type: ignore[index]

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
    def test_damaged_exif_does_no_harm(self) -> None:
        image = written(picture(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)
        assert decode(image, 1600).size == (320, 200)

    def test_a_large_photo_is_shrunk_and_a_small_one_left(self) -> None:
        large = written(picture(6000, 4000), "JPEG")
        assert decode(large, 1600).size == (1600, 1067)
        assert decode(written(picture(), "JPEG"), 1600).size == (320, 200)

    def test_a_strip_keeps_a_pixel_of_its_thin_side(self) -> None:
        assert decode(written(picture(20_000, 2), "PNG"), 1600).size == (1600, 1)

    def test_the_name_of_a_format_means_nothing(self) -> None:
        with pytest.raises(UnreadableImage):
            decode(b"image/jpeg;photo.jpg" * 10, 1600)


HOSTILE = {
    "nothing": b"",
    "text": b"Two bottles of oat milk, please.",
    "svg": SVG,
    "html": b"<html><img src=x></html>",
    "zeros": bytes(4096),
    "pdf": b"%PDF-1.7\n" + written(picture(), "JPEG"),
    "page that hides a picture": b"<script>/*" + written(picture(), "GIF") + b"*/</script>",
    "gif that is a script": b"GIF89a/*" + b"\xff" * 60 + b"*/=alert(1)",
    "bmp": written(picture(), "BMP"),
    "tiff": written(picture(), "TIFF"),
    "mpo": written(picture(), "MPO", save_all=True, append_images=[picture()]),
    "60000 x 60000 png": png_promising(60_000, 60_000),
    "7500 x 7500 png": png_promising(7500, 7500),
    "12000 x 9000 png": png_promising(12_000, 9000),
    "png without enough pixels": png_promising(2000, 2000),
    "png without width": png_promising(0, 10),
    "larger than 10 MB": b"\xff\xd8\xff\xe0" + bytes(10 * 1024 * 1024),
    "jpeg of a thousand scans": jpeg_with_many_scans(),
    **{
        f"half a {name.lower()}": (data := written(picture(), name))[: len(data) // 2]
        for name in ("JPEG", "PNG", "WEBP")
    },
    **{f"only the start of a {name.lower()}": written(picture(), name)[:12] for name in ("JPEG", "PNG", "WEBP", "GIF")},
}


class TestWhatIsRefused:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_quickly_and_with_a_reason_of_our_own(self, name: str) -> None:
        started = time.process_time()
        with pytest.raises(UnreadableImage) as refused:
            decode(HOSTILE[name], 1600)
        assert time.process_time() - started < 1
        assert refused.value.reason.startswith(("The image", "The file", "The JPEG"))
        assert "PIL" not in refused.value.reason
        assert "0x" not in refused.value.reason

    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_a_bomb_pillow_only_warns_of_is_refused_too(self) -> None:
        with pytest.raises(UnreadableImage, match="50 megapixels"):
            decode(HOSTILE["12000 x 9000 png"], 1600)

    def test_a_picture_cut_anywhere_is_refused_or_read_never_worse(self) -> None:
        for format_ in ("JPEG", "PNG", "WEBP", "GIF"):
            image = written(picture(64, 64), format_)
            for end in range(0, len(image), max(1, len(image) // 60)):
                try:
                    assert decode(image[:end], 1600).size == (64, 64)
                except UnreadableImage:
                    continue
