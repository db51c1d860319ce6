"""Who sells and who buys, as the European standard wants them named and numbered. BT- are its terms, BR- its rules."""

from __future__ import annotations

from typing import Any

from functions.invoice.document import Content, Party, Seller
from functions.invoice.expressing import NotExpressible, is_country, plain

EMAIL = "EM"  # the scheme of electronic addresses
# Greece and Northern Ireland have letters of their own before their VAT ids.
PREFIXES = frozenset({"EL", "XI"})


def check(content: Content) -> None:
    """Raises `NotExpressible` where a party lacks what its kind of tax demands."""
    seller, buyer = content.seller, content.buyer
    groups = {group.category for group in content.taxes}
    if not (is_country(seller.country) and is_country(buyer.country)):
        raise NotExpressible("a country is none of ISO 3166's")  # BR-CL-14
    if not (seller.vat_id or seller.registration or seller.tax_number):
        raise NotExpressible("the seller has no number at all")  # BR-CO-26
    if groups - {"O"} and not (seller.vat_id or seller.tax_number):
        raise NotExpressible("the seller has no tax number")  # BR-S-02 and its sisters
    if groups & {"AE", "K"} and not (vat_id(seller) and vat_id(buyer)):
        raise NotExpressible("both parties need a VAT id")  # BR-AE-02, BR-IC-02
    if "K" in groups and not content.delivered_on:
        raise NotExpressible("a supply within the EU has a day of delivery")  # BR-IC-11
    if "O" in groups and len(groups) > 1:
        raise NotExpressible("what isn't subject to tax stands on an invoice of its own")  # BR-O-11


def vat_id(party: Party) -> str | None:
    """The VAT id if it begins with a country's letters (BR-CO-09): other countries' tax numbers don't."""
    found = "".join(plain(party.vat_id).split()).upper()
    return found if is_country(found[:2]) or found[:2] in PREFIXES else None


def describe(described: Any, party: Party) -> None:
    """Name, address, contact and electronic address."""
    described.name = plain(party.name)
    if party.contact:
        described.contact.person_name = plain(party.contact)
        described.contact.email.address = plain(party.email)
    locate(described.address, party)
    if party.email:
        described.electronic_address.uri_ID = (EMAIL, plain(party.email))


def locate(address: Any, party: Party) -> None:
    """The postal address: three lines, the third of which takes all others."""
    first, second, *others = [*(plain(line) for line in party.address.split("\n") if line.strip()), "", ""]
    third = ", ".join(line for line in others if line)
    values = {"line_one": first, "line_two": second, "line_three": third}
    values |= {"postcode": plain(party.postcode), "city_name": plain(party.city), "country_id": party.country}
    for name, value in values.items():
        if value:
            setattr(address, name, value)


def register_seller(described: Any, seller: Seller, *, untaxed: bool) -> None:
    """The seller's numbers: one of BT-29, BT-30 and BT-31 there must be (BR-CO-26)."""
    vat, other = vat_id(seller), plain(seller.tax_number) or plain(seller.vat_id)
    if seller.registration:
        described.legal_organization.id = plain(seller.registration)
    if vat and not untaxed:  # BR-O-02
        _add(described, "VA", vat)
    if seller.tax_number or not vat:
        _add(described, "FC", other)
    if not seller.registration and (untaxed or not vat):
        described.id = other


def register_buyer(described: Any, buyer: Party) -> None:
    """The buyer's VAT id, if there is one."""
    if vat := vat_id(buyer):
        _add(described, "VA", vat)


def _add(described: Any, scheme: str, number: str) -> None:
    from drafthorse.models.party import TaxRegistration

    if number:
        registration = TaxRegistration()
        registration.id = (scheme, number)
        described.tax_registrations.add(registration)
