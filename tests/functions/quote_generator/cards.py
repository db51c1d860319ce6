"""The built-in rate cards, as the migration has them, and specifications that they take."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from functions.quote_generator.cards import COMPLEXITIES, Card
from functions.quote_generator.pricing import Ordered, Specification

MIGRATION = Path(__file__).resolve().parents[3] / "supabase/migrations/20261121001660_rate_cards.sql"
COMMON, *OWN = map(json.loads, re.findall(r"\$card\$(.*?)\$card\$", MIGRATION.read_text(), re.DOTALL))
PRODUCTS = re.findall(r"\('([a-z_]+)', \$card\$", MIGRATION.read_text())
CONTENTS: dict[str, dict[str, Any]] = {
    product: {**COMMON, **own, "lead_time": {**COMMON["lead_time"], **own["lead_time"]}}
    for product, own in zip(PRODUCTS, OWN, strict=True)
}
CARDS = {product: Card(content) for product, content in CONTENTS.items()}


@st.composite
def specifications(draw: st.DrawFn, *, most: int = 100_000) -> Specification:
    """Any that some built-in card takes."""
    product = draw(st.sampled_from(sorted(CARDS)))
    card = CARDS[product]
    colours = draw(st.integers(1, 4))
    quantity = draw(st.integers(max(card.minimum, card.minimum_per_colour * colours), most))
    methods = draw(st.lists(st.sampled_from(sorted(card.decorations)), unique=True))
    return Specification(
        product=product,
        quantity=quantity,
        fabric=draw(st.sampled_from(sorted(card.fabrics))),
        complexity=draw(st.sampled_from(COMPLEXITIES)),
        sizes=draw(sizes(card, quantity)),
        colours=colours,
        decorations=tuple(Ordered(each, draw(st.integers(1, 12)), draw(st.integers(1, 6))) for each in methods),
        incoterm=draw(st.sampled_from(sorted(card.incoterms))),
    )


@st.composite
def sizes(draw: st.DrawFn, card: Card, quantity: int) -> tuple[tuple[str, int], ...]:
    """A mix that adds up, or none."""
    names = [size for size in card.sizes if draw(st.booleans())]
    if not names or len(names) > quantity:
        return ()
    cuts = sorted(draw(st.sets(st.integers(1, quantity - 1), min_size=len(names) - 1, max_size=len(names) - 1)))
    return tuple((name, end - start) for name, start, end in zip(names, [0, *cuts], [*cuts, quantity], strict=True))
