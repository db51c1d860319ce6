"""The garment's colours, not those of what is printed on it."""

from __future__ import annotations

import re

BASES = (
    "black|white|grey|navy|blue|red|green|yellow|orange|purple|pink|brown|beige|burgundy|maroon|olive|khaki|teal|"
    "turquoise|charcoal|cream|ecru|ivory|sand|sage|mint|lilac|lavender|bordeaux|rust|mustard|coral|aqua|"
    "tan|indigo|violet|anthracite|natural|stone|petrol|off-white|graphite|crimson|scarlet|magenta|fuchsia|cyan|ochre|"
    "terracotta|peach|apricot|salmon|plum|aubergine|wine|cobalt|taupe|camel|caramel|chocolate|mocha|oatmeal|cognac|copper"
)
SHADES = (
    "light|dark|bright|pale|deep|heather(?:ed)?|royal|navy|sky|baby|forest|bottle|olive|sage|lime|mint|neon|hot|dusty|"
    "rose|burnt|mustard|army|emerald|kelly|sea|steel|slate|charcoal|off|midnight|pastel|vintage|washed|racing|military|"
    "electric|ice|moss|wine|blood|melange|marl|carolina|french|cobalt|stone|dusky|soft|ceil|petrol|powder|cornflower|"
    "turquoise|lemon|sunflower|signal|safety|fluorescent|fluo|hi-vis|pillar box|cherry|ruby|brick|chilli|candy"
    "|ash|silver|"
    "medium|warm|cool|mid|jet|snow|bright white|optic|hunter|racing|pine|jade|tiffany|aqua|oxford|denim"
    "|deep sea|apple|grass|leaf|fern|teal|wine|royal|duck egg|egyptian|tomato|blush|salmon|butter|sun|honey|stone|smoke"
)
COLOUR = re.compile(
    rf"\b(?:(?:{SHADES})[ -]){{0,2}}(?:{BASES})(?: (?:marl|melange|heather))?\b|\broyal\b(?= (?:polo|t))"
)
INKED = (
    r"inks?|prints?|printed|logos?|text|letter(?:ing|s)?|threads?|embroider\w*|labels?|tags?|poly ?bags?"
    r"|bags?|writing|artwork|design|graphics?|stitch\w*|boxes|tape|friday"
)
PARTS = "piping|trims?|contrast|lining|zips?|zippers?|buttons?|cuffs?|collars?|drawcords?|stripes?"
# "white ink", "white front print", "black and gold logo".
OF_A_PRINT = re.compile(
    rf"(?:(?:,| and| &|/|\+) ?{COLOUR.pattern}){{0,3}}"
    r"(?: (?:front|back|chest|sleeve|screen|neck|woven|company|big|small|large|our|metallic|foil))?"
    rf" ?-?(?:{INKED})\b| (?:{PARTS})\b"
)
IN_A_PRINT = re.compile(
    rf"\b(?:{INKED}|names?|numbers?|wording|lettered|badge)\b(?! (?:only|please))(?: [a-z]+){{0,5}}?(?::| in"
    rf"| colours?:?)"
    r"(?: [a-z]+(?:,| and| &|/)| only| just| plain){0,3} ?$"
)
NEGATED = re.compile(r"\b(?:not|no|except|but not|instead of)(?: in)? $")


def colours(text: str) -> list[str]:
    """Names in the order they are said, each once."""
    named = []
    for found in COLOUR.finditer(text):
        before = max(0, found.start() - 60)
        if NEGATED.search(text, before, found.start()) or IN_A_PRINT.search(text, before, found.start()):
            continue
        if OF_A_PRINT.match(text, found.end()):
            continue
        named.append(found[0].replace("heathered", "heather"))
    return [*dict.fromkeys(named)]
