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
DETECTOR_SIDE = 960
MOST_LINES = 120
# Two cores are what the platform gives; more threads than cores only wait for each other.
THREADS = 2
# RapidOCR's own rule for a line that stands on end (get_rotate_crop_image).
ON_END = 1.5

# What reading the bars right is worth. EAN, UPC, Code 128, Code 93 and DataBar carry check
# characters and the matrix codes Reed-Solomon; the others accept any run of plausible bars.
CHECKED = 0.99
UNCHECKED = 0.6
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


def read_codes(picture: Image.Image, scale: float = 1.0) -> list[Code]:
    """Every barcode of any kind in the picture; `scale` is applied to where they are said to be."""
    import zxingcpp

    return [_code(each, scale) for each in zxingcpp.read_barcodes(picture.convert("L")) if each.text]


def _code(found: Any, scale: float) -> Code:
    symbology, text = str(found.format), str(found.text)
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
        corners=_corners([(corner.x * scale, corner.y * scale) for corner in corners]),
        symbology=symbology,
    )


def read_lines(picture: Image.Image) -> list[Line]:
    """Every line of text the models see in an RGB picture, junk included, at any quarter turn."""
    import numpy as np
    from rapidocr.main import RapidOCRError

    ocr = _ocr()
    pixels = np.asarray(picture)[:, :, ::-1]  # the models were trained on BGR
    try:
        strips, found = ocr.detect_and_crop(pixels, {})
    except RapidOCRError:  # its way of saying that there is no text
        return []
    strips, ways = ocr.cls_and_rotate(strips)
    read = ocr.recognize_txt(strips)
    upside_down = [label == "180" and score > ocr.text_cls.cls_thresh for label, score in ways.cls_res]
    return [
        Line(text.strip(), float(score), _as_read(box, flipped))
        for text, score, box, flipped in zip(
            read.txts, read.scores, found.boxes, upside_down, strict=True
        )
    ]


def _as_read(box: Any, flipped: bool) -> Corners:
    """The detector's corners, which start top left in the picture, started where the text does."""
    import numpy as np

    width = max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[2] - box[3]))
    height = max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2]))
    turns = (1 if int(height) / max(int(width), 1) >= ON_END else 0) + (2 if flipped else 0)
    return _corners(np.roll(box, -turns, axis=0).tolist())


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
            "Det.max_candidates": MOST_LINES,
        }
    )
