"""Money: integer minor units and an ISO 4217 currency. `Decimal` in between, never `float`."""

from __future__ import annotations

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

# ISO 4217, list one (2026): digits after the decimal point; two for all others.
NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
TWO_DECIMALS = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
    CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
    KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY
    TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """.split()
)
CURRENCIES = NO_DECIMALS | TWO_DECIMALS | THREE_DECIMALS


# Shifting the point under the default context would first round to 28 digits: the sum would be rounded twice.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


class Money(NamedTuple):
    """An exact amount: `Money(1250, "USD")` is 12.50 US dollars."""

    amount_minor: int
    currency: str

    def decimal(self) -> Decimal:
        """The amount in whole units."""
        return Decimal(self.amount_minor).scaleb(-decimals(self.currency), EXACT)

    def __str__(self) -> str:
        return f"{self.decimal():f} {self.currency}"


def decimals(currency: str) -> int:
    """Digits after the decimal point. Raises `ValueError` for a currency that is none."""
    if currency not in CURRENCIES:
        raise ValueError("not an ISO 4217 currency")
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


def rounded(amount: Decimal, currency: str) -> Money:
    """The nearest amount the currency can express; a half goes away from zero, as on invoices.

    Raises `ValueError` for an amount that isn't finite.
    """
    if not amount.is_finite():
        raise ValueError("not a finite amount")
    return Money(int(amount.scaleb(decimals(currency), EXACT).to_integral_value(ROUND_HALF_UP)), currency)
