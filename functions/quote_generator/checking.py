"""From a request to a complete specification: what isn't known is refused, naming what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from functions.quote_generator.cards import Card
from functions.quote_generator.models import QuoteRequest
from functions.quote_generator.pricing import Ordered, Price, Specification
from shared.errors import FieldError, Problem

MOST_NAMED = 40
# What an order and its mails take.
MOST_MINOR = 10**15 - 1
LAST_DAY = date(2199, 12, 31)


def complete(request: QuoteRequest, card: Card) -> Specification:
    """The specification, with the card's defaults for what is left out. Raises `Problem` 422, every error at once."""
    errors = list(_errors(request, card))
    if errors:
        raise Problem(422, "invalid_fields", "Some fields are not as they must be.", errors=errors)
    return Specification(
        product=request.product_type,
        quantity=request.quantity,
        fabric=request.fabric or card.default_fabric,
        complexity=request.complexity,
        # In the card's order, so that the same mix is the same specification.
        sizes=tuple((size, request.sizes[size]) for size in card.sizes if request.sizes and request.sizes.get(size)),
        colours=max(1, len(request.colours)),
        decorations=tuple(
            Ordered(each.method, each.colours, max(1, len(each.placements))) for each in request.decorations
        ),
        incoterm=request.incoterm,
    )


def unknown_product(known: Iterable[str]) -> Problem:
    """422, naming the products there are."""
    error = _unknown("/product_type", "unknown_product", known)
    return Problem(422, "invalid_fields", "Some fields are not as they must be.", errors=[error])


def orderable(made: Price, ready_on: date) -> None:
    """Nothing where a card's extremes make a price that an order takes. Raises `Problem` 422."""
    amounts = (made.total_minor, *(abs(line.amount_minor) for line in (*made.lines, *made.setup)))
    if made.subtotal_minor <= 0 or max(amounts) > MOST_MINOR or ready_on > LAST_DAY:
        detail = "By the rate card so many cost nothing, or more than an order can say, or aren't ready in time."
        error: FieldError = {"pointer": "/quantity", "detail": detail, "code": "not_orderable"}
        raise Problem(422, "invalid_fields", "Some fields are not as they must be.", errors=[error])


def _errors(request: QuoteRequest, card: Card) -> Iterator[FieldError]:
    if request.fabric is not None and request.fabric not in card.fabrics:
        yield _unknown("/fabric", "unknown_fabric", card.fabrics)
    if request.quantity < card.minimum:
        yield _below("/quantity", card.minimum, "This product")
    least = card.minimum_per_colour * len(request.colours)
    if len(request.colours) > 1 and request.quantity < least:
        yield _below("/colours", least, f"A garment in {len(request.colours)} colours")
    if request.incoterm not in card.incoterms:
        yield _unknown("/incoterm", "unknown_incoterm", card.incoterms)
    yield from _wrong_sizes(request, card)
    methods = [each.method for each in request.decorations]
    for place, method in enumerate(methods):
        if method not in card.decorations:
            yield _unknown(f"/decorations/{place}/method", "unknown_method", card.decorations)
        elif method in methods[:place]:
            yield {
                "pointer": f"/decorations/{place}/method",
                "detail": "Each method is given once, with its colours and placements.",
                "code": "repeated_method",
            }


def _wrong_sizes(request: QuoteRequest, card: Card) -> Iterator[FieldError]:
    if not request.sizes:
        return
    if any(size not in card.sizes for size in request.sizes):
        yield _unknown("/sizes", "unknown_size", card.sizes)
    total = sum(request.sizes.values())
    if total != request.quantity:
        detail = f"The sizes add up to {total}, the quantity is {request.quantity}."
        yield {"pointer": "/sizes", "detail": detail, "code": "sizes_differ"}


def _unknown(pointer: str, code: str, known: Iterable[str]) -> FieldError:
    names = ", ".join(list(known)[:MOST_NAMED])
    return {"pointer": pointer, "detail": f"Unknown. Known here: {names}.", "code": code}


def _below(pointer: str, minimum: int, what: str) -> FieldError:
    return {"pointer": pointer, "detail": f"{what} is made from {minimum} pieces.", "code": "below_minimum"}
