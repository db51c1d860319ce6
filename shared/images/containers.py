"""Files taken apart: what draws the first picture is kept, everything else is dropped unread or refused.

Every part is walked to the file's end, so a file that is cut short or carries something else along is known as such
before a decoder sees a byte of it. No part is believed: lengths are checked, sizes are bounds, the decoders judge.
"""

from __future__ import annotations

from shared.images import jpegs
from shared.images.drawing import MOST_PARTS, PADDING, Drawing, check_end, orientation
from shared.images.refusal import UnreadableImage, cut_short, damaged, something_appended, too_many_parts

PNG = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
WEBP_KEPT = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF")
WEBP_ALPHA, WEBP_ANIMATION = 0x10, 0x02
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
AVIF_BRANDS = {b"avif", b"avis"}
# The boxes of pictures, and of what phones add to them (a short film, notes of their own).
BOXES = {b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"wide", b"uuid", b"mpvd", b"sefd"}


def opened(image: bytes) -> Drawing:
    """The file taken apart, by what it begins with."""
    if image.startswith(jpegs.START):
        return jpegs.opened(image)
    if image.startswith(PNG):
        return _png(image)
    if image.startswith(b"RIFF") and image[8:12] == b"WEBP":
        return _webp(image)
    if image.startswith((b"GIF87a", b"GIF89a")):
        return _gif(image)
    if image[4:8] == b"ftyp":
        return _heif(image)
    raise _unknown()


def _png(image: bytes) -> Drawing:
    """Header, palette, transparency and pixels; no frames, texts or profiles."""
    kept, position, size, turned = [PNG], len(PNG), (0, 0), 1
    for part in range(MOST_PARTS):
        length, kind = int.from_bytes(image[position : position + 4]), image[position + 4 : position + 8]
        body, end = position + 8, position + 12 + length
        if end > len(image) or body > len(image):
            raise cut_short()
        if (kind == b"IHDR") != (part == 0):
            raise damaged()
        if kind == b"IHDR":
            size = int.from_bytes(image[body : body + 4]), int.from_bytes(image[body + 4 : body + 8])
        if kind == b"eXIf":
            turned = orientation(image[body : end - 4])
        if kind in PNG_KEPT:
            kept.append(image[position:end])
        if kind == b"IEND":
            check_end(image, end)
            return Drawing("PNG", b"".join(kept), size, turned)
        position = end
    raise too_many_parts()


def _webp(image: bytes) -> Drawing:
    """The picture, or the first of its frames; no profile, EXIF or XMP."""
    file_end = 8 + int.from_bytes(image[4:8], "little")
    check_end(image, file_end)
    kept, position, size, turned, framed = [b"WEBP"], 12, (0, 0), 1, False
    for part in range(MOST_PARTS):
        if position >= file_end:
            drawing = b"".join(kept)
            return Drawing("WebP", b"RIFF" + len(drawing).to_bytes(4, "little") + drawing, size, turned)
        kind, start = image[position : position + 4], position + 8
        end = start + int.from_bytes(image[position + 4 : start], "little")
        body = image[start:end]
        if end > file_end:
            raise damaged()
        if part == 0:
            size = _webp_size(kind, body)
        if kind == b"EXIF":
            turned = orientation(body)
        if kind == b"VP8X":
            body = bytes([body[0] & (WEBP_ALPHA | WEBP_ANIMATION)]) + body[1:] if body else body
        if kind in WEBP_KEPT and not (kind == b"ANMF" and framed):
            kept.append(kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2))
        framed = framed or kind == b"ANMF"
        position = end + end % 2
    raise too_many_parts()


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int]:
    """What the first part promises."""
    if len(body) >= 10 and kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if len(body) >= 10 and kind == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if len(body) >= 5 and kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise damaged()


def _gif(image: bytes) -> Drawing:
    """Up to the first frame; the others are passed over."""
    if len(image) < 13:
        raise cut_short()
    position = 13 + _gif_colors(image[10])
    canvas = int.from_bytes(image[6:8], "little"), int.from_bytes(image[8:10], "little")
    kept, control, size = [image[:position]], b"", (0, 0)
    for _ in range(MOST_PARTS):
        start, kind = position, image[position : position + 1]
        if kind == b";":
            check_end(image, position + 1)
            return Drawing("GIF", b"".join([*kept, b";"]), size)
        if kind not in (b"", b"!", b","):
            raise damaged()
        position += 2 if kind == b"!" else 10
        if position > len(image):
            raise cut_short()
        if kind == b",":
            position += _gif_colors(image[position - 1]) + 1
        position = _gif_after_blocks(image, position)
        if len(kept) > 1:
            continue
        if image[start : start + 3] == b"!\xf9\x04" and position - start == 8:
            # Which colour is transparent; not what becomes of the frame when the next one comes.
            control = image[start : start + 3] + bytes([image[start + 3] & 1]) + image[start + 4 : position]
        if kind == b",":
            left, top, width, height = (
                int.from_bytes(image[place : place + 2], "little") for place in range(start + 1, start + 9, 2)
            )
            size = max(canvas[0], left + width), max(canvas[1], top + height)  # a frame may enlarge the canvas
            kept += [control, image[start:position]]
    raise too_many_parts()


def _gif_colors(flags: int) -> int:
    """How many bytes of palette follow."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _gif_after_blocks(image: bytes, position: int) -> int:
    """Where a chain of blocks, each beginning with its length, is over."""
    try:
        while length := image[position]:
            position += length + 1
    except IndexError as error:
        raise cut_short() from error
    return position + 1


def _heif(image: bytes) -> Drawing:
    """As it is: where its parts are is said in offsets into the whole."""
    brands = {image[place : place + 4] for place in (8, *range(16, min(int.from_bytes(image[:4]), 512), 4))}
    format_ = "AVIF" if brands & AVIF_BRANDS else "HEIC"
    if not brands & (AVIF_BRANDS | HEIF_BRANDS):
        raise _unknown()
    position, kinds = 0, set[bytes]()
    for _ in range(MOST_PARTS):
        length, kind = int.from_bytes(image[position : position + 4]), image[position + 4 : position + 8]
        if kind not in BOXES and (not image[position:].strip(PADDING) or image.endswith(b"SEFT")):
            if b"meta" not in kinds:
                raise cut_short()
            return Drawing(format_, image, (0, 0))
        if kind not in BOXES or (kind == b"ftyp" and kinds):
            raise something_appended() if len(kind) == 4 else cut_short()
        if length == 1:
            length = int.from_bytes(image[position + 8 : position + 16])
        if length == 0:  # to the end
            length = len(image) - position
        if length < 8:
            raise damaged()
        kinds.add(kind)
        position += length
        if position > len(image):
            raise cut_short()
    raise too_many_parts()


def _unknown() -> UnreadableImage:
    return UnreadableImage("The file is not a JPEG, PNG, WebP, GIF, HEIC or AVIF image.")
