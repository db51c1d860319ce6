"""What identifies a business or an account, checked by form and check digit. Checks are loaded where one is given."""

from __future__ import annotations

# Where a VAT id begins otherwise than with the country's own code (ISO 3166).
PREFIXES = {"GR": "EL"}
# Countries whose numbers are written with the code before them, and checked.
OUTSIDE_EU = {"GB", "CH", "NO"}


def vat_id(text: str) -> str:
    """Without spaces, in capitals. Raises `ValueError` for what is none of its country."""
    from stdnum import get_cc_module
    from stdnum.eu import vat
    from stdnum.exceptions import ValidationError

    number = "".join(character for character in text.upper() if character.isalnum())
    prefix = number[:2]
    module = get_cc_module(prefix.lower(), "vat") if prefix in OUTSIDE_EU else vat
    try:
        if module is None:
            raise ValueError
        module.validate(number)
    except (ValidationError, ValueError):
        raise ValueError("this is not a valid VAT id") from None
    return number


def is_of(number: str, country: str) -> bool:
    """Whether a VAT id belongs to a country; Northern Ireland's are the United Kingdom's."""
    return number[:2] in (PREFIXES.get(country, country), "XI" if country == "GB" else "")


def iban(text: str) -> str:
    """Without spaces, in capitals. Raises `ValueError`."""
    from stdnum import iban as checked
    from stdnum.exceptions import ValidationError

    try:
        return str(checked.validate(text))
    except ValidationError:
        raise ValueError("this is not a valid IBAN") from None
