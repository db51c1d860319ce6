"""Who sells, who buys, and what: for the samples and for measuring."""

from __future__ import annotations

import io
from decimal import Decimal
from random import Random

from functions.invoice.document import Party, Seller
from tests.functions.invoice.making import line

BALLOONS = Seller(
    name="Luftig & Söhne",
    contact="Amélie Roux",
    address="14 rue des Ballons",
    postcode="69002",
    city="Lyon",
    country="FR",
    vat_id="FR12345678901",
    registration="RCS Lyon 812 345 678",
    email="bonjour@luftig.example",
    iban="FR7630006000011234567890189",
    bic="AGRIFRPP",
    footer="SARL au capital de 10 000 €. Pénalités de retard : trois fois le taux d’intérêt légal ; "
    "indemnité forfaitaire pour frais de recouvrement : 40 €.",
)
PRINTER = Seller(
    name="Harbour Print Works Ltd",
    contact="Tom Okafor",
    address="Unit 7, Dockside Business Park",
    postcode="D02 XY45",
    city="Dublin",
    country="IE",
    vat_id="IE6388047V",
    registration="Company no. 407654, CRO Dublin",
    email="accounts@harbourprint.example",
    iban="IE29AIBK93115212345678",
    bic="AIBKIE2D",
)
KYOTO = Seller(
    name="Kyoto Fuusen Studio 京都風船スタジオ",
    address="Nakagyo-ku, Kawaramachi 3-12",
    postcode="604-8005",
    city="Kyoto",
    country="JP",
    tax_number="T1234567890123",
    email="hello@fuusen.example",
)
# Name, detail, unit and what one costs with its tax, in cents; the fifth is printed matter, at the reduced rate.
GARMENTS = (
    ("Hoodie, heavyweight fleece", "350 g/m², navy, M–XXL", "pcs", 2890),
    ("T-shirt, organic cotton", "180 g/m², off-white, S–XL", "pcs", 1190),
    ("Screen print, front", "3 colours, 28 × 32 cm", "pcs", 240),
    ("Embroidery, left chest", "8,200 stitches", "pcs", 390),
    ("Catalogue, 24 pages, stitched", None, "pcs", 310),
    ("Balloon arch, delivered and put up", "Organic, 4 m, sand and terracotta", "m", 8900),
    ("Helium, balloon gas", None, "m3", 2150),
    ("Design and artwork", "Two rounds of changes", "h", 9500),
    ("Packing in single bags with a barcode label, and boxes marked by size and colour", None, "box", 420),
)
KLEIDUNG = (
    ("Kapuzenpullover, schwere Qualität", "350 g/m², marineblau, M–XXL", "pcs", 2890),
    ("T-Shirt, Biobaumwolle", "180 g/m², naturweiß, S–XL", "pcs", 1190),
    ("Siebdruck, Brust", "3 Farben, 28 × 32 cm", "pcs", 240),
    ("Stickerei, linke Brust", "8.200 Stiche", "pcs", 390),
    ("Katalog, 24 Seiten, geheftet", None, "pcs", 310),
    ("Ballonbogen, geliefert und aufgebaut", "Organisch, 4 m, Sand und Terrakotta", "m", 8900),
    ("Helium, Ballongas", None, "m3", 2150),
    ("Entwurf und Reinzeichnung", "Zwei Korrekturläufe", "h", 9500),
    ("Einzelverpackung mit Strichcode-Etikett, Kartons nach Größe und Farbe beschriftet", None, "box", 420),
)


def goods(
    count: int, seed: int = 1, *, named: tuple[tuple[str, str | None, str, int], ...] = GARMENTS, rates: str = "19 7"
) -> list[dict[str, object]]:
    """So many lines of a studio's work."""
    random, (usual, reduced) = Random(seed), rates.split()
    found = []
    for at in range(count):
        name, detail, unit, price = named[at % len(named)]
        quantity = {"h": "7.5", "m": "4.5", "m3": "12"}.get(unit, str(random.choice((12, 50, 120, 500, 1250))))
        gross = int(Decimal(quantity) * price)
        rate = reduced if at % 9 == 4 else usual
        found.append(line(name, gross, rate, quantity=quantity, unit=unit, detail=detail))
    return found


GALWAY = Party(
    name="Corrib Brewing Company",
    contact="Aoife Ní Bhriain",
    address="12 Dock Road",
    postcode="H91 V6N2",
    city="Galway",
    country="IE",
    vat_id="IE6433435F",
    email="accounts@corrib.example",
)
PARIS = Party(
    name="Maison Bellerive SAS",
    contact="Élodie Marchand",
    address="8 quai de la Rapée\nBâtiment C",
    postcode="75012",
    city="Paris",
    country="FR",
    vat_id="FR98765432109",
    email="compta@bellerive.example",
)
TOKYO = Party(
    name="Aoyama Gallery 青山画廊", address="Minami-Aoyama 5-9-1", postcode="107-0062", city="Tokyo", country="JP"
)


def logo(colour: str) -> bytes:
    """A mark for a studio: three balloons."""
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (640, 400), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    red, green, blue = bytes.fromhex(colour[1:])
    for left, top, size, alpha in ((20, 60, 280, 255), (200, 20, 220, 170), (360, 110, 260, 110)):
        layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
        ImageDraw.Draw(layer).ellipse((left, top, left + size, top + size), fill=(red, green, blue, alpha))
        image = Image.alpha_composite(image, layer)
    del draw
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
