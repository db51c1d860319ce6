"""JPEG taken apart: the tables, the frame and its scans; and what cameras append."""

from __future__ import annotations

import re

from shared.images.drawing import MOST_PARTS, PADDING, Drawing, orientation
from shared.images.refusal import UnreadableImage, cut_short, damaged, something_appended, too_many_parts

START = b"\xff\xd8\xff"
SOI, EOI, SOS, APP0, APP1, APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
TABLES = (0xC4, 0xDB, 0xDD)
FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
OTHER_FRAMES = (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
# A part begins with 0xFF, any number of times. Within a scan's data zero or the number of a restart follows it.
MARKER = re.compile(rb"\xff+([^\xff])")
AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# What the metadata of a photo say when a film, a gain map or a depth map follows it.
CAMERA_SAYS = (b"MotionPhoto", b"MicroVideo", b"Container:Directory", b"hdrgm:Version", b"hdrgainmap")
MOST_APPENDED = 8


def opened(image: bytes) -> Drawing:
    """What draws the first picture; what follows it is something that cameras append, or nothing."""
    drawing, end = _taken_apart(image, 0)
    announced = any(word in image for word in CAMERA_SAYS)
    for _ in range(MOST_APPENDED):
        appended = image[end:].strip(PADDING)
        notes = appended.endswith(b"SEFT") and b"SEFH" in appended  # Samsung's, with the film if there is one
        film = announced and b"ftyp" in appended[:8]
        pictures = announced and appended.startswith(START)
        if not appended or notes or film or pictures:
            return drawing
        if not appended.startswith(START):
            raise something_appended()
        preview, end = _taken_apart(image, image.index(START, end))
        if 2 * max(preview.size) > max(drawing.size):
            raise UnreadableImage("The file is an MPO: it holds several pictures.")
    raise too_many_parts()


def _taken_apart(image: bytes, begin: int) -> tuple[Drawing, int]:
    """The picture that begins there, and where it ends."""
    kept, position, size, channels, scans, turned = [image[begin : begin + 2]], begin + 2, (0, 0), 0, 0, 1
    for _ in range(MOST_PARTS):
        found = MARKER.match(image, position)
        if not found:
            raise cut_short() if not image[position:].strip(b"\xff") else damaged()
        marker, start = image[found.end() - 1], found.end()
        if marker == EOI:
            if not scans:
                raise damaged()
            return Drawing("JPEG", b"".join([*kept, b"\xff\xd9"]), size, turned, channels, scans), start
        end = start + int.from_bytes(image[start : start + 2])
        body = image[start + 2 : end]
        if marker in (0x00, 0x01, SOI):
            raise damaged()
        if max(end, start + 2) > len(image):
            raise cut_short()
        if end < start + 2:
            raise damaged()
        if marker in OTHER_FRAMES:
            raise UnreadableImage("The JPEG is of a kind that is not read: arithmetic, lossless or hierarchical.")
        if marker in FRAMES:
            if channels or len(body) < 6:
                raise damaged()
            size, channels = (int.from_bytes(body[3:5]), int.from_bytes(body[1:3])), body[5]
        if marker == SOS:
            after = AFTER_SCAN.search(image, end)
            if not after:
                raise cut_short()
            scans, end = scans + 1, after.start()
        if marker == APP1 and body.startswith(b"Exif\0\0") and turned == 1:
            turned = orientation(body)
        # JFIF and Adobe say how the channels are meant.
        meant = (marker == APP0 and body.startswith(b"JFIF\0")) or (marker == APP14 and body.startswith(b"Adobe"))
        if meant or marker == SOS or marker in FRAMES or marker in TABLES:
            kept.append(b"\xff" + image[start - 1 : end])
        position = end
    raise too_many_parts()
