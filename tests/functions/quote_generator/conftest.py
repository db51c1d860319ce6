"""What a quote is made of here, and providers that behave as they are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from functions.quote_generator.brief.models import Known
from local.vendors import Vendors
from shared.ai.ledger import Asker
from tests.people import People

TODAY = date(2026, 11, 21)
KNOWN = Known(
    {
        "t_shirt": ["cotton_180", "cotton_220", "organic_cotton", "polyester_performance"],
        "polo": ["cotton_pique_220", "polyester_performance"],
        "hoodie": ["fleece_280", "heavyweight_fleece_400"],
        "joggers": ["fleece_280"],
        "activewear": ["polyester_performance"],
        "uniform": ["cotton_twill_280"],
        "knitwear": ["acrylic", "merino"],
        "jacket": ["nylon_shell", "softshell_300"],
    }
)
VENDORS = ["gemini", "anthropic", "openai_compatible"]


@pytest.fixture(scope="session")
def all_vendors() -> Iterator[Vendors]:
    """The providers' servers, with the real SDKs loaded as in a process that has served before."""
    import anthropic  # noqa: F401
    import google.genai
    import google.genai.types  # noqa: F401

    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def vendors(all_vendors: Vendors, environment: pytest.MonkeyPatch, database: psycopg.Connection) -> Vendors:
    """Providers that know nothing of earlier tests, and their settings."""
    for name, value in all_vendors.env.items():
        environment.setenv(name, value)
    all_vendors.forget()
    database.execute("delete from private.ai_breakers")
    return all_vendors


@pytest.fixture
def asker(people: People) -> Asker:
    """Somebody signed in, and the workspace that pays."""
    person = people.sign_up()
    return Asker(person.user_id, person.workspace_id)
