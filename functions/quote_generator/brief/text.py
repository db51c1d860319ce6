"""A brief made uniform: lower case, numbers as digits, abbreviations spelled out, known words' typing errors mended."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# Nobody's brief is longer; reading takes time with every character.
MOST_CHARACTERS = 4000

SAME = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("‘’`´", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("•·●▪◦*", "\n"),
        "×": "x",
        "\t": " ",
        "\r": "\n",
        "\xa0": " ",
        "\u202f": " ",
        "_": " ",
    }
)
SPELLED_OUT = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b(pcs?|pces|qty|approx|col|colou?r|cols|no|nr|min|max|incl|ca|est|sz|emb|prs?)\.(?=\W|\d|$)", r"\1 "),
        (r"\bw/o\b", "without"),
        (r"\bw/(?=\s|[a-z])", "with "),
        (r"\bb'?days?\b", "birthday"),
        (r"\bblk\b", "black"),
        (r"\bwht\b", "white"),
        (r"\bxmas\b|\bx-mas\b", "christmas"),
        (r"\b(?:pls|plz)\b", "please"),
        (r"\bgray\b", "grey"),
        (r"\bcolor", "colour"),
        (r"\btee-shirt|\btee shirt|\bt[- ]?shirt|\btshrt\b", "tshirt"),
        (r"\bemb\b", "embroidery"),
        (r"\b(?:single|mono)[- ]?(?=colou?r\b)", "1 "),
        (r"\b(?:doz\b\.?|dozens\b(?! of))", "dozen"),
        (r"\bclrs?\b", "colour"),
        (r"\bwks?\b\.?", "weeks"),
        (r"\bmths?\b\.?", "months"),
        (r"\blc\b", "left chest"),
        (r"\b(?:both|two|2) sides\b|\bdouble[- ]sided\b", "front and back"),
        (r"(?<=\d)(?=(?:colou?rs?|col|cols|pcs|pieces|units|gsm|dozen)\b)", " "),
    )
]
# Words of six letters or more that decide something and that few other words resemble.
MENDED = """
    tshirt tshirts shirts hoodie hoodies joggers jacket jackets sweater sweaters jumper jumpers uniform uniforms
    knitwear activewear sportswear leggings sweatshirt sweatshirts sweatpants polyester cotton organic fleece merino
    embroidered embroidery heavyweight lightweight recycled burgundy packaging polybag polybags polybagged hundred
    thousand quantity pieces january february september october november december christmas sleeve sleeves
    softshell windbreaker windbreakers cardigan cardigans screenprint printed colour colours complex delivery
""".split()
# Words of their own that are one letter away from one of these.
MEANT = frozenset(
    "skirts skirt colon pointed painted sprinted shorts organ cottons fleeces color jogger thirty shirty quality "
    "thousands complexes completed uniformed packing".split()
)

UNITS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
TENS = {
    word: 10 * number
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
} | {"fourty": 40}
SCALES = {"hundred": 100, "thousand": 1000, "dozen": 12, "grand": 1000}
NUMBER_WORD = "|".join(sorted([*UNITS, *TENS, *SCALES], key=len, reverse=True))
SPELLED_NUMBER = re.compile(rf"\b(?:a |half a )?(?:{NUMBER_WORD})(?:(?: |-| and )(?:{NUMBER_WORD}))*s?\b")
VAGUE = re.compile(
    r"\b(?:a few|few|some|several|a couple(?: of)?|couple(?: of)?|many)(?: hundred| thousand| dozen)s?\b(?: of)?"
    r"|\b(?:hundred|thousand|dozen)s of\b|\blow (?:hundred|thousand)s\b"
)
SCALED_NUMBER = re.compile(r"(?<![\w.])(\d{1,6}(?:[.,]\d{1,2})?) ?(k|hundred|thousand|dozen)\b(?![-/])")
GROUPED_NUMBER = re.compile(r"(?<![\w.,])(\d{1,3})((?:[.,' ]\d{3})+)(?![\w]|[.,]\d)")


def uniform(description: str) -> str:
    """The text that everything else reads; at most `MOST_CHARACTERS` and what spelling out adds."""
    text = unicodedata.normalize("NFKC", description[:MOST_CHARACTERS].translate(SAME))[:MOST_CHARACTERS]
    text = text.translate(SAME).lower()
    text = re.sub(r"[^\x20-\x7e\n€£à-ÿ]", " ", text)
    text = re.sub(r" {2,}", " ", re.sub(r"\n[ \n-]*", "\n", text))
    text = re.sub(r"\bt[- ]?(?=sh[a-z]{3,5}\b)", "t", text)
    text = re.sub(r"[a-z]{6,}", lambda found: _mended(found[0]), text)
    for pattern, replacement in SPELLED_OUT:
        text = pattern.sub(replacement, text)
    text = VAGUE.sub("a-few", text)
    text = GROUPED_NUMBER.sub(lambda found: found[1] + re.sub(r"\D", "", found[2]), text)
    text = SCALED_NUMBER.sub(lambda found: _scaled(found[1], found[2]), text)
    text = SPELLED_NUMBER.sub(lambda found: _counted(found[0]), text)
    return SCALED_NUMBER.sub(lambda found: _scaled(found[1], found[2]), text)


def sentences(text: str) -> list[str]:
    """The sentences and lines of a uniform text."""
    return [part for part in re.split(r"[!?;\n]+|\.(?=\s|$)", text) if part.strip()]


def without(text: str, start: int, end: int) -> str:
    """The text with this part blotted out: what was read once is not read as something else too."""
    return f"{text[:start]}{'#' * (end - start)}{text[end:]}"


def _scaled(number: str, scale: str) -> str:
    value = float(number.replace(",", ".")) * (1000 if scale == "k" else SCALES[scale])
    return str(round(value))


def _counted(words: str) -> str:
    """ "a hundred and fifty" as 150; "two dozen" as 24; words that are no number together one after the other."""
    if words.startswith("half a "):
        rest = _counted("a " + words.removeprefix("half a "))
        return str(int(rest) // 2) if rest.isdecimal() else words
    total = current = 0
    numbers: list[int] = []
    last = None
    for word in re.split(
        r" and | |-", words.removesuffix("s") if words.endswith(("dreds", "sands", "zens")) else words
    ):
        if word in SCALES:
            scale = SCALES[word]
            current = max(current, 1) * scale
            if scale == 1000:
                total, current = total + current, 0
        elif word in TENS or word in UNITS:
            value = TENS.get(word, UNITS.get(word, 0))
            if last in UNITS or (last in TENS and word in TENS):  # "one two": not one number
                numbers.append(total + current)
                total = current = 0
            current += value
        last = word
    numbers.append(total + current)
    return " ".join(map(str, numbers))


def _mended(word: str) -> str:
    """A known word that this is one letter away from: too many, missing, wrong or swapped with its neighbour."""
    if word in _known() or word.removesuffix("s") in _known() or word in MEANT:
        return word
    for place in range(len(word)):
        found = _shortened().get(word[:place] + word[place + 1 :])
        if found:
            return found
    return _shortened().get(word, word)


@cache
def _known() -> frozenset[str]:
    return frozenset(MENDED)


@cache
def _shortened() -> dict[str, str]:
    """Each known word by itself and by what is left of it without any one letter."""
    return {
        short: word
        for word in reversed(MENDED)
        for short in (word, *(word[:place] + word[place + 1 :] for place in range(len(word))))
    }
