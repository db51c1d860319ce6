"""A release: where it goes, what it needs, and the commands that make it. Nothing here runs anything."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from local.trouble import Trouble
from local.vercel.configuration import HEADERS, Service
from shared.web import SECURITY_HEADERS

ENVIRONMENTS = ("production", "staging", "development")
# The project in front, where every function has a project of its own.
ROUTER = "router"


DATABASE_PLACEHOLDER = "postgresql://<user>:<password>@<host>:5432/postgres"
PLACEHOLDERS = {
    "SUPABASE_DB_URL_PRODUCTION": DATABASE_PLACEHOLDER,
    "SUPABASE_DB_URL_STAGING": DATABASE_PLACEHOLDER,
    "FUNCTION_HOSTS": "<project of {name}>.vercel.app",
}


@dataclass(frozen=True)
class Command:
    """A program with its arguments, none of them secret; `settings` are what it gets from the environment."""

    arguments: tuple[str, ...]
    settings: Mapping[str, str]

    def __str__(self) -> str:
        names = "".join(f"{name}=… " for name in self.settings)
        return names + " ".join(self.arguments)


@dataclass(frozen=True)
class Release:
    """All functions to one project, or `only` one (or the router) to its own.

    `settings` is this process's environment; each part says which of it is missing, as Trouble. A `dry` one, of which
    nothing is run, shows a placeholder instead.
    """

    environment: str
    only: str | None
    settings: Mapping[str, str]
    commit: str = ""
    dry: bool = False

    @classmethod
    def asked(
        cls, environment: str, only: str | None, functions: list[Service], *, commit: str = "", dry: bool = False
    ) -> "Release":
        """What the command line asks for. Raises Trouble, saying what there is."""
        if environment not in ENVIRONMENTS:
            raise Trouble(f"ENVIRONMENT={environment} is none: {', '.join(ENVIRONMENTS)}")
        if environment == "development":
            raise Trouble("development is your own machine: make run serves it, and nothing is deployed")
        names = [function.name for function in functions]
        if only and only not in (*names, ROUTER):
            raise Trouble(f"ONLY={only} is no function: {', '.join(names)}, or {ROUTER}")
        if os.environ.get("STAGING_TARGET") == "production":
            raise Trouble("STAGING_TARGET=production would pass by what is asked of production: ENVIRONMENT=production")
        return cls(environment, only, os.environ, commit, dry)

    @property
    def production(self) -> bool:
        """Whether it is what everybody gets."""
        return self.environment == "production"

    @property
    def target(self) -> str:
        """What the platform calls the environment: a preview, unless STAGING_TARGET names a custom environment."""
        return "production" if self.production else self.settings.get("STAGING_TARGET") or "preview"

    @property
    def project(self) -> str:
        """The setting that names the project."""
        suffix = f"_{self.only.replace('-', '_').upper()}" if self.only else ""
        return f"VERCEL_PROJECT_ID{suffix}"

    @property
    def database(self) -> str:
        """The setting that names the database: each environment has its own, so that none migrates another's."""
        return f"SUPABASE_DB_URL_{self.environment.upper()}"

    def setting(self, name: str) -> str:
        """A setting without which this can't be done."""
        value = self.settings.get(name) or (PLACEHOLDERS.get(name, f"<{name}>") if self.dry else None)
        if not value:
            raise Trouble(f"{name} is not set: see Deploy in README.md")
        return value

    def account(self) -> dict[str, str]:
        """What `vercel` reads from its environment: the token is on no command line."""
        return {
            "VERCEL_TOKEN": self.setting("VERCEL_TOKEN"),
            "VERCEL_ORG_ID": self.setting("VERCEL_ORG_ID"),
            "VERCEL_PROJECT_ID": self.setting(self.project),
        }

    def secrets(self) -> list[str]:
        """What no output may show."""
        names = ("VERCEL_TOKEN", "VERCEL_AUTOMATION_BYPASS_SECRET", self.database)
        known = [self.settings.get(name) for name in names]
        if known[-1]:
            password = self.database_parts().password or ""
            known += [password, unquote(password)]
        return [secret for secret in known if secret]

    def database_parts(self) -> SplitResult:
        """The database's address, taken apart. Raises Trouble, without saying it, where the password can't be told."""
        try:
            parts = urlsplit(self.setting(self.database))
            whole = parts.username and parts.password and parts.hostname
        except ValueError:
            whole = None
        if not whole or "@" in parts.path + parts.query + parts.fragment or "password" in parts.query.lower():
            raise Trouble(
                f"{self.database} is not postgresql://<user>:<password>@<host>…: in the password, write /, ?, #, @ and "
                "other such characters percent-encoded"
            )
        return parts

    def migration(self, supabase: Path) -> list[Command]:
        """What would be applied, then applying it."""
        address = self.database_parts()
        who, _, where = address.netloc.rpartition("@")
        bare = urlunsplit(address._replace(netloc=f"{who.partition(':')[0]}@{where}"))
        push = ("supabase", "db", "push", f"--remote={bare}", "--workdir", str(supabase), "--agent", "no")
        settings = {"PGPASSWORD": unquote(address.password or "")}
        return [Command((*push, "--dry-run"), settings), Command((*push, "--yes"), settings)]

    def deployment(self) -> Command:
        """Sends what was built and checked; prints the deployment's address. Nobody gets it before it is promoted."""
        named = ("--meta", f"commit={self.commit}") if self.commit else ()
        waiting = ("--skip-domain",) if self.production else ()
        return self.vercel("deploy", "--prebuilt", "--archive=tgz", f"--target={self.target}", *waiting, *named)

    def promotion(self, address: str) -> Command:
        """Makes a production deployment the current one: after a rollback none becomes that by itself."""
        return self.vercel("promote", address)

    def former(self) -> Command:
        """Lists the last releases, newest first."""
        return self.vercel("list", f"--environment={self.target}", "--status=READY", "--limit=10")

    def rollback(self, address: str) -> Command:
        """Makes a former deployment the current one again."""
        return self.vercel("rollback", address)

    def vercel(self, *arguments: str) -> Command:
        """A `vercel` command that asks nothing and uses nobody's login."""
        return Command(("vercel", *arguments, "--yes", "--no-color", "--global-config", ".vercel/cli"), self.account())

    @property
    def undoing(self) -> str:
        """What to type when it was a mistake."""
        if not self.production:
            return "A preview replaces nothing: the one before is at its address. Migrations that were applied stay."
        only = f" ONLY={self.only}" if self.only else ""
        return f"Go back with: make rollback ENVIRONMENT=production{only} TO=<the deployment before>"


def router(functions: list[Service], hosts: str) -> dict[str, Any]:
    """`vercel.json` of the project in front: each function at the host of its own project.

    `hosts` is a pattern, as in `backroom-{name}.vercel.app`. Raises Trouble where it names no function.
    """
    if "{name}" not in hosts or "/" in hosts:
        raise Trouble(f"FUNCTION_HOSTS={hosts} is no pattern: as in FUNCTION_HOSTS=backroom-{{name}}.vercel.app")
    return {
        "rewrites": [
            {
                "source": f"/api/{function.name}{source}",
                "destination": f"https://{hosts.format(name=function.name)}/api/{function.name}{destination}",
            }
            for function in functions
            for source, destination in (("", ""), ("/(.*)", "/$1"))
        ],
        "headers": [
            {"source": "/(.*)", "headers": [{"key": name, "value": SECURITY_HEADERS[name]} for name in HEADERS]}
        ],
    }
