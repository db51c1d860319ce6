"""What was seen in a picture, held against the truth about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from functions.detect_local.engine import Item, Sighting
from functions.detect_local.grouping import plain
from local.pictures import Thing

# Of a line, one character in so many may be misread, and it still counts as read.
MISREAD_ONE_IN = 10
# A found item is meant for a thing when their codes are the same or their names are this alike.
MEANT = 0.75
# A line this like a code's text is the digits printed under its bars, which the truth does not list.
SPELLED_ALIKE = 0.6

Code = tuple[str, str]


@dataclass(frozen=True)
class Judged:
    """One picture's counts, or the sum of several.

    Text counts in characters of lines: `lines_read` of `lines_written` that are on the labels, and
    `lines_true` of `lines_claimed` that were found. An item is wrong when it is meant for no thing,
    or for one that another item was already found for.
    """

    codes_written: int = 0
    codes_read: int = 0
    codes_wrong: int = 0
    lines_written: int = 0
    lines_read: int = 0
    lines_claimed: int = 0
    lines_true: int = 0
    things: int = 0
    things_found: int = 0
    items_wrong: int = 0
    names_right: int = 0
    counts_right: int = 0
    tags_printed: int = 0
    tags_found: int = 0
    tags_wrong: int = 0
    brands_printed: int = 0
    brands_found: int = 0
    brands_wrong: int = 0

    def __add__(self, other: Judged) -> Judged:
        return Judged(*(mine + theirs for mine, theirs in zip(_counts(self), _counts(other), strict=True)))


@dataclass(frozen=True)
class Verdict:
    """The counts of one picture, what is amiss in words, and each found item with whether it is right.

    Right is an item whose name is the thing's to the letter and whose barcode, if it has one, is
    the thing's.
    """

    judged: Judged
    amiss: list[str]
    right: list[tuple[Item, bool]]


def verdict(things: Sequence[Thing], sighting: Sighting) -> Verdict:
    """Hold one sighting against the truth."""
    pairs, wrong = paired(things, sighting.items)
    expected = {thing.barcode for thing in things if thing.barcode}
    found = codes(sighting.items)
    written = _written(things)
    claimed = _claimed(sighting.text, written, expected | found)
    read, true = _overlap(written, claimed), _overlap(claimed, written)
    tags = [(set(thing.tags), _printed_tags(item)) for thing, item in pairs]
    right = [
        (item, plain(item.name) == plain(thing.name) and _code(item) in (None, thing.barcode)) for thing, item in pairs
    ]
    judged = Judged(
        codes_written=len(expected),
        codes_read=len(expected & found),
        codes_wrong=len(found - expected),
        lines_written=sum(map(len, written)),
        lines_read=sum(map(len, read)),
        lines_claimed=sum(map(len, claimed)),
        lines_true=sum(map(len, true)),
        things=len(things),
        things_found=len(pairs),
        items_wrong=len(wrong),
        names_right=sum(plain(item.name) == plain(thing.name) for thing, item in pairs),
        counts_right=sum(item.quantity == thing.quantity for thing, item in pairs),
        tags_printed=sum(len(thing.tags) for thing in things),
        tags_found=sum(len(printed & known) for printed, known in tags),
        tags_wrong=sum(len(known - printed) for printed, known in tags),
        brands_printed=sum(thing.brand is not None for thing in things),
        brands_found=sum(item.brand is not None and item.brand == thing.brand for thing, item in pairs),
        brands_wrong=sum(item.brand not in (None, thing.brand) for thing, item in pairs),
    )
    met = {id(thing) for thing, _ in pairs}
    amiss = [
        *(f"not found: {thing.name}" for thing in things if id(thing) not in met),
        *(f"wrong item: {item.name}" for item in wrong),
        *(f"name: {item.name} for {thing.name}" for thing, item in pairs if plain(item.name) != plain(thing.name)),
        *(f"count: {item.quantity} {item.name}" for thing, item in pairs if item.quantity != thing.quantity),
        *(f"code not read: {kind}" for kind, _ in sorted(expected - found)),
        *(f"wrong code: {kind} {text}" for kind, text in sorted(found - expected)),
        *(f"tag not read: {tag}" for printed, known in tags for tag in sorted(printed - known)),
        *(f"wrong tag: {tag}" for printed, known in tags for tag in sorted(known - printed)),
        *(f"wrong brand: {item.brand}" for thing, item in pairs if item.brand not in (None, thing.brand)),
    ]
    return Verdict(judged, amiss, right + [(item, False) for item in wrong])


def paired(things: Sequence[Thing], items: Iterable[Item]) -> tuple[list[tuple[Thing, Item]], list[Item]]:
    """Each thing with the first item that is meant for it, and the items that are left."""
    missing, left = list(things), []
    pairs = []
    for item in items:
        meant = max(missing, key=lambda thing: _alike(thing, item), default=None)
        if meant and _alike(meant, item) >= MEANT:
            missing.remove(meant)
            pairs.append((meant, item))
        else:
            left.append(item)
    return pairs, left


def codes(items: Iterable[Item]) -> set[Code]:
    """Every code of the items, a label's further ones included."""
    found = {code for item in items if (code := _code(item))}
    kinds = {kind for kind, _ in found} | {"qr_code", "data_matrix", "aztec", "pdf417", "code_128"}
    further = (tag.partition(":") for item in items for tag in item.tags)
    return found | {(kind, text) for kind, _, text in further if kind in kinds}


def edits(one: str, other: str) -> int:
    """How many characters are to be changed, added or left out to make one the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for index, mine in enumerate(one, 1):
        before, row[0] = row[0], index
        for column, theirs in enumerate(other, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (mine != theirs))
    return row[-1]


def _alike(thing: Thing, item: Item) -> float:
    if thing.barcode and thing.barcode == _code(item):
        return 2.0
    return SequenceMatcher(None, plain(thing.name), plain(item.name)).ratio()


def _code(item: Item) -> Code | None:
    return (item.barcode.format, item.barcode.text) if item.barcode else None


def _written(things: Iterable[Thing]) -> list[str]:
    """The lines that are printed on the things; a code alone has none."""
    return [
        plain(line)
        for thing in things
        for line in (thing.name, *thing.lines) * thing.quantity
        if not (thing.barcode and thing.name.endswith(thing.barcode[1]))
    ]


def _claimed(text: str, written: Sequence[str], spelled: Iterable[Code]) -> list[str]:
    """The lines that were found, but for digits under bars."""
    digits = [plain(code) for _, code in spelled]
    lines = [plain(line) for line in text.split("\n")]
    return [line for line in lines if line and (line in written or not any(_spells(line, code) for code in digits))]


def _spells(line: str, code: str) -> bool:
    return line in code or SequenceMatcher(None, line, code).ratio() >= SPELLED_ALIKE


def _overlap(lines: Iterable[str], others: Iterable[str]) -> list[str]:
    """The lines that are among the others, each of which is good for one."""
    left, met = list(others), []
    for line in lines:
        same = next((each for each in left if edits(line, each) <= len(line) // MISREAD_ONE_IN), None)
        if same is not None:
            left.remove(same)
            met.append(line)
    return met


def _printed_tags(item: Item) -> set[str]:
    return {tag for tag in item.tags if tag.partition(":")[0] in ("weight", "volume", "size", "lot", "expires")}


def _counts(judged: Judged) -> list[int]:
    return list(vars(judged).values())
