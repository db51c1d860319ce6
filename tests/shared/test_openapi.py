"""The OpenAPI document: up to date, valid, complete, honest about codes, and additive."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from local import openapi
from shared.auth import Caller
from shared.models import Answer, Body
from shared.openapi import Documented, document, problems
from shared.web import Function
from tests.additive import METHODS, breaks
from tests.contract import DOCUMENT, resolved

ROOT = Path(__file__).resolve().parents[2]
RELEASED = ROOT / "docs" / "openapi.released.json"
OPERATIONS = [
    pytest.param(path, method, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method in METHODS
    if method in methods
]


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


class TestTheDocument:
    @pytest.mark.parametrize("place", openapi.PLACES, ids=lambda place: str(place.relative_to(ROOT)))
    def test_is_up_to_date(self, place: Path) -> None:
        assert place.read_text() == openapi.text(), "run: make openapi"

    def test_is_valid(self) -> None:
        OpenAPIV31SpecValidator(DOCUMENT).validate()

    def test_breaks_no_client_of_the_last_release(self) -> None:
        assert breaks(json.loads(RELEASED.read_text()), DOCUMENT) == []

    @pytest.mark.parametrize(("path", "method"), OPERATIONS)
    def test_shows_by_example_what_to_send_and_what_comes(self, path: str, method: str) -> None:
        operation = DOCUMENT["paths"][path][method]
        sent = operation.get("requestBody", {}).get("content", {})
        answers = [answer.get("content", {}) for status, answer in operation["responses"].items() if status[0] == "2"]
        answered = [content["application/json"] for content in answers if "application/json" in content]
        answered = [each for each in answered if "schema" in each]  # else bytes of their own
        examples = [each for each in answered if "example" in each]
        assert examples or not answered
        for content in [*examples, *(sent[each] for each in sent if each == "application/json")]:
            validator(content["schema"]).validate(content["example"])

    @pytest.mark.parametrize(("path", "method"), OPERATIONS)
    def test_says_what_each_parameter_of_the_path_looks_like(self, path: str, method: str) -> None:
        parameters = [resolved(each) for each in DOCUMENT["paths"][path][method]["parameters"]]
        in_path = {each["name"]: each for each in parameters if each["in"] == "path"}
        assert set(in_path) == set(re.findall(r"\{([a-z_]+)\}", path))
        for each in in_path.values():
            validator(each["schema"]).validate(each["example"])

    def test_links_lead_to_what_was_made(self) -> None:
        made = DOCUMENT["paths"]["/api/workspaces/{workspace_id}/invites"]["post"]["responses"]["201"]["links"]
        assert made["revoke_invite"]["parameters"] == {
            "workspace_id": "$request.path.workspace_id",
            "invite_id": "$response.body#/id",
        }


def source() -> str:
    """All that can say no: Python and SQL."""
    files = [*ROOT.glob("functions/**/*.py"), *ROOT.glob("shared/**/*.py"), *ROOT.glob("supabase/migrations/*.sql")]
    routes = re.compile(r"problems=\[[^\]]*\]|^[A-Z]+ = \[[^\]]*\]", re.MULTILINE | re.DOTALL)
    return "\n".join(routes.sub("", file.read_text()) for file in files if "openapi" not in file.parts)


def declared() -> Iterator[str]:
    for each in openapi.functions():
        for route in each.function.routes:
            for names in problems.codes(route).values():
                yield from names


class TestCodes:
    def test_each_that_is_declared_is_somewhere_raised(self) -> None:
        text = source()
        assert {code for code in declared() if not re.search(rf"['\"]{code}['\"]", text)} == set()

    def test_each_that_is_raised_is_somewhere_declared(self) -> None:
        raised = re.findall(
            r"""(?:Problem\(\s*\d+,\s*|refuse\(\d+, |unavailable\(\s*|unauthenticated\()['"]([a-z_]+)""", source()
        )
        assert len(set(raised)) > 25
        # The one is answered where no route is found, so by no operation; the models refuse the other before.
        assert set(raised) - set(declared()) == {"method_not_allowed", "invalid_invite"}


class Sent(Body):
    """What is sent."""

    name: str


class Made(Answer):
    """What is answered."""

    id: str


def described(register: Callable[[Function], object]) -> dict[str, Any]:
    app = Function("a")
    register(app)
    return document([Documented(app, "About it.")])


class TestARoute:
    def test_without_a_docstring_is_refused(self) -> None:
        def nameless(body: Sent) -> Made:
            raise NotImplementedError

        with pytest.raises(ValueError, match="nameless has no docstring"):
            described(lambda app: app.post(public=True)(nameless))

    def test_named_as_another_is_refused(self) -> None:
        def one(body: Sent) -> Made:
            """One."""
            raise NotImplementedError

        def both(app: Function) -> None:
            app.post(public=True)(one)
            app.post("/other", public=True)(one)

        with pytest.raises(ValueError, match="same name"):
            described(both)

    def test_is_told_whole(self) -> None:
        def make(caller: Caller, body: Sent) -> Made:
            """Make one. It stays
            for good."""
            raise NotImplementedError

        made = described(
            lambda app: app.post(
                "/<kind>", permission="a.b", status=201, also={202: Sent}, tagged=True, problems=["409 taken"]
            )(wrapped(make))
        )
        [operation] = made["paths"]["/api/a/{kind}"].values()
        assert (operation["summary"], operation["security"]) == ("Make one", [{"person": []}])
        assert operation["description"] == "It stays for good.\n\nNeeds the permission `a.b`."
        assert [resolved_in(made, each)["name"] for each in operation["parameters"]] == [
            "kind",
            "workspace_id",
            "Idempotency-Key",
            "If-Match",
            "X-Request-Id",
        ]
        assert set(operation["responses"]) >= {"201", "202", "400", "401", "403", "404", "409", "422", "500", "503"}
        assert "ETag" in operation["responses"]["201"]["headers"]
        content = operation["responses"]["409"]["content"]["application/problem+json"]
        assert content["schema"]["allOf"][1]["properties"]["code"]["enum"] == [
            "conflict",
            "request_in_progress",
            "taken",
        ]


def wrapped(make: Callable[[Caller, Sent], Made]) -> Callable[..., Made]:
    """The same with a parameter of the path."""

    def make_one(caller: Caller, kind: str, body: Sent) -> Made:
        return make(caller, body)

    make_one.__doc__ = make.__doc__
    return make_one


def resolved_in(made: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    return dict(made["components"]["parameters"][part["$ref"].rpartition("/")[2]]) if "$ref" in part else part


Change = Callable[[dict[str, Any]], object]
WORKSPACE, INVITES = "/api/workspaces/{workspace_id}", "/api/workspaces/{workspace_id}/invites"


def codes(document: dict[str, Any]) -> list[str]:
    refusals = document["paths"]["/api/workspaces/{workspace_id}/roles"]["post"]["responses"]["409"]
    schema = refusals["content"]["application/problem+json"]["schema"]
    return schema["allOf"][1]["properties"]["code"]["enum"]  # type: ignore[no-any-return]


def components(document: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(document["components"]["schemas"])[name]  # type: ignore[no-any-return]


BREAKING: dict[str, Change] = {
    "a path gone": lambda d: d["paths"].pop(WORKSPACE),
    "a method gone": lambda d: d["paths"][WORKSPACE].pop("patch"),
    "another name": lambda d: d["paths"][WORKSPACE]["get"].update(operationId="other"),
    "to be signed in": lambda d: d["paths"]["/api/health"]["get"].update(security=[{"person": []}]),
    "a parameter gone": lambda d: d["paths"][INVITES]["get"]["parameters"].pop(1),
    "a parameter asked for": lambda d: d["paths"][INVITES]["get"]["parameters"].append(
        {"name": "a", "in": "query", "required": True, "schema": {}}
    ),
    "a status gone": lambda d: d["paths"][INVITES]["post"]["responses"].pop("201"),
    "a field gone": lambda d: components(d, "Workspace")["properties"].pop("country"),
    "a field that may lack": lambda d: components(d, "Workspace")["required"].remove("name"),
    "a field insisted on": lambda d: components(d, "NewWorkspace")["required"].append("currency"),
    "another type": lambda d: components(d, "Workspace")["properties"].update(revision={"type": "string"}),
    "null where there was none": lambda d: components(d, "Workspace")["properties"].update(
        name={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "no null any more": lambda d: components(d, "NewWorkspace")["properties"].update(country={"type": "string"}),
    "a narrower bound": lambda d: components(d, "NewInvite")["properties"]["max_uses"].update(maximum=999),
    "a value taken no more": lambda d: components(d, "Photo")["properties"]["kind"]["enum"].remove("pantry"),
    "a value nobody knows": lambda d: components(d, "Health")["properties"]["status"]["enum"].append("fine"),
    "another proof": lambda d: d["paths"][WORKSPACE]["get"].update(security=[{"internal": []}]),
    "a code gone": lambda d: codes(d).remove("role_exists"),
    "a refusal gone": lambda d: d["paths"][INVITES]["post"]["responses"].pop("422"),
    "a status that is new": lambda d: d["paths"][INVITES]["post"]["responses"].update({"202": {"description": ""}}),
    "a header gone": lambda d: d["paths"][WORKSPACE]["get"]["responses"]["200"]["headers"].pop("ETag"),
    "another media type": lambda d: d["paths"][WORKSPACE]["patch"]["requestBody"].update(
        content={"text/csv": {"schema": {}}}
    ),
    "any value": lambda d: components(d, "Workspace")["properties"].update(name={}),
    "another format": lambda d: components(d, "Workspace")["properties"]["id"].pop("format"),
    "a format asked for": lambda d: components(d, "NewRole")["properties"]["name"].update(format="uuid"),
    "a keyword nobody compares": lambda d: components(d, "NewRole")["properties"]["name"].update({"not": {}}),
    "other things in a map": lambda d: components(d, "Health")["properties"]["checks"].update(
        additionalProperties={"type": "string"}
    ),
    "items of any kind": lambda d: components(d, "Workspaces")["properties"]["data"].pop("items"),
    "something else to come": lambda d: components(d, "Outcome")["properties"]["detection"]["anyOf"].append(
        {"$ref": "#/components/schemas/Upload"}
    ),
    "another place of a parameter": lambda d: d["paths"][INVITES]["get"]["parameters"][1].update({"in": "header"}),
    "deep in a list": lambda d: components(d, "Item")["properties"].pop("tags"),
}
ADDITIVE: dict[str, Change] = {
    "another path": lambda d: d["paths"].update({"/api/new": {"get": {}}}),
    "another field answered": lambda d: components(d, "Workspace")["properties"].update(new={"type": "string"}),
    "another field that may be sent": lambda d: components(d, "NewWorkspace")["properties"].update(new={}),
    "a wider bound": lambda d: components(d, "NewInvite")["properties"]["max_uses"].update(maximum=1001),
    "another value taken": lambda d: components(d, "Photo")["properties"]["kind"]["enum"].append("book"),
    "another problem": lambda d: d["paths"][INVITES]["post"]["responses"].update({"418": {}}),
}


class TestComparing:
    @pytest.mark.parametrize("case", BREAKING)
    def test_finds_what_breaks_a_client(self, case: str) -> None:
        later = copy.deepcopy(DOCUMENT)
        BREAKING[case](later)
        assert breaks(DOCUMENT, later)

    @pytest.mark.parametrize("case", ADDITIVE)
    def test_lets_be_what_only_adds(self, case: str) -> None:
        later = copy.deepcopy(DOCUMENT)
        ADDITIVE[case](later)
        assert breaks(DOCUMENT, later) == []
