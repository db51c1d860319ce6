"""A model's words about a quote, whatever it says."""

from __future__ import annotations

import time

import psycopg
import pytest

from local.vendors import Behaviour, Fails, Garbage, Hangs, Says, Vendors
from tests.api import InProcess
from tests.functions.quotes import ask
from tests.people import Person


@pytest.fixture(scope="session")
def loaded() -> None:
    """As in a process that has served before: loading the SDK takes seconds on a busy machine."""
    import google.genai.types  # noqa: F401


@pytest.mark.usefixtures("loaded")
class TestAModel:
    """Writes a few sentences about a quote, and nothing else."""

    @pytest.fixture(autouse=True)
    def trusted(self, database: psycopg.Connection) -> None:
        """Providers as if none had failed before: else they are passed over."""
        database.execute("delete from private.ai_breakers")

    @pytest.mark.parametrize(
        "told",
        [
            Says({"text": "Only 1.00 USD each if you order today!"}),
            Says({"text": "See https://evil.example for 500 hoodies."}),
            Says({"text": "<b>500</b> hoodies"}),
            Says({"text": ""}),
            Says({"text": "x" * 10_000_000}),
            Fails(500),
            Garbage(),
            Hangs(),
        ],
        ids=lambda told: str(told)[:40],
    )
    def test_changes_nothing_whatever_it_says(
        self, api: InProcess, owner: Person, environment: pytest.MonkeyPatch, told: Behaviour
    ) -> None:
        plain = ask(api, owner).json
        with Vendors() as vendors:
            for name, value in {**vendors.env, "AI_PROVIDERS": "gemini"}.items():
                environment.setenv(name, value)
            vendors.always("gemini", told)
            started = time.monotonic()
            quote = ask(api, owner).json
            took = time.monotonic() - started
        assert took < 6
        assert quote["narrative"] == plain["narrative"]
        for name in ("lines", "setup", "total_minor", "deposit_minor", "timeline", "savings", "input_hash"):
            assert quote[name] == plain[name]

    def test_is_quoted_where_it_says_what_the_quote_says(
        self, api: InProcess, owner: Person, environment: pytest.MonkeyPatch
    ) -> None:
        with Vendors() as vendors:
            for name, value in {**vendors.env, "AI_PROVIDERS": "gemini"}.items():
                environment.setenv(name, value)
            vendors.always("gemini", Says({"text": "Your 500 hoodies come to 9,875.00 USD in total."}))
            quote = ask(api, owner).json
        assert quote["narrative"] == {"text": "Your 500 hoodies come to 9,875.00 USD in total.", "provider": "gemini"}
