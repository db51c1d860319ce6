"""What the two engines read in a picture: barcodes (zxing-cpp) and lines of text (RapidOCR).

Both run in this process and touch no network: the models are files of the RapidOCR wheel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]

# The detector sees a copy this large at most: its memory and time grow with the area. Lines are
# then cut from the whole picture, so small lettering keeps its pixels.
DETECTOR_SIDE = 1120
# Reading a line takes some 6 ms for each of its heights in length, and no less than for the shortest
# strip the recogniser pads to. The largest lettering is read first, and what is beyond this is not:
# 90 short lines, about 4 s.
MOST_LENGTH = 600
SHORTEST_STRIP = 320 / 48
# More codes than a shelf shows: what stands here is bounded for whoever keeps it.
MOST_CODES = 80
# Bars are scanned level and on end. That reads them up to some 20 degrees askew (as steep as they are
# high for their width); turned by these, at any angle. UPC-E and Codabar aren't looked for there:
# their checks are so weak that a slanted scan of another code's bars can pass for one.
ASKEW = (-30.0, 30.0)
LINEAR = "EAN-13, EAN-8, UPC-A, Code 128, Code 93, Code 39, ITF"
# Two cores are what the platform gives; more threads than cores only wait for each other.
THREADS = 2
# The classifier's score from which a line is turned upside down before it is read.
SURE_OF_WAY = 0.9
# A line this many times as long as high is long enough for the classifier to be right about.
LONG = 5
# Height to width: RapidOCR's own rule for a line that stands on end (get_rotate_crop_image).
ON_END = 1.5

# The score of bars. EAN, UPC, Code 128, Code 93 and DataBar carry check characters and the matrix
# codes Reed-Solomon; the others accept any run of plausible bars. None of those that the benchmark
# has read is wrong, but it takes less to be.
CHECKED = 0.99
UNCHECKED = 0.95
# The other control characters arrive spelled out: `<GS>`.
SHOWN = {ord("\r"): "\n", **dict.fromkeys(range(0x7F, 0xA0), "\N{REPLACEMENT CHARACTER}")}
WITHOUT_CHECK = frozenset({"codabar", "code_39", "itf", "dx_film_edge"})
ITF_WITH_CHECK_DIGIT = "]I1"


@dataclass(frozen=True)
class Line:
    """A line of text; `corners` in pixels, clockwise from where its first letter begins."""

    text: str
    score: float
    corners: Corners


@dataclass(frozen=True)
class Code:
    """A barcode; `format` is spelled as in the W3C Barcode Detection API (`ean_13`, `qr_code`)."""

    format: str
    text: str
    score: float
    corners: Corners
    symbology: str


def read_codes(picture: Image.Image, *, scale: float = 1.0, sharpen: bool = False) -> list[Code]:
    """Every barcode of any kind in the picture; `scale` is applied to where they are said to be.

    `sharpen` is for when nothing was found: it also looks for bars that stand askew. So does a code
    without check characters, of which a slanted scan may have caught no more than a part.
    """
    import numpy as np
    from PIL import ImageFilter

    grey = picture.convert("L")
    if sharpen:
        grey = grey.filter(ImageFilter.UnsharpMask(radius=3, percent=200, threshold=0))
    pixels = np.asarray(grey)
    found = _scanned(pixels, scale)
    if any(code.score < CHECKED for code in found) or (sharpen and not found):
        found += [code for degrees in ASKEW for code in _scanned(pixels, scale, degrees)]
    return [code for code in found if not any(_part_of(code, other) for other in found)][:MOST_CODES]


def _scanned(pixels: Any, scale: float, degrees: float = 0.0) -> list[Code]:
    """The codes of a grey picture, or of one turned by so many degrees; where they stand in the unturned one."""
    import cv2
    import numpy as np
    import zxingcpp

    if not degrees:
        return [
            _code(each, np.array([[scale, 0, 0], [0, scale, 0]]))
            for each in zxingcpp.read_barcodes(pixels)
            if each.text
        ]
    height, width = pixels.shape
    side = int(np.hypot(height, width))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += ((side - width) / 2, (side - height) / 2)
    found = zxingcpp.read_barcodes(
        cv2.warpAffine(pixels, turn, (side, side)), formats=zxingcpp.barcode_formats_from_str(LINEAR)
    )
    return [_code(each, scale * cv2.invertAffineTransform(turn)) for each in found if each.text]


def _part_of(code: Code, other: Code) -> bool:
    return code.score < CHECKED and code.format == other.format and code.text != other.text and code.text in other.text


def _code(found: Any, placed: Any) -> Code:
    """`placed` is the affine matrix from where the scanner saw it to the picture."""
    symbology, text = str(found.format), str(found.text).replace("\r\n", "\n").translate(SHOWN)
    # UPC codes arrive as the EAN-13 they equal: with a zero in front (GS1 General Specifications).
    if symbology in ("EAN-13", "UPC-E") and len(text) == 13 and text.startswith("0"):
        symbology, text = symbology.replace("EAN-13", "UPC-A"), text[1:]
    kind = symbology.lower().replace("-", "_").replace(" ", "_")
    checked = kind not in WITHOUT_CHECK or found.symbology_identifier == ITF_WITH_CHECK_DIGIT
    place = found.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    return Code(
        format=kind,
        text=text,
        score=CHECKED if checked else UNCHECKED,
        corners=_corners([placed @ (corner.x, corner.y, 1) for corner in corners]),
        symbology=symbology,
    )


def read_lines(picture: Image.Image) -> list[Line]:
    """Every line of text the models see in an RGB picture, junk included, at any quarter turn."""
    import numpy as np

    ocr = _ocr()
    overview = picture.copy()
    overview.thumbnail((DETECTOR_SIDE, DETECTOR_SIDE))
    found = ocr._load_det_model()(_bgr(overview))  # the public call would cut the lines from the overview
    if found.boxes is None:
        return []
    boxes = _most_prominent(found.boxes) * np.float32(picture.width / overview.width)
    strips = ocr.crop_text_regions(_bgr(picture), boxes)
    on_end = [_height_to_width(box) >= ON_END for box in boxes]
    if sum(on_end) * 2 > len(on_end):  # a photo taken sideways: its shortest lines look square
        for index, box in enumerate(boxes):
            if 1 / ON_END < _height_to_width(box) < ON_END:
                strips[index], on_end[index] = np.rot90(strips[index]), True
    upside_down = _upside_down(ocr.cls_and_rotate(strips)[1].cls_res, strips, on_end)
    read = ocr.recognize_txt([np.rot90(strip, 2 * turned) for strip, turned in zip(strips, upside_down, strict=True)])
    return [
        Line(text.strip(), float(score), _corners(np.roll(box, -ends - 2 * turned, axis=0).tolist()))
        for text, score, box, ends, turned in zip(read.txts, read.scores, boxes, on_end, upside_down, strict=True)
    ]


def _most_prominent(boxes: Any) -> Any:
    """The boxes with the largest lettering, as many as there is time to read, in their order."""
    import numpy as np

    sides = np.linalg.norm(boxes - np.roll(boxes, -1, axis=1), axis=2)
    heights, widths = sides.min(axis=1), sides.max(axis=1)
    largest_first = np.argsort(-heights, kind="stable")
    lengths = np.maximum(widths / np.maximum(heights, 1), SHORTEST_STRIP)
    affordable = largest_first[np.cumsum(lengths[largest_first]) <= MOST_LENGTH]
    return boxes[np.sort(affordable)]


def _height_to_width(box: Any) -> float:
    """As RapidOCR measures it: from `ON_END` it lays a line down, counter-clockwise, to read it."""
    import numpy as np

    width = max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[2] - box[3]))
    height = max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2]))
    return int(height) / max(int(width), 1)


def _upside_down(ways: Sequence[tuple[str, float]], strips: Sequence[Any], on_end: Sequence[bool]) -> list[bool]:
    """Which lines are upside down, by the classifier.

    It takes some short lines for upside down (`500 g` for `6009`), so short ones follow the text
    around them.
    """
    turned = [label == "180" and score > SURE_OF_WAY for label, score in ways]
    lengths = [strip.shape[1] / strip.shape[0] for strip in strips]
    votes = {True: 0.0, False: 0.0}
    for end, over, length in zip(on_end, turned, lengths, strict=True):
        votes[end] += length if over else -length
    return [
        over if length >= LONG else votes[end] > 0 for end, over, length in zip(on_end, turned, lengths, strict=True)
    ]


def _bgr(picture: Image.Image) -> Any:
    """Pixels in the order that the models were trained on."""
    import numpy as np

    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


def _corners(points: Sequence[Sequence[float]]) -> Corners:
    a, b, c, d = ((float(x), float(y)) for x, y in points)
    return a, b, c, d


@cache
def _ocr() -> Any:
    """The one set of models of this process."""
    from pathlib import Path

    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_vertical_padding": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            # Named files are opened and nothing else: no look-up, no download.
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Cls.model_path": str(models / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "Det.limit_type": "max",
            "Det.limit_side_len": DETECTOR_SIDE,
            # One line at a time is as fast as six padded to the longest, in a third of the memory.
            "Rec.rec_batch_num": 1,
        }
    )
