"""Settings: read when used, and what is missing is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.state import ROOT
from shared import auth, settings
from shared.auth import internal
from shared.errors import Problem
from shared.settings import SETTINGS
from shared.web import Function
from tests.shared.wsgi import call

REQUIRED = [name for name, setting in SETTINGS.items() if setting.default is None]
ROTATING = [name for name, setting in SETTINGS.items() if setting.rotates]
LONG = "a secret of more than thirty-two characters"


class TestARequiredKey:
    @pytest.mark.parametrize("name", REQUIRED)
    @pytest.mark.parametrize("value", [None, ""])
    def test_is_named_where_it_is_missing(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None) -> None:
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
        with pytest.raises(Problem) as refusal:
            settings.get(name)
        assert (refusal.value.status, refusal.value.code) == (503, "not_configured")
        assert name in refusal.value.detail

    @pytest.mark.parametrize("name", REQUIRED)
    def test_is_read_at_each_use(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        for value in ("one", "other"):
            monkeypatch.setenv(name, value)
            assert settings.get(name) == value


class TestAnyOtherKey:
    def test_has_its_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, setting in SETTINGS.items():
            monkeypatch.delenv(name, raising=False)
            assert setting.default is None or settings.get(name) == setting.default

    def test_is_known_or_a_mistake(self) -> None:
        with pytest.raises(KeyError):
            settings.get("SUPABASE_URI")


class TestARotatingSecret:
    @pytest.mark.parametrize("name", ROTATING)
    def test_has_its_current_and_its_previous_value(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv(name, "new")
        monkeypatch.setenv(f"{name}_PREVIOUS", "old")
        assert settings.accepted(name) == ["new", "old"]

    @pytest.mark.parametrize("name", ROTATING)
    def test_that_is_unset_or_empty_has_none(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        for key in (name, f"{name}_PREVIOUS"):
            monkeypatch.delenv(key, raising=False)
        assert settings.accepted(name) == []
        for key in (name, f"{name}_PREVIOUS"):
            monkeypatch.setenv(key, "")
        assert settings.accepted(name) == []

    def test_is_said_to_be_one(self) -> None:
        with pytest.raises(KeyError):
            settings.accepted("SUPABASE_SECRET_KEY")
        assert {
            "SUPABASE_JWT_SECRET",
            "BOOTSTRAP_ADMIN_TOKEN",
            "INTERNAL_TOKEN",
            "CRON_SECRET",
            "STRIPE_WEBHOOK_SECRET",
            "RESEND_WEBHOOK_SECRET",
        } == set(ROTATING)


class TestMatching:
    def test_takes_any_accepted_value_and_nothing_else(self) -> None:
        assert auth.matches("one", ["one", "other"])
        assert auth.matches("other", ["one", "other"])
        for given in ("", "on", "onee", "One", "oneother", "one\n", "None"):
            assert not auth.matches(given, ["one", "other"])

    def test_takes_nothing_where_nothing_is_accepted(self) -> None:
        for given in ("", "None", "x"):
            assert not auth.matches(given, [])

    def test_compares_text_beyond_ascii(self) -> None:
        assert auth.matches("pässword", ["pässword"])
        assert not auth.matches("passwörd", ["pässword"])


class TestTheInternalToken:
    app = Function("engine")

    @staticmethod
    @app.post(signed_by=internal)
    def run(raw: bytes) -> dict[str, int]:
        return {"size": len(raw)}

    def ask(self, authorization: str) -> int:
        return call(self.app, "POST", "/api/engine", body=b"x", HTTP_AUTHORIZATION=authorization).status

    def test_admits_current_and_previous(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("INTERNAL_TOKEN", LONG)
        monkeypatch.setenv("INTERNAL_TOKEN_PREVIOUS", LONG[::-1])
        assert self.ask(f"Bearer {LONG}") == 200
        assert self.ask(f"Bearer {LONG[::-1]}") == 200

    @pytest.mark.parametrize(
        "given", ["", "Bearer", "Bearer ", "Bearer x", f"Bearer {LONG}x", f"Bearer {LONG[:-1]}", "\xff"]
    )
    def test_refuses_everything_else(self, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
        monkeypatch.setenv("INTERNAL_TOKEN", LONG)
        assert self.ask(given) == 401

    @pytest.mark.parametrize("token", [None, "", "short", "x" * (auth.SHORTEST_SECRET - 1)])
    def test_unset_or_short_closes_the_route(self, monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
        monkeypatch.delenv("INTERNAL_TOKEN", raising=False)
        if token is not None:
            monkeypatch.setenv("INTERNAL_TOKEN", token)
        for given in ("", "Bearer None", "Bearer ", f"Bearer {token}"):
            assert self.ask(given) == 503


class TestTheEnvironment:
    @pytest.mark.parametrize(
        ("name", "development"), [("development", True), ("staging", False), ("production", False)]
    )
    def test_is_somebodys_own_machine_only_by_that_name(
        self, monkeypatch: pytest.MonkeyPatch, name: str, development: bool
    ) -> None:
        monkeypatch.setenv("ENVIRONMENT", name)
        assert settings.is_development() is development

    @pytest.mark.parametrize("name", ["", "development"])
    def test_is_nobodys_own_machine_on_the_platform(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv("VERCEL", "1")
        monkeypatch.setenv("ENVIRONMENT", name)
        assert settings.is_development() is False


class TestTheExample:
    def test_is_what_the_settings_print(self) -> None:
        """When this fails: `python -m shared.settings > .env.example`."""
        printed = subprocess.run([sys.executable, "-m", "shared.settings"], cwd=ROOT, capture_output=True, check=True)
        assert (ROOT / ".env.example").read_bytes() == printed.stdout

    def test_names_every_key_and_holds_no_secret(self) -> None:
        lines = settings.example().splitlines()
        assigned = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        assert set(assigned) == set(SETTINGS)
        filled = {name: value for name, value in assigned.items() if value}
        assert filled == {name: setting.default for name, setting in SETTINGS.items() if setting.default}
        assert not [name for name in filled if name.endswith(("_KEY", "_TOKEN", "_SECRET"))]
