"""/api/workspaces: the audit log, read and verified."""

from __future__ import annotations

import pytest

from tests.api import InProcess
from tests.functions.workspaces import As, pages
from tests.people import People, Person


class TestTheAuditLog:
    def test_is_read_newest_first_page_by_page(self, home: As, owner: Person) -> None:
        for number in range(4):
            home("PATCH", json={"name": f"No. {number}"}, X_Request_Id=f"change-{number}")
        found = pages(home, "/audit", 2)
        entries = [entry for page in found for entry in page]
        assert [entry["sequence"] for entry in entries] == [5, 4, 3, 2, 1]
        assert entries[-1]["action"] == "workspace.created"
        assert entries[0]["action"] == "workspace.changed"
        assert entries[0]["actor"] == str(owner.user_id)
        assert entries[0]["request_id"] == "change-3"
        assert entries[0]["details"] == {"fields": ["name"]}

    def test_tells_of_denials(self, api: InProcess, home: As, owner: Person, people: People) -> None:
        member = people.member(owner.workspace_id, "staff")
        assert As(api, member, owner.workspace_id)("GET", "/audit").status == 403
        newest = home("GET", "/audit").json["data"][0]
        assert (newest["action"], newest["actor"]) == ("access.denied", str(member.user_id))
        assert newest["details"] == {"permission": "audit.read"}

    def test_is_verified_against_a_head_noted_earlier(self, home: As) -> None:
        first = home("GET", "/audit/verification").json
        assert (first["intact"], first["entries"], first["broken_at"]) == (True, 1, None)
        newest = home("GET", "/audit").json["data"][0]
        assert first["head"] == {"sequence": newest["sequence"], "hash": newest["hash"]}
        home("PATCH", json={"name": "Another"})
        later = home("GET", f"/audit/verification?sequence=1&hash={first['head']['hash']}").json
        assert (later["intact"], later["entries"]) == (True, 2)

    def test_is_found_out_when_it_differs_from_the_head(self, home: As) -> None:
        answer = home("GET", f"/audit/verification?sequence=1&hash={'0' * 64}").json
        assert (answer["intact"], answer["broken_at"]) == (False, 1)
        cut = home("GET", f"/audit/verification?sequence=9&hash={'0' * 64}").json
        assert (cut["intact"], cut["broken_at"]) == (False, 2)

    @pytest.mark.parametrize(
        "query",
        ["sequence=-1", "sequence=x", "hash=xyz", f"sequence={2**63}", "cursor=1", "sequence=1", f"hash={'0' * 64}"],
    )
    def test_is_verified_against_nothing_else(self, settled_home: As, query: str) -> None:
        assert settled_home("GET", f"/audit/verification?{query}").status == 422
