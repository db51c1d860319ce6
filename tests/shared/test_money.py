"""Money: exact, in minor units."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import hypothesis
import pytest
from hypothesis import strategies as st

from shared.money import CURRENCIES, NO_DECIMALS, THREE_DECIMALS, TWO_DECIMALS, Money, decimals, rounded

currencies = st.sampled_from(sorted(CURRENCIES))
bigint = st.integers(min_value=-(2**63), max_value=2**63 - 1)
amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17)


class TestMoney:
    @hypothesis.given(amount_minor=bigint, currency=currencies)
    def test_survives_the_way_to_whole_units_and_back(self, amount_minor: int, currency: str) -> None:
        money = Money(amount_minor, currency)
        assert rounded(money.decimal(), currency) == money

    @hypothesis.given(amount_minor=bigint, currency=currencies)
    def test_is_written_with_its_currency_s_digits(self, amount_minor: int, currency: str) -> None:
        number, _, code = str(Money(amount_minor, currency)).partition(" ")
        assert code == currency
        assert len(number.partition(".")[2]) == decimals(currency)
        assert int(number.replace(".", "")) == amount_minor

    @pytest.mark.parametrize(
        ("money", "written"),
        [
            (Money(1250, "USD"), "12.50 USD"),
            (Money(-5, "EUR"), "-0.05 EUR"),
            (Money(0, "EUR"), "0.00 EUR"),
            (Money(1250, "JPY"), "1250 JPY"),
            (Money(1250, "KWD"), "1.250 KWD"),
            (Money(10**18, "USD"), "10000000000000000.00 USD"),
        ],
    )
    def test_reads_as_people_write_it(self, money: Money, written: str) -> None:
        assert str(money) == written


class TestRounding:
    @pytest.mark.parametrize(
        ("amount", "currency", "amount_minor"),
        [
            ("19.99", "USD", 1999),  # int(19.99 * 100) is 1998
            ("0.005", "USD", 1),
            ("0.004999", "USD", 0),
            ("-0.005", "USD", -1),
            ("2.5", "JPY", 3),
            ("1.0005", "KWD", 1001),
            ("0.50499999999999999999999999999999999999", "USD", 50),  # rounded twice it would be 51
            ("1E+3", "USD", 100_000),
            ("-0", "USD", 0),
            ("1E-1000", "USD", 0),
        ],
    )
    def test_takes_a_half_away_from_zero(self, amount: str, currency: str, amount_minor: int) -> None:
        assert rounded(Decimal(amount), currency) == Money(amount_minor, currency)

    @hypothesis.given(amount=amounts, currency=currencies)
    def test_is_never_off_by_more_than_half_a_minor_unit(self, amount: Decimal, currency: str) -> None:
        off = Fraction(rounded(amount, currency).amount_minor) - Fraction(amount) * 10 ** decimals(currency)
        assert abs(off) <= Fraction(1, 2)

    @hypothesis.given(amount=amounts, currency=currencies)
    def test_is_the_same_for_what_is_owed_either_way(self, amount: Decimal, currency: str) -> None:
        assert rounded(amount, currency).amount_minor == -rounded(-amount, currency).amount_minor

    @hypothesis.given(first=amounts, second=amounts, currency=currencies)
    def test_keeps_the_order(self, first: Decimal, second: Decimal, currency: str) -> None:
        smaller, larger = sorted([first, second])
        assert rounded(smaller, currency).amount_minor <= rounded(larger, currency).amount_minor

    @hypothesis.given(amount=amounts, currency=currencies)
    def test_is_the_same_under_anybody_s_decimal_context(self, amount: Decimal, currency: str) -> None:
        expected = rounded(amount, currency)
        with localcontext(prec=3, rounding=ROUND_HALF_EVEN):
            assert rounded(amount, currency) == expected
            assert rounded(expected.decimal(), currency) == expected

    @pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
    def test_refuses_what_is_no_amount(self, amount: str) -> None:
        with pytest.raises(ValueError, match="finite"):
            rounded(Decimal(amount), "USD")


class TestCurrencies:
    def test_have_one_number_of_digits_each(self) -> None:
        assert not NO_DECIMALS & TWO_DECIMALS
        assert not NO_DECIMALS & THREE_DECIMALS
        assert not TWO_DECIMALS & THREE_DECIMALS
        assert {decimals(currency) for currency in CURRENCIES} == {0, 2, 3}
        assert all(len(currency) == 3 and currency.isupper() for currency in CURRENCIES)

    @pytest.mark.parametrize("currency", ["", "usd", "US", "USDT", "XXX", "€", "BTC", "USD "])
    def test_that_are_none_are_refused(self, currency: str) -> None:
        with pytest.raises(ValueError, match="ISO 4217"):
            decimals(currency)
        with pytest.raises(ValueError, match="ISO 4217"):
            rounded(Decimal(1), currency)
