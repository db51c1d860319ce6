"""Currencies: what the smallest and largest payments are, and how amounts are written in messages."""

from local.stripe.errors import invalid

# The vendor's minimums in minor units; for others it asks for the equivalent in the currency of the account's payouts,
# which no sandbox has: there anything passes.
MINIMUMS = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
LARGEST = 99_999_999
WHOLE = set("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())  # without minor units
THOUSANDTHS = set("bhd jod kwd omr tnd".split())
OTHERS = set(
    "afn all amd ang aoa ars awg azn bam bbd bdt bmd bnd bob bsd bwp byn bzd cdf cny cop crc cve dop dzd egp etb fjd "
    "fkp gel gip gmd gtq gyd hnl htg idr ils isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop "
    "mur mvr mwk mzn nad ngn nio npr pab pen pgk php pkr qar rsd rub sar sbd scr shp sle sos srd std szl tjs top try "
    "ttd twd tzs uah ugx uyu uzs wst xcd yer zar zmw".split()
)
KNOWN = set(MINIMUMS) | WHOLE | THOUSANDTHS | OTHERS


def currency(told: str) -> str:
    """In lower case. Raises Refused."""
    if told.lower() not in KNOWN:
        raise invalid(f"Invalid currency: {told.lower()}. The vendor supports other currencies.", "currency")
    return told.lower()


def check(amount: int, code: str) -> None:
    """Whether so much can be paid. Raises Refused."""
    if amount < MINIMUMS.get(code, 1):
        raise invalid(f"Amount must be at least {written(MINIMUMS[code], code)}", "amount", "amount_too_small")
    if amount > LARGEST:
        raise invalid(f"Amount must be no more than {written(LARGEST, code)}", "amount", "amount_too_large")
    if code in THOUSANDTHS and amount % 10:  # the card networks have two decimals
        raise invalid(f"Invalid amount: in {code} the last digit must be 0.", "amount")
    if code in ("isk", "ugx") and amount % 100:  # have no minor units, but are written with two decimals
        raise invalid(f"Invalid amount: in {code} the last two digits must be 00.", "amount")


def written(amount: int, code: str) -> str:
    """`12.50 eur`; `50 jpy`."""
    decimals = 0 if code in WHOLE else 3 if code in THOUSANDTHS else 2
    return f"{amount / 10**decimals:,.{decimals}f} {code}"
