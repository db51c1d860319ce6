"""What invoices and quotes have in common on paper: who writes to whom, and figures one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.invoice import drawing
from functions.invoice.document import Party, Seller
from functions.invoice.fonts import families, right_to_left
from functions.invoice.wording import SEPARATORS, Words


def letter(seller: Seller, recipient: Party, words: Words, colour: str | None, logo: bytes | None) -> dict[str, Any]:
    """The parts of a letter that its content doesn't touch."""
    return {
        "language": words.language,
        "families": families(recipient.country),
        "accent": drawing.accent(colour),
        "logo": drawing.logo(logo) if logo else None,
        "seller": lettered(seller.name),
        "sender": [part for part in (seller.name, *seller.address.split("\n"), town(seller)) if part.strip()],
        "recipient": [
            lettered(line) for line in addressed(recipient, words, abroad=recipient.country != seller.country)
        ],
        "footer": footer(seller, words),
        "carried_over": words("carried_over"),
        "brought_forward": words("brought_forward"),
    }


def addressed(party: Party, words: Words, *, abroad: bool) -> list[str]:
    """The lines of an address; the country's name where the letter crosses a border."""
    contact = f"{words('contact')} {party.contact}" if party.contact else ""
    country = words.country(party.country).upper() if abroad else ""
    lines = (party.name, contact, *party.address.split("\n"), town(party), country)
    return [line.strip() for line in lines if line.strip()]


def town(party: Party) -> str:
    """ "50667 Köln"; in English-speaking and some other countries the postcode comes last."""
    parts = (party.city, party.postcode) if party.country in CITY_FIRST else (party.postcode, party.city)
    return " ".join(part for part in parts if part)


# Where the postcode follows the town (Universal Postal Union, postal addressing systems).
CITY_FIRST = frozenset("AU BD CA CN GB HK IE IN JP KR NZ PK SA SG TW US ZA".split())


def footer(seller: Seller, words: Words) -> dict[str, Any]:
    """What the law wants of a business letter, by columns with a title each; and the seller's own words below."""
    tax_id = words("tax_id" if words.other_tax else "vat_id")
    numbers = [
        seller.email,
        seller.registration,
        labelled(tax_id, seller.vat_id),
        labelled(words("tax_number"), seller.tax_number),
    ]
    columns: list[tuple[str | None, list[str | None]]] = [
        (seller.name, [*seller.address.split("\n"), town(seller), words.country(seller.country)]),
        (seller.contact, numbers),
    ]
    if seller.iban:
        account = [labelled(words("iban"), grouped(seller.iban)), labelled(words("bic"), seller.bic)]
        columns.append((words("bank"), list(account)))
    return {
        "columns": [
            {"title": title or "", "lines": [line.strip() for line in lines if line and line.strip()]}
            for title, lines in columns
        ],
        "text": seller.footer or "",
    }


def labelled(label: str, value: str | None) -> str:
    """ "BIC COBADEFF"; nothing for nothing."""
    return f"{label} {value}" if value else ""


def grouped(iban: str) -> str:
    """An IBAN as ISO 13616 prints it: by four."""
    plain = "".join(iban.split())
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))


def lettered(text: str) -> dict[str, Any]:
    """A text with the direction it runs in."""
    return {"text": text, "rtl": right_to_left(text)}


def aligned(figures: Sequence[str], words: Words) -> list[dict[str, str]]:
    """Figures with what each lacks, so that decimal points stand below one another. `lacks` isn't shown."""
    point = SEPARATORS[words.language][1]
    tails = [figure.partition(point)[1] + figure.partition(point)[2] for figure in figures]
    longest = max(tails, key=len, default="")
    return [
        {"figure": figure, "lacks": longest[len(tail) :] if figure else ""}
        for figure, tail in zip(figures, tails, strict=True)
    ]


def widest(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[list[str]]:
    """Of each column the texts that may be the widest: figures are of one width, so the longest of them is."""
    found = []
    for name in names:
        cells = [row[name] for row in rows]
        texts = ["".join(cell.values()) if name in ("quantity", "price") else cell for cell in cells]
        found.append([] if name == "description" else sorted(set(texts), key=lambda text: (len(text), text))[-5:])
    return found


def headed(rows: Sequence[Mapping[str, Any]], words: Words) -> dict[str, str]:
    """The headings of the first columns; none above figures that no line has."""
    counted = any(row["quantity"]["figure"] for row in rows)
    return {
        "position": words("position"),
        "description": words("description"),
        "quantity": words("quantity") if counted else "",
        "unit_price": words("unit_price") if counted else "",
    }
