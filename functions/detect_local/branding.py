"""Who a label says the thing is from. Precise rather than eager: without one of these forms, nobody. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_BRAND = 60
# A name is words with capitals, which small words may join.
WORD = r"(?:[A-ZÀ-ÖØ-Þ0-9][\w'’.&+-]*|&|\+)"
JOINED = r"(?:of|the|and|und|de|del|della|di|du|la|le|y|et|von|van)"
NAME = rf"(?P<brand>{WORD}(?: (?:{JOINED} )*{WORD}){{0,4}})"
COMPANY = (
    r"(?:Ltd|LTD|Limited|LIMITED|GmbH|GMBH|Inc|INC|LLC|Corp|CORP|PLC|plc|AG|B\.V|N\.V|ApS|Oy|Pty"
    r"|SA|S\.A|SAS|SARL|Srl|S\.r\.l|SpA|S\.p\.A|S\.L)"
)
MADE = (
    r"(?:[Dd]istributed|[Pp]roduced|[Rr]oasted|[Mm]ade|[Mm]anufactured|[Pp]acked|[Bb]ottled|[Bb]rewed|[Bb]aked"
    r"|[Pp]ublished|[Dd]esigned|[Cc]rafted|[Ii]mported)"
)
# The surest first; each is looked for from the beginning of a line.
FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?P<brand>{WORD}(?: {WORD}){{0,2}}) ?[®™]",
        rf"(?:[Bb]rand|BRAND|[Mm]arke|MARKE|[Mm]arque|MARQUE|[Mm]arca|MARCA) ?: ?{NAME}",
        rf"(?:©|\([cC]\)|[Cc]opyright(?: ©)?) ?(?:(?:19|20)\d\d(?: ?[-–] ?(?:19|20)\d\d)?,? )?{NAME}",
        rf"(?:{MADE}(?: (?:and|&) {MADE.lower()})? by|{MADE.upper()} BY):? {NAME}",
        rf"[Bb]y {NAME}$",
        rf"{NAME},? {COMPANY}\.?(?:$|,)",
        r"(?P<brand>[A-ZÀ-ÖØ-Þ][\w'’.-]*(?: [A-ZÀ-ÖØ-Þ][\w'’.-]*){0,2} & (?:Co|CO|Sons|SONS|Cie)\.?)$",
    )
)
LEGAL_END = re.compile(rf",? {COMPANY}\.?(?: .*)?$")
# What labels say things are made by that is nobody: "roasted by hand in London".
NOBODY = frozenset("appointment hand hands nature machine us weight volume you the a an and all".split())
# A "Limited" that is no company's.
EDITION = "edition"
FROM_HERE = re.compile(r" (?:IN|AT|FOR|FROM|ON|WITH|ALL RIGHTS|All rights)\b.*")
YEARS = re.compile(r" (?:19|20)\d\d$")


def brand(lines: Iterable[str]) -> str | None:
    """The brand that the lines of one label name, without its ®, ™ or legal form; None where they name none."""
    every = list(lines)
    for form in FORMS:
        for line in every:
            found = form.match(line)
            name = _plain_name(found["brand"]) if found else ""
            if name:
                return name
    return None


def _plain_name(said: str) -> str:
    """The name alone, or nothing where it is none."""
    name = YEARS.sub("", LEGAL_END.sub("", FROM_HERE.sub("", said))).strip(" .,:;&+-")
    named = any(character.isalpha() for character in name) and 2 <= len(name) <= MOST_BRAND
    words = name.casefold().split()
    return name if named and words[0] not in NOBODY and EDITION not in words else ""
