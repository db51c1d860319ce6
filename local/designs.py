"""More labels, each designed differently: in four typefaces, light on dark, centred, with every kind of code.

The typefaces are Pillow's own and the three that the OpenCV wheel carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from local.pictures import INK, Thing, bars

if TYPE_CHECKING:
    from PIL import Image

Colour = tuple[int, int, int]
Face = Literal["pillow", "sans", "italic", "uni"]
Spot = Literal["right", "left", "top", "side"]

PAPER: Colour = (250, 248, 242)
CREAM: Colour = (238, 228, 205)
NIGHT: Colour = (22, 26, 46)
GREEN: Colour = (28, 74, 52)
PINK: Colour = (250, 205, 214)
KRAFT: Colour = (189, 154, 112)


@dataclass(frozen=True)
class Design:
    """A thing's label: its size, colours, typeface, and where its code stands.

    `top` is the upper right corner; `left` and `right` are lower corners; at the `side` the bars
    run from the top to the bottom along the right edge.
    """

    thing: Thing
    size: tuple[int, int] = (900, 760)
    paper: Colour = PAPER
    ink: Colour = INK
    face: Face = "pillow"
    spot: Spot = "right"
    centred: bool = False
    framed: bool = False

    def drawn(self) -> Image.Image:
        """The label, as it comes from the printer."""
        from PIL import Image, ImageDraw

        width, height = self.size
        sheet = Image.new("RGB", self.size, self.paper)
        margin = width // 16
        if self.framed:
            edge = margin // 3
            ImageDraw.Draw(sheet).rectangle((edge, edge, width - edge, height - edge), outline=self.ink, width=4)
        code = bars(*self.thing.barcode) if self.thing.barcode else None
        if code and self.spot == "side":
            code = code.rotate(90, expand=True)
        if code:
            x = margin if self.spot == "left" else width - code.width - margin
            sheet.paste(code, (x, margin if self.spot in ("top", "side") else height - code.height - margin))
        free = width - 2 * margin - (code.width + margin if code and self.spot in ("top", "side") else 0)
        tall = round(min(height / 6, 100 * free / lettering(self.thing.name, 100, self.face).width))
        top = margin
        for size, text in [(tall, self.thing.name), *((width // 25, line) for line in self.thing.lines)]:
            mask = lettering(text, size, self.face)
            left = margin + (free - mask.width) // 2 if self.centred else margin
            sheet.paste(self.ink, (left, top), mask)
            top += round(size * 1.55)
        return sheet


def lettering(text: str, size: int, face: Face) -> Image.Image:
    """One line of text as a mask, `size` pixels from its ascenders to below its descenders."""
    from PIL import Image, ImageDraw, ImageFont

    if face == "pillow":
        font = ImageFont.load_default(size)
        mask = Image.new("L", (round(font.getlength(text)) + 2, round(size * 1.3)))
        ImageDraw.Draw(mask).text((0, 0), text, 255, font)
        return mask
    import cv2
    import numpy as np

    drawn = np.zeros((round(size * 1.3), size * len(text), 3), np.uint8)
    cv2.putText(drawn, text, (0, size), (255, 255, 255), cv2.FontFace(face), size, 400)
    mask = Image.fromarray(drawn[:, :, 0])
    return mask.crop((0, 0, (mask.getbbox() or (0, 0, 1, 1))[2], mask.height))


OLIVE_OIL = Thing(
    "OLIVE OIL",
    ("OLIVETA®", "Extra virgin, cold pressed", "e 500 ml", "LOT L2291A", "BBE 03 2028"),
    ("ean_13", "8001234567897"),
    tags=("volume:500 ml", "lot:L2291A", "expires:03 2028"),
    brand="OLIVETA",
)
GRADED_CARD = Thing(
    "GEM MINT 10",
    ("2024 Dragon Tales", "Ember Wyrm 4/102", "Certified by Slabhouse"),
    ("itf", "0080412277"),
)
VINYL = Thing(
    "MIDNIGHT HARBOUR",
    ("The Low Tides", "Side A 33 rpm stereo", "© 2026 Lantern Records"),
    ("upc_a", "812345678901"),
    brand="Lantern Records",
)
HOODIE_CARTON = Thing(
    "ZIP HOODIE GREY",
    ("Style ZH-208", "Size XL", "24 pieces", "Made in Portugal"),
    ("pdf417", "PO-90417 ZH-208 XL 24"),
    tags=("size:XL",),
)
FOIL_STAR = Thing(
    "FOIL STAR GOLD",
    ("Brand: Luftikus", "Helium balloon 18 inch", "Do not release outdoors"),
    ("ean_8", "96385074"),
    brand="Luftikus",
)
SENCHA = Thing(
    "SENCHA",
    ("Japanese green tea", "Packed by Kettle & Leaf Ltd", "Net Wt 3.5 oz (100 g)", "Batch 7-113", "MHD 31.03.2027"),
    ("aztec", "TEA-SENCHA-100"),
    tags=("weight:3.5 oz", "weight:100 g", "lot:7-113", "expires:31.03.2027"),
    brand="Kettle & Leaf",
)
COMIC = Thing(
    "COMET RANGERS",
    ("Issue 12, first printing", "Published by Inkwell Press", "Direct edition"),
    ("ean_13", "9781234567897"),
    brand="Inkwell Press",
)
CANE_SUGAR = Thing(
    "Cane sugar",
    ("Unrefined", "1 kg", "Produced by Sweetfield GmbH", "Exp. 31 MAR 2027"),
    ("ean_13", "4012345678901"),
    tags=("weight:1 kg", "expires:31 MAR 2027"),
    brand="Sweetfield",
)
SHOE_BOX = Thing(
    "TRAIL RUNNER 2",
    ("Men's running shoe", "Black and lime", "EU 42", "Vegan"),
    ("code_128", "TR2-BLK-42"),
    tags=("size:EU 42",),
)
HEX_BOLTS = Thing(
    "HEX BOLTS M8",
    ("Stainless steel, 40 mm", "Bin 14, shelf C", "Qty 200"),
    ("code_39", "BOLT-M8-40"),
)
SODA_CARTON = Thing(
    "GINGER SODA",
    ("24 bottles", "Keep upright", "6 x 330 ml", "Lot 26-118B"),
    ("itf", "15400141288763"),
    tags=("volume:6 x 330 ml", "lot:26-118B"),
)
SILVER_COIN = Thing(
    "SILVER CROWN",
    ("1821, very fine", "Catalogue no. 118"),
    ("data_matrix", "COIN-1821-118"),
)

DESIGNS = (
    Design(OLIVE_OIL, (700, 820), GREEN, CREAM, "sans", "left", centred=True),
    Design(GRADED_CARD, (900, 420), PAPER, (150, 20, 28), "uni", "right", framed=True),
    Design(VINYL, (900, 720), NIGHT, (240, 210, 120), "sans", "right"),
    Design(HOODIE_CARTON, (1000, 520), KRAFT, INK, "uni", "right"),
    Design(FOIL_STAR, (720, 720), PINK, (140, 20, 70), "italic", "right", centred=True),
    Design(SENCHA, (760, 560), CREAM, GREEN, "italic", "right", framed=True),
    Design(COMIC, (760, 800), (250, 220, 60), (170, 20, 30), "sans", "left"),
    Design(CANE_SUGAR, (900, 560), PAPER, (30, 60, 140), "pillow", "side"),
    Design(SHOE_BOX, (1000, 560), (206, 70, 30), (255, 255, 255), "sans", "right"),
    Design(HEX_BOLTS, (1000, 520), (255, 255, 255), INK, "uni", "right"),
    Design(SODA_CARTON, (1000, 640), KRAFT, INK, "pillow", "right"),
    Design(SILVER_COIN, (620, 420), NIGHT, (225, 225, 230), "uni", "right", framed=True),
)
