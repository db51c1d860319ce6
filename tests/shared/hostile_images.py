"""Images as strangers send them: broken, deceitful, outsized or merely odd, each with the verdict it deserves.

`hostile()` is built once per process, the same each time. Those marked expensive take seconds or hundreds of MB.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pillow_heif
from PIL import Image

CUT = "cut short"
DAMAGED = "damaged"
APPENDED = "something else after the image"
UNKNOWN = "not a JPEG, PNG, WebP, GIF, HEIC or AVIF"
MPO = "MPO"
TOO_LARGE = "megapixels"

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF")
# Where test images lie in the packages that are installed anyway.
FOUND_IN = {
    "skimage": "data",
    "networkx": "drawing/tests/baseline",
    "scipy": "ndimage/tests",
    "werkzeug": "debug/shared",
}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
ZIP = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)


@dataclass(frozen=True)
class Hostile:
    """Bytes and what must become of them; `reason` is part of what a refusal says."""

    name: str
    image: bytes
    verdict: Literal["refused", "read", "either"]
    reason: str = ""
    expensive: bool = False


def picture(width: int = 320, height: int = 200, mode: str = "RGB", color: Any = None) -> Image.Image:
    """Red above, black below, unless one colour is asked for."""
    drawn = Image.new(mode, (width, height), color if color is not None else 0)
    if color is None:
        drawn.paste((255, 0, 0) if mode == "RGB" else 255, (0, 0, width, height // 2))
    return drawn


def written(drawn: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    if format_ == "HEIF":
        pillow_heif.from_pillow(drawn).save(out, enc_params={"preset": "ultrafast"}, **{"quality": 60, **options})
    else:
        drawn.save(out, format_, **options)
    return out.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, data: bytes, *extra: bytes, depth: int = 8, color: int = 2, lace: int = 0) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, lace))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def png_promising(width: int, height: int) -> bytes:
    return png_of(width, height, zlib.compress(bytes(10_000)))


def deflated_zeros(count: int) -> bytes:
    """`count` zeros as zlib would have them, without compressing them all."""
    million = zlib.compressobj(1, wbits=-15)
    block = million.compress(bytes(1_000_000)) + million.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(1, wbits=-15)
    end = rest.compress(bytes(count % 1_000_000)) + rest.flush()
    return b"\x78\x01" + block * (count // 1_000_000) + end + struct.pack(">HH", count % 65_521, 1)


def large_png(width: int, height: int, depth: int, color: int, *extra: bytes) -> bytes:
    row = 1 + width * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color] * depth // 8
    return png_of(width, height, deflated_zeros(row * height), *extra, depth=depth, color=color)


def jpeg_of_scans(count: int, side: int = 4000) -> bytes:
    """Valid, small, and a pass over all its pixels for each of its scans."""
    return _more_scans(picture(side, side), count)


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def in_jpeg(*segments: bytes, image: bytes | None = None) -> bytes:
    image = image or written(picture(), "JPEG")
    return image[:2] + b"".join(segments) + image[2:]


def in_riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


@dataclass(frozen=True)
class Item:
    """An item of a HEIC: its kind, size, data and the items it is made of."""

    kind: bytes
    size: tuple[int, int]
    data: bytes
    made_of: tuple[int, ...] = ()


def heic_of(items: list[Item], config: bytes, reference: int = 0, extra: bytes = b"") -> bytes:
    """A HEIC whose last item is the picture; items of the same data share it."""
    full = bytes(4)
    ftyp = box(b"ftyp", b"heic", full, b"mif1heic")
    sizes = list(dict.fromkeys(item.size for item in items))
    stored = list(dict.fromkeys(item.data for item in items))
    numbered = list(enumerate(items, 1))

    def meta(start: int) -> bytes:
        begins = {data: start + sum(map(len, stored[:place])) for place, data in enumerate(stored)}
        places = [struct.pack(">HHHII", i, reference, 1, begins[item.data], len(item.data)) for i, item in numbered]
        known = [
            struct.pack(">HBB", i, 1, at) if item.kind != b"hvc1" else struct.pack(">HBBB", i, 2, 0x81, at)
            for i, item in numbered
            for at in [sizes.index(item.size) + 2]
        ]
        named = [box(b"infe", b"\2\0\0\0", struct.pack(">HH", i, 0), item.kind, b"\0") for i, item in numbered]
        made = [
            box(b"dimg", struct.pack(f">HH{len(item.made_of)}H", i, len(item.made_of), *item.made_of))
            for i, item in numbered
            if item.made_of
        ]
        properties = box(b"ipco", config, *(box(b"ispe", full, struct.pack(">II", *size)) for size in sizes))
        return box(
            b"meta",
            full,
            box(b"hdlr", full, bytes(4), b"pict", bytes(13)),
            extra,
            box(b"pitm", full, struct.pack(">H", len(items))),
            box(b"iloc", full, b"\x44\0", struct.pack(">H", len(items)), *places),
            box(b"iinf", full, struct.pack(">H", len(items)), *named),
            box(b"iprp", properties, box(b"ipma", full, struct.pack(">I", len(items)), *known)),
            *([box(b"iref", full, *made)] if made else []),
        )

    return ftyp + meta(len(ftyp) + len(meta(0)) + 8) + box(b"mdat", *stored)


@cache
def heic_tile(side: int = 512) -> tuple[Item, bytes]:
    """A coded item, and the configuration of its decoder."""
    image = written(picture(side, side), "HEIF", quality=10)
    config = image.index(b"hvcC") - 4
    data = image.index(b"mdat") + 4
    return (
        Item(b"hvc1", (side, side), image[data:]),
        image[config : config + int.from_bytes(image[config : config + 4])],
    )


def heic_grid(columns: int = 16, rows: int = 12, side: int = 512, size: tuple[int, int] = (8064, 6048)) -> bytes:
    """As phones write large photos: tiles, and how they lie. (All tiles look the same here.)"""
    tile, config = heic_tile(side)
    laid = bytes([0, 1, rows - 1, columns - 1]) + struct.pack(">II", *size)
    count = columns * rows
    return heic_of([*[tile] * count, Item(b"grid", size, laid, tuple(range(1, count + 1)))], config)


def heic_overlays(depth: int = 1, each: int = 60, side: int = 2048) -> bytes:
    """A picture made of many pictures on top of each other, each made of as many in turn."""
    tile, config = heic_tile(side)
    items, below = [tile] * each, tuple(range(1, each + 1))
    laid = bytes(2) + struct.pack(">4HHH", 0, 0, 0, 65_535, side, side) + bytes(4 * each)
    for _ in range(depth):
        above = range(len(items) + 1, len(items) + each + 1)
        items += [Item(b"iovl", (side, side), laid, below)] * each
        below = tuple(above)
    return heic_of(items, config)


def drawn_as(format_: str) -> bytes:
    """A small picture with something in it, so that damage has something to hit."""
    drawn = picture(160, 120)
    for place in range(0, 160, 20):
        drawn.paste((place, 255 - place, 99), (place, place % 70, place + 15, 110))
    return written(drawn, format_)


def flipped(format_: str, count: int, seed: int = 7) -> Iterator[bytes]:
    """The picture with a few of its bits turned over."""
    source, dice = drawn_as(format_), random.Random(f"{format_} {seed}")
    for _ in range(count):
        image = bytearray(source)
        for _ in range(dice.choice((1, 1, 2, 8))):
            image[dice.randrange(len(image))] ^= 1 << dice.randrange(8)
        yield bytes(image)


@cache
def hostile() -> list[Hostile]:
    """All of them."""
    found = [
        *_no_images(),
        *_cut(),
        *_two_in_one(),
        *_lies(),
        *_odd_but_good(),
        *_flipped(),
        *_installed(),
        *_expensive(),
    ]
    assert len({each.name for each in found}) == len(found)
    return found


def refused(name: str, image: bytes, reason: str = "", expensive: bool = False) -> Hostile:
    return Hostile(name, image, "refused", reason, expensive)


def read(name: str, image: bytes, expensive: bool = False) -> Hostile:
    return Hostile(name, image, "read", "", expensive)


def _no_images() -> Iterator[Hostile]:
    yield refused("nothing", b"", "empty")
    for name, image in {
        "text": b"Two bottles of oat milk, please.",
        "a data type and a name": b"image/jpeg;photo.jpg" * 10,
        "svg": SVG,
        "svg with a declaration": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        + SVG,
        "svg after a mark": b"\xef\xbb\xbf" + SVG,
        "html": b"<html><img src=x onerror=alert(1)></html>",
        "zip": ZIP,
        "gzip": b"\x1f\x8b\x08" + bytes(40),
        "zeros": bytes(4096),
        "elf": b"\x7fELF" + bytes(200),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
        "dos eps": b"\xc5\xd0\xd3\xc6" + bytes(60),
        "wmf": b"\xd7\xcd\xc6\x9a" + bytes(60),
        "emf": b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(60),
        "psd": b"8BPS\0\1" + bytes(60),
        "jpeg xl": b"\xff\x0a" + bytes(60),
        "jpeg xl in boxes": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60),
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
        "mp4": box(b"ftyp", b"isom", bytes(4), b"isommp42") + box(b"moov", bytes(40)),
        "quicktime": box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + box(b"mdat", bytes(40)),
        "pdf with a picture": b"%PDF-1.7\n" + written(picture(), "JPEG"),
        "mail with a picture": b"Content-Type: image/jpeg\r\n\r\n" + written(picture(), "JPEG"),
        "page that hides a picture": b"<script>/*" + written(picture(), "GIF") + b"*/</script>",
        "picture after a blank": b" " + written(picture(), "PNG"),
        "riff that is sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(24),
        "half a signature": b"\x89PNG\r\n",
    }.items():
        yield refused(name, image, UNKNOWN)
    for format_ in ("BMP", "TIFF", "ICO", "PPM", "TGA", "PCX", "SGI", "DDS", "ICNS", "PDF", "JPEG2000", "EPS"):
        side = 128 if format_ == "ICNS" else 64
        yield refused(f"a good {format_.lower()}", written(picture(side, side), format_), UNKNOWN)


def _cut() -> Iterator[Hostile]:
    images = {format_.lower(): drawn_as(format_) for format_ in FORMATS}
    images["progressive jpeg"] = written(picture(), "JPEG", progressive=True)
    frames = {"save_all": True, "append_images": [picture(color="white"), picture(color="blue")]}
    images |= {f"moving {name.lower()}": written(picture(), name, **frames) for name in ("GIF", "WEBP", "PNG", "AVIF")}
    for name, image in images.items():
        for part in (1, 5, 20, 50, 80, 95, 99):
            yield refused(f"{part} % of a {name}", image[: max(13, len(image) * part // 100)])
        yield refused(f"a {name} without its last byte", image[:-1], CUT)
        yield refused(f"the first 12 bytes of a {name}", image[:12])


def _two_in_one() -> Iterator[Hostile]:
    others = {
        "zip": ZIP,
        "html": b"<script>alert(1)</script>",
        "pdf": b"%PDF-1.7\n%%EOF",
        "php": b"<?php system($_GET[0]);",
    }
    for format_ in FORMATS:
        image = drawn_as(format_)
        for name, other in others.items():
            yield refused(f"a {format_.lower()} that is a {name}", image + other, APPENDED)
        yield refused(f"two {format_.lower()}s", image + image, MPO if format_ == "JPEG" else "")
        yield read(f"a {format_.lower()} and padding", image + bytes(512))
    image = written(picture(), "JPEG")
    yield refused("mpo", written(picture(), "MPO", save_all=True, append_images=[picture()]), MPO)
    yield refused("mpo cut short", written(picture(), "MPO", save_all=True, append_images=[picture()])[:-300], CUT)
    yield refused("a jpeg, a preview and a zip", image + written(picture(80, 50), "JPEG") + ZIP, APPENDED)
    yield refused("a film nobody announced", image + box(b"ftyp", b"mp42") + box(b"mdat", bytes(99)), APPENDED)
    yield refused("thousands of previews", image + written(picture(8, 8), "JPEG") * 5000, "parts")
    yield refused("gif that is a script", b"GIF89a/*" + b"\xff" * 60 + b"*/=alert(1)")
    says = jpeg_segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x GCamera:MotionPhoto="1"/>')
    yield read("motion photo", in_jpeg(says) + box(b"ftyp", b"mp42") + box(b"mdat", bytes(999)))
    yield read("notes of a phone", image + b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1SEFH" + bytes(24) + b"SEFT")
    yield read("a preview", written(picture(1600, 1200), "JPEG") + written(picture(320, 240), "JPEG"))
    gains = jpeg_segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>')
    yield read("gain map", in_jpeg(gains) + in_jpeg(gains))
    yield read("zip in a comment", in_jpeg(jpeg_segment(0xFE, ZIP)))  # it does not come out again


def _lies() -> Iterator[Hostile]:
    for size in ((60_000, 60_000), (7500, 7500), (12_000, 9000), (2**31 - 1, 1)):
        yield refused(f"png of {size[0]} x {size[1]}", png_promising(*size), TOO_LARGE)
    yield refused("png of 70000 x 2", png_promising(70_000, 2), "side")
    yield refused("png without enough pixels", png_promising(2000, 2000), DAMAGED)
    for size in ((0, 10), (10, 0), (0, 0)):
        yield refused(f"png of {size[0]} x {size[1]}", png_promising(*size), "no pixels")
    yield refused("png of an unknown colour", png_of(9, 9, zlib.compress(bytes(999)), color=5), DAMAGED)
    yield refused("png without data", png_of(9, 9, b""), DAMAGED)
    yield refused("png whose data is none", png_of(64, 64, b"\xff" * 99), DAMAGED)
    good = written(picture(), "PNG")
    yield refused("png with a wrong sum", good[:29] + bytes(4) + good[33:], DAMAGED)
    yield refused("png with two headers", good[:33] + good[8:], DAMAGED)
    yield refused("png that ends first", good[:8] + png_chunk(b"IEND", b"") + good[8:], DAMAGED)
    yield refused("png of endless parts", good[:33] + png_chunk(b"teXt", b"") * 60_000 + good[33:], "parts")
    yield refused("png with a part of 4 GB", good[:33] + b"\xff\xff\xff\xffIDAT" + good[41:], CUT)
    jpeg = written(picture(), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    yield refused("jpeg of 65535 x 65535", jpeg[: frame + 5] + b"\xff" * 4 + jpeg[frame + 9 :], TOO_LARGE)
    yield refused("jpeg of 0 x 0", jpeg[: frame + 5] + bytes(4) + jpeg[frame + 9 :], "no pixels")
    yield refused("jpeg in 300 channels", jpeg[: frame + 9] + b"\xff" + jpeg[frame + 10 :], DAMAGED)
    yield refused("lossless jpeg", jpeg[: frame + 1] + b"\xc3" + jpeg[frame + 2 :], "of a kind")
    yield refused("arithmetic jpeg", jpeg[: frame + 1] + b"\xc9" + jpeg[frame + 2 :], "of a kind")
    yield refused("jpeg in another", jpeg[:20] + jpeg + jpeg[20:], DAMAGED)
    yield refused("jpeg without tables", jpeg[:2] + jpeg[frame:], DAMAGED)
    yield refused("jpeg without scans", jpeg[: jpeg.index(b"\xff\xda")] + b"\xff\xd9", DAMAGED)
    yield refused("jpeg of endless fill", b"\xff\xd8" + b"\xff" * 9_000_000, CUT)
    yield refused("jpeg of endless parts", in_jpeg(jpeg_segment(0xFE, b"") * 100_000), "parts")
    yield refused("jpeg of a thousand scans", jpeg_of_scans(1000), "scans")
    yield refused("larger than 10 MB", jpeg + bytes(10 * 1024 * 1024), "10 MB")
    webp = written(picture(), "WEBP")
    huge = riff_chunk(b"VP8X", bytes(4) + b"\xff\x3f\0" * 2)
    yield refused("webp of 16384 x 16384", in_riff(huge, webp[12:]), TOO_LARGE)
    yield refused(
        "webp whose canvas is another", in_riff(riff_chunk(b"VP8X", bytes(4) + b"\x09\0\0" * 2), webp[12:]), DAMAGED
    )
    yield refused("webp of endless parts", in_riff(webp[12:], riff_chunk(b"JUNK", b"") * 100_000), "parts")
    yield refused("webp of nothing", in_riff(), "no pixels")
    yield refused("webp with a part too long", in_riff(webp[12:-20], b"VP8 \xff\xff\xff\x7f"), DAMAGED)
    gif = written(picture(), "GIF")
    image = gif.index(b",", 13 + 3 * 256 if gif[10] & 7 == 7 else 13)
    yield refused("gif of 65535 x 65535", gif[:6] + b"\xff" * 4 + gif[10:], TOO_LARGE)
    yield refused("gif whose frame is larger", gif[: image + 1] + b"\xff" * 8 + gif[image + 9 :], TOO_LARGE)
    yield refused("gif without a frame", gif[:10] + bytes(3) + b";", "no pixels")
    yield refused("gif of endless parts", gif[:-1] + b"!\xfe\0" * 100_000 + b";", "parts")
    yield refused("gif of blocks of one byte", gif[:-1] + b"!\xfe" + b"\1x" * 2_000_000, CUT)
    tile, config = heic_tile()
    yield refused("heic that claims more than it is", heic_of([Item(b"hvc1", (7000, 7000), tile.data)], config))
    yield refused("heic of 60000 x 60000", heic_of([Item(b"hvc1", (60_000, 60_000), tile.data)], config))
    yield refused("heic without data", heic_of([Item(b"hvc1", (512, 512), b"")], config))
    elsewhere = box(
        b"dinf", box(b"dref", bytes(4), struct.pack(">I", 1), box(b"url ", bytes(4), b"file:///etc/passwd\0"))
    )
    yield read("heic whose data is elsewhere", heic_of([tile], config, reference=1, extra=elsewhere))  # not followed
    yield refused("heic made of itself", heic_of([Item(b"iovl", (99, 99), bytes(22), (1,))], config))
    yield refused("heic without a picture", heic_of([Item(b"Exif", (9, 9), bytes(99))], config))
    yield refused("heic grid without enough tiles", heic_grid(2, 2, size=(9000, 5000)))
    avif = drawn_as("AVIF")
    yield refused("avif in the name of heic", avif.replace(b"avif", b"heic"), DAMAGED)
    yield refused("heic in the name of avif", drawn_as("HEIF").replace(b"heic", b"avif"), DAMAGED)
    wide = avif.index(b"ispe") + 8
    yield refused("avif of 60000 x 60000", avif[:wide] + struct.pack(">II", 60_000, 60_000) + avif[wide + 8 :])
    yield read("avif that claims more than it is", avif[:wide] + struct.pack(">II", 999, 999) + avif[wide + 8 :])


def _odd_but_good() -> Iterator[Hostile]:
    noise = random.Random(3).randbytes
    yield read("scans in exif, comments and data", in_jpeg(*[jpeg_segment(0xFE, b"\xff\xda" * 999)] * 20))
    thumbnail = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + written(picture(80, 50), "JPEG", progressive=True)
    yield read("jpeg with a progressive thumbnail", in_jpeg(jpeg_segment(0xE1, thumbnail)))
    yield read("jpeg of 18 scans", written(picture().convert("CMYK"), "JPEG", progressive=True))
    yield read("jpeg with restarts", written(Image.effect_noise((320, 200), 90), "JPEG", restart_marker_blocks=1))
    yield read("jpeg with 4 MB of profile", in_jpeg(*[jpeg_segment(0xE2, b"ICC_PROFILE\0" + noise(60_000))] * 70))
    yield read("jpeg with broken exif", in_jpeg(jpeg_segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)))
    yield read("jpeg with exif that points away", in_jpeg(jpeg_segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff")))
    yield read("jpeg that says it is several", in_jpeg(jpeg_segment(0xE2, b"MPF\0" + noise(80))))
    yield read("jpeg with fill", in_jpeg(b"\xff" * 4000))
    data = zlib.compress(b"\0" * (9 * 3 * 9 + 9))
    bomb = b"x\0\0" + deflated_zeros(900_000_000)
    yield read("png whose text is a bomb", png_of(9, 9, data, *[png_chunk(b"zTXt", bomb)] * 2))
    yield read("png whose profile is a bomb", png_of(9, 9, data, png_chunk(b"iCCP", bomb)))
    yield read("png whose long text is a bomb", png_of(9, 9, data, png_chunk(b"iTXt", b"x\0\1\0\0\0" + bomb[3:])))
    yield read("png with broken exif", png_of(9, 9, data, png_chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff")))
    yield read("png of a pixel", written(picture(1, 1), "PNG"))
    yield read("png of a line", written(picture(20_000, 1), "PNG"))
    yield read("interlaced png", png_of(8, 8, zlib.compress(bytes(8 * 8 * 3 + 15)), lace=1))
    yield read("png with more data than pixels", png_of(9, 9, deflated_zeros(50_000_000)))
    for mode in ("1", "L", "LA", "P", "PA", "RGBA", "I;16"):
        drawn = Image.new("I;16", (64, 64), 40_000) if mode == "I;16" else picture(64, 64).convert(mode)
        yield read(f"png in mode {mode}", written(drawn.convert("RGBA") if mode == "PA" else drawn, "PNG"))
    frames = [picture(64, 64, color=(shade % 256, 0, shade // 256)) for shade in range(300)]
    for name in ("GIF", "WEBP", "PNG", "AVIF"):
        moving = written(frames[0], name, save_all=True, append_images=frames[1 : 300 if name == "GIF" else 4])
        yield read(f"many frames of {name.lower()}", moving)
    gif = written(picture(), "GIF")
    yield read("gif of 20000 frames", gif[:-1] + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0" * 20_000 + b";")
    for chroma in (420, 422, 444):
        yield read(f"heic of {chroma}", written(picture(), "HEIF", chroma=chroma))
    yield read("heic with transparency", written(picture().convert("RGBA"), "HEIF"))
    yield read("grey heic", written(picture().convert("L"), "HEIF"))
    yield read("heic of two pictures", _heic_of_two())
    yield read("heic of tiles", heic_grid(2, 2, size=(1000, 900)))
    yield read("heic with a film", drawn_as("HEIF") + box(b"mpvd", bytes(999)))
    yield read("avif of 444", written(picture(), "AVIF", subsampling="4:4:4"))
    yield read("avif with transparency", written(picture().convert("RGBA"), "AVIF"))
    yield read("lossless webp", written(picture(), "WEBP", lossless=True))
    yield read(
        "webp with metadata", written(picture(), "WEBP", exif=thumbnail, xmp=b"<x/>" * 999, icc_profile=noise(999))
    )


def _heic_of_two() -> bytes:
    out = io.BytesIO()
    both = pillow_heif.from_pillow(picture())
    both.add_from_pillow(picture(100, 100))
    both.save(out, quality=50)
    return out.getvalue()


def _flipped() -> Iterator[Hostile]:
    for format_ in FORMATS:
        for place, image in enumerate(flipped(format_, 4)):
            yield Hostile(f"{format_.lower()} with bits flipped {place}", image, "either")


def _installed() -> Iterator[Hostile]:
    for package, folder in FOUND_IN.items():
        spec = find_spec(package)
        for path in sorted((Path(spec.origin).parent / folder).glob("*.*") if spec and spec.origin else []):
            if path.suffix in (".png", ".jpg", ".gif"):
                yield read(f"{package} {path.name}", path.read_bytes())
            if path.suffix in (".tif", ".npy", ".txt", ".xml"):
                yield refused(f"{package} {path.name}", path.read_bytes(), UNKNOWN)


def _expensive() -> Iterator[Hostile]:
    """At the limits of memory and time."""
    size = (8640, 5760)
    yield read("50 MP of png in 16 bits with transparency", large_png(*size, 16, 6), expensive=True)
    yield read("50 MP of grey png with transparency", large_png(*size, 8, 4), expensive=True)
    palette = png_chunk(b"PLTE", bytes(768)), png_chunk(b"tRNS", bytes(256))
    yield read("50 MP of png with a palette", large_png(*size, 8, 3, *palette), expensive=True)
    yield read("a png as tall as can be", large_png(760, 65_535, 8, 6), expensive=True)
    yield read("48 MP of heic", heic_grid(), expensive=True)
    yield refused("heic of 480 pictures on each other", heic_overlays(1, 480, 4096), "too long", expensive=True)
    yield refused("heic of pictures on pictures on pictures", heic_overlays(4, 100), "too long", expensive=True)


def at_the_limits() -> dict[str, Callable[[], bytes]]:
    """The largest that are read, where making one takes longer than reading it."""
    red = {"color": "red"}
    return {
        "50 MP of JPEG": lambda: written(picture(8640, 5760, **red), "JPEG"),
        "50 MP of JPEG in 24 scans of full colour": lambda: _more_scans(picture(8640, 5760, **red), 24),
        "32 MP of CMYK JPEG in 24 scans": lambda: _more_scans(picture(5656, 5656, "CMYK", **red), 24),
        "50 MP of GIF": lambda: written(picture(8640, 5760, "P", 3), "GIF", transparency=3),
        "24 MP of WebP": lambda: written(
            picture(6000, 4000, "RGBA", (9, 9, 9, 99)), "WEBP", lossless=True, method=0, quality=0
        ),
        "36 MP of AVIF": lambda: written(picture(7344, 4896, **red), "AVIF", speed=10, quality=20),
    }


def _more_scans(drawn: Image.Image, count: int) -> bytes:
    image = written(drawn, "JPEG", progressive=True, subsampling=0)
    last = image.rindex(b"\xff\xda")
    return image[:last] + image[last:-2] * (count - image.count(b"\xff\xda") + 1) + b"\xff\xd9"
