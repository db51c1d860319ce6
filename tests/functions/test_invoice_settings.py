"""What invoices say of the seller, before anybody said anything."""

from __future__ import annotations

from tests.api import InProcess
from tests.people import Person


def test_a_workspace_that_said_nothing_yet_is_told_what_holds_until_then(api: InProcess, owner: Person) -> None:
    settings = api("GET", "/api/invoice/settings", token=owner.token)
    assert settings.status == 200, settings.body
    told = {name: value for name, value in settings.json.items() if value is not None and name != "seller"}
    assert told == {"supplies": "goods", "payment_days": 14}
    assert settings.json["seller"]["name"] == ""


def test_what_is_left_out_is_said_no_more(api: InProcess, owner: Person) -> None:
    for said in ({"city": "Köln", "payment_days": 30}, {}):
        assert api("PUT", "/api/invoice/settings", token=owner.token, json=said).status == 200
    settings = api("GET", "/api/invoice/settings", token=owner.token).json
    assert (settings["city"], settings["payment_days"]) == (None, 14)
