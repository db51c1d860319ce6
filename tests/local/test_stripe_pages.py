"""The page of the Stripe sandbox where a person pays."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from local.stripe import Books, Sandbox
from tests.local.test_stripe import Shop


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    sandbox.forget()
    return Shop(sandbox)


def press(url: str, button: str) -> str:
    """Press one that is there; returns the page that it leads to."""
    assert f'value="{button}"' in requests.get(url, timeout=5).text
    answer = requests.post(url, {"do": button}, timeout=5)
    assert answer.status_code == 200
    assert [each.status_code for each in answer.history] == [303]
    return answer.text


def state(text: str) -> str:
    return str(re.findall(r'class="state \w+">([\w ]+)<', text)[0]).replace(" ", "_")


class TestList:
    def test_shows_what_is_open_and_leads_to_where_it_is_paid(self, sandbox: Sandbox, shop: Shop) -> None:
        assert "None is open." in requests.get(sandbox.url, timeout=5).text
        first, second = shop.create(description="Arch <& garland>"), shop.create(currency="jpy")
        shop.paid(description="Long paid")
        shown = requests.get(sandbox.url, timeout=5).text
        assert "2 open, newest first; 1 settled" in shown
        assert "Long paid" not in shown
        assert shown.index("1,250 JPY") < shown.index("12.50 EUR") < shown.index("Arch &lt;&amp; garland&gt;")
        links = re.findall(r'href="(/pay/[^"]+)"', shown)
        assert [sandbox.url + link for link in links] == [sandbox.pay_url(each.id) for each in (second, first)]
        press(sandbox.url + links[0], "pm_card_visa")
        assert sandbox.pay_url(second.id).removeprefix(sandbox.url) not in requests.get(sandbox.url, timeout=5).text

    def test_is_only_for_reading_and_no_request_of_the_api(self, sandbox: Sandbox, shop: Shop) -> None:
        asked = len(sandbox.asked)
        assert requests.post(sandbox.url, {"do": "pm_card_visa"}, timeout=5).status_code == 405
        assert len(sandbox.asked) == asked


class TestPaying:
    def test_shows_what_is_due_and_takes_it(self, sandbox: Sandbox, shop: Shop) -> None:
        url = sandbox.pay_url(shop.create(description="Arch <& garland>").id)
        shown = requests.get(url, timeout=5).text
        assert "12.50 EUR" in shown
        assert "Arch &lt;&amp; garland&gt;" in shown
        assert state(press(url, "pm_card_visa")) == "succeeded"
        assert "<button" not in requests.get(url, timeout=5).text
        assert sandbox.books() == {"eur": Books(1250, 0, 0)}

    def test_says_why_it_was_declined_and_takes_another(self, sandbox: Sandbox, shop: Shop) -> None:
        url = sandbox.pay_url(shop.create().id)
        shown = press(url, "pm_card_chargeDeclined")
        assert "Your card was declined." in shown
        assert state(shown) == "requires_payment_method"
        assert state(press(url, "pm_card_authenticationRequired")) == "requires_action"
        assert state(press(url, "no")) == "requires_payment_method"
        assert state(press(url, "pm_usBankAccount")) == "processing"
        assert state(press(url, "yes")) == "succeeded"

    def test_takes_nothing_twice(self, sandbox: Sandbox, shop: Shop) -> None:
        url = sandbox.pay_url(shop.paid().id)
        assert requests.post(url, {"do": "pm_card_visa"}, timeout=5).status_code == 409
        assert sandbox.books() == {"eur": Books(1250, 0, 0)}

    def test_is_for_whoever_has_the_secret(self, sandbox: Sandbox, shop: Shop) -> None:
        url = sandbox.pay_url(shop.create().id)
        for other in (url[:-1], url.rpartition("/")[0], f"{sandbox.url}/pay/pi_nobody/x", f"{sandbox.url}/pay/"):
            assert requests.post(other, {"do": "pm_card_visa"}, timeout=5).status_code == 404
        assert sandbox.books() == {}
