"""Currency and incoterm."""

from __future__ import annotations

import re

CURRENCY = {
    "CAD": r"\bcad\b|\bca\$|\bc\$|\bcanadian(?: dollars?)?\b",
    "AUD": r"\baud\b|\bau\$|\ba\$|\baustralian(?: dollars?)?\b|\baussie dollars?\b",
    "USD": r"\busd\b|\bus\$|\b(?:us|u\.s\.|american) dollars?\b|(?<![a-z])\$|\bdollars?\b|\bbucks\b",
    "EUR": r"€|\beur\b|\beuros?\b",
    "GBP": r"£|\bgbp\b|\bpounds?\b|\bsterling\b|\bquid\b",
    "BDT": r"\bbdt\b|\btakas?\b|\btk\b",
    "CHF": r"\bchf\b|\bfrancs?\b",
    "INR": r"\binr\b|\brupees?\b",
    "SEK": r"\bsek\b|\bkronor\b",
    "JPY": r"\bjpy\b|\byen\b",
    "CNY": r"\bcny\b|\brmb\b|\byuan\b",
}
CURRENCIES = re.compile("|".join(f"(?P<{code}>{pattern})" for code, pattern in CURRENCY.items()))
SIGN = r"(?:(?:us|ca|c|au|a)?\$|€|£|(?:usd|eur|gbp|cad|aud|bdt|tk)\b)"
WORD = r"(?:usd|eur|euros?|gbp|cad|aud|bdt|dollars?|pounds?|takas?|bucks|cents?|quid|pence|€|£|\$)"
NUMBER = r"\d{1,9}(?:[.,]\d{1,9}){0,3}k?"
MONEY = re.compile(rf"{SIGN} ?{NUMBER}(?: ?- ?{SIGN}? ?{NUMBER})?|\b{NUMBER} ?{WORD}(?![a-z])")

SPELLED = {
    "EXW": r"ex[- ]?works?|ex[- ]?factory(?! ?(?:date|:|by|on|before|#))",
    "DDP": r"delivered,? duty paid|duty paid|duties paid|taxes and duties included",
    "DAP": r"delivered at place",
    "FOB": r"free on board",
    "CIF": r"cost,? insurance,?(?: and| &)? freight",
    "FCA": r"free carrier",
    "CFR": r"cost and freight|c&f",
}


def currency(text: str, known: tuple[str, ...]) -> tuple[str | None, float, list[str]]:
    """(code, confidence, notes): the first that is named."""
    named = [found.lastgroup or "" for found in CURRENCIES.finditer(text)]
    offered = [code for code in dict.fromkeys(named) if code in known]
    notes = [f"{code} is not offered." for code in dict.fromkeys(named) if code not in known]
    if not offered:
        return None, 0.0, notes
    return offered[0], (0.9 if len(offered) == 1 else 0.5), notes


def without_money(text: str) -> str:
    """The text with amounts of money blotted out."""
    return MONEY.sub(lambda found: "#" * len(found[0]), text)


def incoterm(text: str, known: tuple[str, ...]) -> tuple[str | None, float]:
    """(code, confidence)."""
    if found := re.search(rf"\b(?:{'|'.join(known).lower()})\b", text):
        return found[0].upper(), 0.95
    for code in known:
        if code in SPELLED and re.search(rf"\b(?:{SPELLED[code]})\b", text):
            return code, 0.9
    return None, 0.0
