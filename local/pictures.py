"""Pictures to detect in, with the truth about each: photographs and rendered labels.

The photographs are files of the scikit-image wheel (nothing is downloaded). The labels are drawn
with Pillow's own font and carry real barcodes; the same bytes come out every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

INK = (24, 24, 28)
TILT_DEGREES = 1.5
# What the zxing-cpp wheel calls the formats of the W3C Barcode Detection API.
ZXING_NAMES = {
    "aztec": "Aztec",
    "code_39": "Code39",
    "code_93": "Code93",
    "code_128": "Code128",
    "data_matrix": "DataMatrix",
    "ean_8": "EAN8",
    "ean_13": "EAN13",
    "itf": "ITF",
    "pdf417": "PDF417",
    "qr_code": "QRCode",
    "upc_a": "UPCA",
}
MATRIX = frozenset({"aztec", "data_matrix", "qr_code"})


@dataclass(frozen=True)
class Thing:
    """What stands in a picture: its name (its tallest lettering), its other lines, its barcode.

    `barcode` is its format, as in the W3C Barcode Detection API, and its text. `lines` include the
    one that says the brand.
    """

    name: str
    lines: tuple[str, ...] = ()
    barcode: tuple[str, str] | None = None
    quantity: int = 1
    tags: tuple[str, ...] = ()
    brand: str | None = None


@dataclass(frozen=True)
class Picture:
    """`image` is JPEG or PNG bytes; `things` all there is to find, empty when there is nothing."""

    name: str
    image: bytes
    things: tuple[Thing, ...]


def photographs() -> list[Picture]:
    """Real photographs; all but two show nothing with readable lettering."""
    from importlib.resources import files

    yamaha = Thing("YAMAHA")
    page = Thing(
        "Region-based segmentation",
        (
            "Let us first determine markers of the coins and the",
            "background. These markers are pixels that we can label",
            "unambiguously as either object or background. Here,",
            "the markers are found at the two extreme parts of the",
            "histogram of grey values:",
            ">>> markers = np.zeros_like(coins)",
        ),
    )
    shown: dict[str, tuple[Thing, ...]] = {
        "astronaut.png": (),
        "brick.png": (),
        "camera.png": (),
        "chelsea.png": (),
        "coffee.png": (),
        "coins.png": (),
        "grass.png": (),
        "gravel.png": (),
        "hubble_deep_field.jpg": (),
        "moon.png": (),
        "motorcycle_left.png": (yamaha,),
        "page.png": (page,),
        "retina.jpg": (),
        "rocket.jpg": (),
    }
    data = files("skimage") / "data"
    return [Picture(name.partition(".")[0], (data / name).read_bytes(), things) for name, things in shown.items()]


COFFEE = Thing(
    "ETHIOPIA YIRGACHEFFE",
    ("Whole bean coffee", "Jasmine, lemon, honey", "Net 250 g", "LOT A2291", "Best before 2027-03-31"),
    ("ean_13", "5901234123457"),
    tags=("weight:250 g", "lot:A2291", "expires:2027-03-31"),
)
OAT_MILK = Thing(
    "OAT MILK",
    ("Barista edition", "Shake well before use", "1 L", "EXP 12/2027"),
    ("upc_a", "036000291452"),
    tags=("volume:1 l", "expires:12/2027"),
)
TRADING_CARDS = Thing(
    "DRAGON TALES",
    ("Trading card box", "36 booster packs", "Series 4, first edition"),
    ("qr_code", "https://example.com/c/DT-36"),
)
GARMENT_CARTON = Thing(
    "MEN'S T-SHIRT",
    ("Style TS-4410 navy", "100 % organic cotton", "Size L", "48 pieces", "Made in Bangladesh"),
    ("code_128", "PO-88213-L"),
    tags=("size:L",),
)
BALLOONS = Thing(
    "LATEX BALLOONS",
    ("Pastel pink, 11 inch", "100 pieces"),
    ("ean_13", "7622210449283"),
)
TOMATOES = Thing(
    "CHOPPED TOMATOES",
    ("In rich juice", "400 g"),
    ("ean_8", "40170725"),
    quantity=3,
    tags=("weight:400 g",),
)
HONEY = Thing("WILD HONEY", ("Unheated", "500 g"), tags=("weight:500 g",))
JAM = Thing("APRICOT JAM", ("Extra fruit", "340 g"), tags=("weight:340 g",))
STICKER = Thing("Data Matrix SN-004417", (), ("data_matrix", "SN-004417"))
INVOICE = Thing(
    "INVOICE 2026-0417",
    (
        "Northside Roasters Ltd",
        "12 x Oat milk 1 L",
        "6 x House espresso 1 kg",
        "Total due EUR 214.80",
    ),
    brand="Northside Roasters",
)


def labels() -> list[Picture]:
    """Rendered labels, as a camera sees them: a little askew, on a surface, JPEG."""
    jars = [label(HONEY, 420, 460), label(JAM, 420, 460)]
    return [
        Picture("coffee_bag", photo([label(COFFEE)]), (COFFEE,)),
        Picture("oat_milk", photo([label(OAT_MILK)]), (OAT_MILK,)),
        Picture("trading_cards", photo([label(TRADING_CARDS)]), (TRADING_CARDS,)),
        Picture("garment_carton", photo([label(GARMENT_CARTON)]), (GARMENT_CARTON,)),
        Picture("balloon_pack", photo([label(BALLOONS)]), (BALLOONS,)),
        Picture("three_cans", photo([label(TOMATOES, 460, 560)] * 3), (TOMATOES,)),
        Picture("two_jars", photo(jars), (HONEY, JAM)),
        Picture("sticker", photo([label(STICKER, 300, 300)]), (STICKER,)),
        Picture("invoice", photo([label(INVOICE)]), (INVOICE,)),
        Picture("empty_shelf", photo([]), ()),
    ]


def label(thing: Thing, width: int = 900, height: int = 760) -> Image.Image:
    """The label of one thing: its name in the tallest lettering, its lines, its bars."""
    from PIL import Image, ImageDraw, ImageFont

    paper = Image.new("RGB", (width, height), (250, 248, 242))
    draw = ImageDraw.Draw(paper)
    margin, top = width // 18, height // 14
    code = bars(*thing.barcode) if thing.barcode else None
    only_bars = thing.barcode is not None and thing.name.endswith(thing.barcode[1])
    if not only_bars:
        tall = (width - 2 * margin) / max(10, 0.62 * len(thing.name))
        draw.text((margin, top), thing.name, INK, ImageFont.load_default(tall))
        top += round(tall * 1.5)
        small = max(22, width // 26)
        for line in thing.lines:
            draw.text((margin, top), line, INK, ImageFont.load_default(small))
            top += round(small * 1.5)
    if code:
        paper.paste(code, (width - code.width - margin, height - code.height - margin))
    return paper


def photo(things: Sequence[Image.Image], width: int = 1600, height: int = 1200, tilt: float = TILT_DEGREES) -> bytes:
    """The labels side by side on a shaded surface, turned by `tilt` degrees, as JPEG."""
    return jpeg(arranged(things, surface(width, height), tilt))


def surface(width: int = 1600, height: int = 1200) -> Image.Image:
    """An empty table top, lit from one side."""
    from PIL import Image

    shade = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", [shade.point(lambda v, base=base: base + v // 4) for base in (110, 96, 80)])


def arranged(things: Sequence[Image.Image], ground: Image.Image, tilt: float = TILT_DEGREES) -> Image.Image:
    """The labels side by side on a copy of the ground, each turned by `tilt` degrees."""
    from PIL import Image

    shown = ground.copy()
    gap = (shown.width - sum(thing.width for thing in things)) // (len(things) + 1)
    left = gap
    for thing in things:
        turned = thing.convert("RGBA").rotate(tilt, Image.Resampling.BICUBIC, expand=True)
        shown.paste(turned, (left, (shown.height - turned.height) // 2), turned)
        left += thing.width + gap
    return shown


def jpeg(picture: Image.Image, quality: int = 85) -> bytes:
    """The picture as a camera stores it."""
    written = BytesIO()
    picture.save(written, "JPEG", quality=quality)
    return written.getvalue()


def bars(format_: str, text: str) -> Image.Image:
    """A real barcode with its quiet zone, a linear one with its text under it."""
    import zxingcpp
    from PIL import Image

    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat[ZXING_NAMES[format_]])
    scale = 6 if format_ in MATRIX else 3
    drawn = zxingcpp.write_barcode_to_image(code, scale=scale, add_hrt=scale == 3 and format_ != "pdf417")
    return Image.fromarray(drawn).convert("RGB")
