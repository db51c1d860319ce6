"""Mails followed to their end and explained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from functions.email_service import templates
from functions.email_service.explaining import REASONS, STATES
from local.resend import Bounces, Complains, Fails, Opens, Sandbox
from local.stack import Stack
from tests.api import InProcess
from tests.functions.mailing import address, deliver, explain, only, send, tell
from tests.people import Person


class TestFollowing:
    def test_to_its_end_in_whatever_order_it_is_told(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        made = send(api, person).json["id"]
        deliver(api, stack)
        assert set(tell(api, stack, sandbox)) == {200}
        story = explain(api, person, made)
        assert story["state"] == "delivered"
        assert [event["type"] for event in story["events"]] == ["sent", "delivered"]
        assert STATES["delivered"] in story["because"]
        assert [each["outcome"] for each in story["attempts"]] == ["delivered"]
        assert story["provider_id"] == only(sandbox).id

    @pytest.mark.parametrize(("behaviour", "state"), [(Bounces(), "bounced"), (Complains(), "complained")])
    def test_a_bounce_or_complaint_ends_writing_to_them_until_it_is_lifted(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, behaviour: Any, state: str
    ) -> None:
        to = address()
        sandbox.always(behaviour, to)
        made = send(api, person, to=to).json["id"]
        deliver(api, stack)
        tell(api, stack, sandbox)
        assert explain(api, person, made)["state"] == state
        again = send(api, person, to=to).json
        assert (again["state"], again["reason"]) == ("suppressed", state)
        assert REASONS[state] in explain(api, person, again["id"])["because"]
        (listed,) = api("GET", "/api/email-service/suppressions", token=person.token).json["data"]
        assert (listed["address"], listed["reason"]) == (to, state)
        path = f"/api/email-service/suppressions/{listed['id']}"
        assert api("DELETE", path, token=person.token).status == 204
        assert send(api, person, to=to).json["state"] == "queued"

    def test_opens_are_recorded_where_the_workspace_wants_it(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        ids = []
        for wanted in (False, True):
            api("PATCH", f"/api/workspaces/{person.workspace_id}", token=person.token, json={"track_opens": wanted})
            to = address()
            sandbox.always(Opens(), to)
            ids.append(send(api, person, to=to).json["id"])
            deliver(api, stack)
            tell(api, stack, sandbox)
            sandbox.forget()
        assert [explain(api, person, id_)["state"] for id_ in ids] == ["delivered", "opened"]

    def test_a_refused_one_is_tried_again_when_a_person_says_so(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        made = send(api, person).json["id"]
        sandbox.script(Fails(422))
        assert deliver(api, stack)["refused"] == 1
        assert explain(api, person, made)["state"] == "failed"
        assert api("POST", f"/api/email-service/messages/{made}/retry", token=person.token).status == 202
        assert deliver(api, stack)["delivered"] == 1
        assert api("POST", f"/api/email-service/messages/{made}/retry", token=person.token).code == "not_failed"

    def test_lists_by_state_template_and_address(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        made = [send(api, person).json for _ in range(3)]
        sent = templates.find("one-time-code").sample
        code = send(api, person, template="one-time-code", data=sent).json

        def listed(query: str) -> list[str]:
            answer = api("GET", f"/api/email-service/messages?{query}", token=person.token)
            assert answer.status == 200, answer.body
            return [each["id"] for each in answer.json["data"]]

        assert listed("template=one-time-code") == [code["id"]]
        assert listed(f"to={made[0]['to'].upper()}") == [made[0]["id"]]
        assert listed("state=sent") == []
        deliver(api, stack)
        assert len(listed("state=sent")) == 4
        first = api("GET", "/api/email-service/messages?limit=3", token=person.token).json
        assert len(first["data"]) == 3
        assert listed(f"limit=3&cursor={first['next_cursor']}") == [made[0]["id"]]


def test_every_reason_has_a_sentence() -> None:
    """Whatever code the database or the provider's side may put down."""

    root = Path(__file__).parents[2]
    written = "".join(
        path.read_text() for path in (root / "functions/email_service").glob("[dp]*.py") if path.stem != "pages"
    )
    codes = set(re.findall(r'Outcome\([^)]*?"(?:delivered|again|unknown|refused)", "([a-z_]+)"', written))
    assert len(codes) >= 6
    assert codes <= REASONS.keys()
