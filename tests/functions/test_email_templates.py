"""The templates of mails: listed, and previewed in the workspace's look."""

from __future__ import annotations

import psycopg
import pytest

from functions.email_service import templates
from tests.api import InProcess
from tests.people import Person


class TestTemplates:
    def test_are_known_to_the_database_alike(self, database: psycopg.Connection) -> None:
        known = database.execute("select name, follow_up, secret from private.email_templates").fetchall()
        ours = [(name, templates.find(name).follow_up, templates.find(name).secret) for name in templates.NAMES]
        assert sorted(known) == sorted(ours)

    def test_are_listed_with_what_they_take(self, api: InProcess, person: Person) -> None:
        listed = api("GET", "/api/email-service/templates", token=person.token).json["data"]
        assert [each["name"] for each in listed] == list(templates.NAMES)
        assert all(each["data_schema"]["properties"] and each["sample"] and each["description"] for each in listed)

    @pytest.mark.parametrize("name", templates.NAMES)
    def test_can_be_previewed_in_the_workspaces_look(self, api: InProcess, person: Person, name: str) -> None:
        renamed = api(
            "PATCH", f"/api/workspaces/{person.workspace_id}", token=person.token, json={"name": "Juniper Café"}
        )
        assert renamed.status == 200
        shown = api("GET", f"/api/email-service/templates/{name}/preview", token=person.token).json
        assert "Juniper Café" in shown["html"]
        assert shown["subject"]
        assert shown["text"]

    def test_unknown_ones_cannot(self, api: InProcess, person: Person) -> None:
        assert api("GET", "/api/email-service/templates/none/preview", token=person.token).code == "not_found"
