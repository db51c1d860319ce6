from __future__ import annotations

import io
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile

from shared.images import MOST_BYTES, UnreadableImage, decode, jpeg
from tests.shared.hostile_images import (
    FORMATS,
    ZIP,
    Hostile,
    at_the_limits,
    drawn_as,
    flipped,
    heic_grid,
    hostile,
    in_jpeg,
    jpeg_segment,
    large_png,
    picture,
    written,
)

ROOT = Path(__file__).parents[2]
# Of the 512 of a function: what is left is for the rest of it, and for the request.
MOST_MB = 440
MOST_SECONDS = 10
EXPENSIVE = ["50 MP of png in 16 bits with transparency", "a png as tall as can be", "48 MP of heic"]
STUBBORN = ["heic of 480 pictures on each other", "heic of pictures on pictures on pictures"]
LIMITS = sorted(at_the_limits())

MEASURED = """
import resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
from shared.images import UnreadableImage, decode
image, started = sys.stdin.buffer.read(), time.monotonic()
try:
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(decode, [image] * THREADS, [2048] * THREADS))
    verdict = "read"
except UnreadableImage:
    verdict = "refused"
seconds = time.monotonic() - started
mine, others = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(verdict, (mine + others) / (1024 * 1024 if sys.platform == "darwin" else 1024), seconds)
"""


def verdict(image: bytes, longest: int = 1600) -> tuple[str, str]:
    try:
        decode(image, longest)
    except UnreadableImage as refused:
        return "refused", refused.reason
    return "read", ""


def alone(program: str, image: bytes = b"") -> str:
    """What a program prints that has the process to itself."""
    # Linux reckons what the starting process had among the most a process had: a small one starts it.
    starter = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', sys.argv[1]]))"
    command = [sys.executable, "-c", starter, program]
    run = subprocess.run(
        command, input=image, stdout=subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=True
    )
    return run.stdout.decode()


def measured(image: bytes, threads: int = 1) -> str:
    outcome, megabytes, seconds = alone(MEASURED.replace("THREADS", str(threads)), image).split()
    assert float(megabytes) < MOST_MB
    assert float(seconds) < MOST_SECONDS * threads
    return outcome


class TestWhatIsRead:
    @pytest.mark.parametrize("format_", FORMATS)
    def test_all_formats_give_rgb(self, format_: str) -> None:
        read = decode(written(picture(), format_), 1600)
        assert (read.mode, read.size) == ("RGB", (320, 200))
        red, green, blue = read.getpixel((160, 40))  # type: ignore[misc]
        assert red > 235
        assert green < 25
        assert blue < 25

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I"])
    def test_every_kind_of_pixel_gives_rgb(self, mode: str) -> None:
        format_ = "JPEG" if mode == "CMYK" else "PNG"
        source = Image.new("I;16", (64, 64), 40_000) if mode in ("I;16", "I") else picture(64, 64).convert(mode)
        assert decode(written(source, format_), 1600).mode == "RGB"

    def test_sixteen_bits_keep_their_brightness(self) -> None:
        assert decode(written(Image.new("I;16", (64, 64), 0x8000), "PNG"), 1600).getpixel((5, 5)) == (128, 128, 128)

    def test_transparent_pixels_are_white(self) -> None:
        clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        for format_ in ("PNG", "WEBP", "GIF", "AVIF", "HEIF"):
            assert min(decode(written(clear, format_), 1600).getpixel((5, 5))) > 250, format_  # type: ignore[arg-type]

    def test_of_an_animation_the_first_frame_is_read(self) -> None:
        frames = [picture(color="white"), picture(color="black"), picture(color="red")]
        for format_ in ("GIF", "WEBP", "PNG", "AVIF"):
            moving = written(frames[0], format_, save_all=True, append_images=frames[1:])
            assert min(decode(moving, 1600).getpixel((5, 5))) > 240, format_  # type: ignore[arg-type]

    def test_a_frame_smaller_than_its_canvas_keeps_its_place(self) -> None:
        first, second = Image.new("RGBA", (64, 64)), picture(64, 64, "RGBA", "black")
        first.paste("red", (40, 40, 50, 50))
        read = decode(written(first, "WEBP", save_all=True, append_images=[second], lossless=True), 1600)
        assert (read.size, read.getpixel((45, 45)), read.getpixel((39, 39))) == ((64, 64), (255, 0, 0), (0, 0, 0))

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
    def test_exif_says_which_way_is_up(self, format_: str, orientation: int) -> None:
        turns: dict[int, Image.Transpose] = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270,
        }
        upright = picture()
        upright.paste("white", (0, 0, 80, 50))
        stored = upright.transpose(turns[orientation]) if orientation in turns else upright
        exif = Image.Exif()
        exif[0x0112] = orientation
        read = decode(written(stored, format_, exif=exif.tobytes()), 1600)
        assert read.size == (320, 200)
        white, red, black = (read.getpixel(place) for place in ((20, 20), (300, 20), (20, 180)))
        assert min(white) > 235  # type: ignore[arg-type]
        assert (red[0] > 235, red[1] < 25) == (True, True)  # type: ignore[index]
        assert max(black) < 25  # type: ignore[arg-type]

    def test_a_large_photo_is_shrunk_and_a_small_one_left(self) -> None:
        large = written(picture(6000, 4000), "JPEG")
        assert decode(large, 1600).size == (1600, 1067)
        assert decode(written(picture(), "JPEG"), 1600).size == (320, 200)

    def test_a_strip_keeps_a_pixel_of_its_thin_side(self) -> None:
        assert decode(written(picture(20_000, 2), "PNG"), 1600).size == (1600, 1)

    def test_shrinking_in_bands_leaves_no_seams(self) -> None:
        large = Image.radial_gradient("L").resize((4001, 3001)).convert("RGBA")
        at_once = large.convert("RGB").resize((1000, 750), Image.Resampling.BICUBIC)
        read = decode(written(large, "PNG", compress_level=1), 1000)
        different = [abs(one - other) for one, other in zip(read.tobytes(), at_once.tobytes(), strict=True)]
        assert max(different) <= 1


class TestVerdicts:
    @pytest.mark.parametrize("part", range(4))
    def test_each_of_the_corpus_gets_its_own(self, part: int) -> None:
        wrong = []
        for each in [each for each in hostile() if not each.expensive][part::4]:
            started = time.process_time()
            found, reason = verdict(each.image)
            if each.verdict not in ("either", found) or each.reason not in reason:
                wrong.append((each.name, found, reason))
            if time.process_time() - started > 2 or "PIL" in reason or "0x" in reason:
                wrong.append((each.name, "slow or telling", reason))
        assert wrong == []

    def test_the_corpus_is_large(self) -> None:
        assert len(hostile()) > 300

    @pytest.mark.parametrize("format_", FORMATS)
    def test_flipped_bits_do_no_worse(self, format_: str) -> None:
        for image in flipped(format_, 12 if format_ in ("HEIF", "AVIF") else 200):
            verdict(image, 64)

    @pytest.mark.parametrize("format_", FORMATS)
    def test_a_picture_cut_anywhere_is_refused(self, format_: str) -> None:
        image = drawn_as(format_)
        for end in range(0, len(image), max(1, len(image) // 100)):
            assert verdict(image[:end])[0] == "refused", end

    def test_10_mb_are_read_and_a_byte_more_is_not(self) -> None:
        image = written(picture(), "JPEG")
        assert verdict(image + bytes(MOST_BYTES - len(image))) == ("read", "")
        assert verdict(image + bytes(MOST_BYTES - len(image) + 1)) == ("refused", "The image is larger than 10 MB.")

    def test_a_format_with_a_smaller_bound_says_so(self) -> None:
        image = bytearray(written(picture(5000, 5000), "WEBP", method=0))
        assert verdict(bytes(image)) == ("refused", "The image has more than 24 megapixels, the most for a WebP.")
        assert "more than 50 megapixels" in verdict(heic_grid(20, 20, size=(10_240, 10_240)))[1]


class TestBounds:
    @pytest.mark.parametrize("name", EXPENSIVE + STUBBORN)
    def test_memory_and_time_of_the_worst(self, name: str) -> None:
        (each,) = (each for each in hostile() if each.name == name)
        assert measured(each.image) == each.verdict

    @pytest.mark.parametrize("name", LIMITS)
    def test_memory_and_time_of_the_largest(self, name: str) -> None:
        assert measured(at_the_limits()[name]()) == "read"

    def test_threads_take_turns(self) -> None:
        assert measured(large_png(8640, 5760, 8, 6), threads=3) == "read"

    def test_threads_get_each_their_own(self) -> None:
        images = [written(picture(200 + i, 100), FORMATS[i % len(FORMATS)]) for i in range(24)]
        with ThreadPoolExecutor(8) as threads:
            sizes = [read.size for read in threads.map(lambda image: decode(image, 1600), images)]
        assert sizes == [(200 + i, 100) for i in range(24)]

    def test_nothing_is_loaded_that_is_not_needed(self) -> None:
        program = """
import sys
from shared.images import UnreadableImage, decode
image = sys.stdin.buffer.read()
for bytes_ in (image, b"BM" + bytes(99), b"II*\\0" + bytes(99), b"%!PS-Adobe-3.0 EPSF-3.0"):
    try:
        decode(bytes_, 1600)
    except UnreadableImage:
        pass
print(sorted(name.removeprefix("PIL.") for name in sys.modules if "Plugin" in name or "heif" in name))
"""
        decoders = ["GifImagePlugin", "JpegImagePlugin", "PngImagePlugin", "WebPImagePlugin"]
        for format_ in FORMATS:
            loaded = alone(program, written(picture(), format_)).strip()
            assert loaded == str([] if format_ in ("HEIF", "AVIF") else decoders)

    def test_what_is_cut_short_is_never_made_up(self) -> None:
        assert ImageFile.LOAD_TRUNCATED_IMAGES is False


class TestWhatLeaves:
    def left(self, image: bytes, longest: int = 1600, **options: Any) -> tuple[bytes, Image.Image]:
        left = jpeg(decode(image, 3200), longest, **options)
        return left, Image.open(io.BytesIO(left))

    def test_it_is_shrunk_and_never_enlarged(self) -> None:
        assert self.left(written(picture(3000, 2000), "PNG"))[1].size == (1600, 1067)
        assert self.left(written(picture(), "PNG"))[1].size == (320, 200)

    def test_it_looks_the_same(self) -> None:
        red, green, blue = self.left(written(picture(), "PNG"))[1].getpixel((160, 40))  # type: ignore[misc]
        assert (red > 240, green < 15, blue < 15) == (True, True, True)

    def test_nothing_but_pixels_is_in_it(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = "where I live"
        carried = in_jpeg(
            jpeg_segment(0xE1, exif.tobytes()),
            jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0where I live"),
            jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1where I live"),
            jpeg_segment(0xFE, b"where I live" + ZIP),
        )
        left, opened = self.left(carried)
        assert b"where I live" not in left
        assert b"PK" not in left
        assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}

    def test_a_picture_of_the_callers_leaves_no_more(self) -> None:
        mine = picture(2000, 1000, "RGBA", "red")
        mine.info = {"comment": b"where I live", "exif": b"where I live", "icc_profile": b"where I live", "dpi": (9, 9)}
        assert b"where I live" not in jpeg(mine, 1600)
        assert mine.size == (2000, 1000)

    def test_quality_is_the_callers_to_say(self) -> None:
        noise = written(Image.effect_noise((400, 400), 90), "PNG")
        assert len(self.left(noise, quality=40)[0]) < len(self.left(noise)[0]) * 0.7


def test_a_hostile_image_is_told_by_its_name() -> None:
    assert isinstance(hostile()[0], Hostile)
    assert hostile() is hostile()
