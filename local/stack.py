"""PostgreSQL, the Supabase gateway with our migrations, and the vendors' sandboxes: everything but the functions."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from local import envfile, migrations, resend, stripe
from local.gateway.process import Gateway, Mail
from local.postgres import Cluster
from local.service import Service
from local.state import DEFAULT_PORT, ROOT, hold

HERE = Path(__file__).resolve().parent
# Where the functions hear what became of mails, and of payments.
RESEND_WEBHOOK = "/api/email-service/webhooks/resend"
STRIPE_WEBHOOK = "/api/stripe-webhook"
# The functions start after the sandbox: what they miss comes again in seconds, not in the vendor's ten minutes.
STRIPE_BACKOFF = (5.0, *stripe.BACKOFF)


class Stack(Service):
    """One stack and its data in `state`; a context manager, or `start` and `stop`.

    `port` is where the functions will be, which mails and CORS need to know. `confirmations`
    makes sign-up ask for a confirmation by mail. `resend` is where mails go, at `resend_rate`
    requests a second at most (None: any). `stripe` is where payments go; with `real_stripe` it
    doesn't run, and they go to the account that the environment of the functions names.
    `without_mends` leaves some of the gateway's mends out, `binaries` names another PostgreSQL:
    both are for tests.
    """

    def __init__(
        self,
        state: Path,
        port: int = DEFAULT_PORT,
        *,
        confirmations: bool = False,
        supabase: Path = ROOT / "supabase",
        seed: bool = True,
        on_mail: Callable[[Mail], None] | None = None,
        resend_rate: int | None = None,
        real_stripe: bool = False,
        without_mends: tuple[str, ...] = (),
        binaries: Path | None = None,
        postgres_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.state = state
        self.mail = state / "mail.jsonl"
        self._confirmations = confirmations
        self._supabase = supabase
        self._seed = seed
        self._without_mends = without_mends
        self._lock: TextIO | None = None
        self.env = _settings(envfile.read(state / "env"), port)
        known = urlsplit(self.env["DATABASE_URL"])
        self.postgres = Cluster(
            state / "postgres",
            password=known.password or secrets.token_urlsafe(24),
            port=known.port,
            binaries=binaries,
            settings=postgres_settings,
        )
        self.gateway = Gateway(state / "gateway.log", on_mail)
        self.resend = resend.Sandbox(
            state / "resend",
            port=urlsplit(self.env["RESEND_API_URL"]).port or 0,
            api_key=self.env["RESEND_API_KEY"],
            webhook_secret=self.env["RESEND_WEBHOOK_SECRET"],
            rate=resend_rate,
        )
        self.stripe = stripe.Sandbox(
            state / "stripe",
            port=urlsplit(self.env["STRIPE_API_BASE"]).port or 0,
            api_key=self.env["STRIPE_SECRET_KEY"],
            webhook_secret=self.env["STRIPE_WEBHOOK_SECRET"],
            backoff=STRIPE_BACKOFF,
        )
        self._real_stripe = real_stripe
        if real_stripe:  # what is known of the sandbox must not get in its way, and no real key is written down
            self.env = {name: value for name, value in self.env.items() if not name.startswith("STRIPE_")}

    @property
    def database_url(self) -> str:
        """Connects as `postgres`, which is no superuser, as on hosted Supabase."""
        return self.env["DATABASE_URL"]

    def send_webhooks(self, url: str) -> None:
        """Let the vendors tell the functions that are served there."""
        self.resend.webhook_url = url + RESEND_WEBHOOK
        self.stripe.webhook_url = url + STRIPE_WEBHOOK

    def start(self) -> None:
        """Start everything, bring the schema up to date, and write the env file."""
        self._lock = hold(self.state)
        try:
            self.postgres.start()
            with psycopg.connect(self.postgres.url(), autocommit=True) as administrator:
                administrator.execute((HERE / "roles.sql").read_bytes())
                administrator.execute(_password_of("postgres", self.postgres.password))
                self.env["DATABASE_URL"] = self.postgres.url("postgres")
                self.gateway.start(self._gateway_settings())
                administrator.execute((HERE / "grants.sql").read_bytes())
            with psycopg.connect(self.database_url, autocommit=True) as owner:
                migrations.migrate(owner, self._supabase / "migrations")
                if self._seed:
                    migrations.seed(owner, self._supabase / "seed.sql")
            port = self.gateway.serve()
            self.env["SUPABASE_URL"] = f"http://127.0.0.1:{port}"
            self.resend.start()
            self.env |= self.resend.env
            if not self._real_stripe:
                self.stripe.start()
                self.env |= self.stripe.env
            envfile.write(self.state / "env", self.env)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything; the data stays."""
        self.stripe.stop()
        self.resend.stop()
        self.gateway.stop()
        self.postgres.stop()
        if self._lock:
            self._lock.close()
            self._lock = None

    def _gateway_settings(self) -> dict[str, str]:
        names = ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY", "SUPABASE_JWT_SECRET")
        return {
            **{name: self.env[name] for name in names},
            "GATEWAY_PORT": str(urlsplit(self.env["SUPABASE_URL"]).port or 0),
            "DATABASE_URL": self.postgres.url(),
            "SITE_URL": self.env["API_URL"],
            "AUTH_CONFIRMATIONS": "1" if self._confirmations else "0",
            "MAIL_FILE": str(self.mail),
            "STORAGE_DIR": str(self.state / "storage"),
            "WITHOUT_MENDS": ",".join(self._without_mends),
        }


def _settings(known: Mapping[str, str], port: int) -> dict[str, str]:
    """The env file's content: secrets are made once and kept, addresses are last time's until started."""
    return {
        "ENVIRONMENT": "development",
        "SUPABASE_URL": "http://127.0.0.1",
        "SUPABASE_PUBLISHABLE_KEY": f"sb_publishable_{secrets.token_urlsafe(24)}",
        "SUPABASE_SECRET_KEY": f"sb_secret_{secrets.token_urlsafe(24)}",
        "SUPABASE_JWT_SECRET": secrets.token_urlsafe(48),
        "DATABASE_URL": "",
        "BOOTSTRAP_ADMIN_TOKEN": secrets.token_urlsafe(32),
        "CRON_SECRET": secrets.token_urlsafe(32),
        "INTERNAL_TOKEN": secrets.token_urlsafe(32),
        "RESEND_API_KEY": resend.new_key(),
        "RESEND_API_URL": "http://127.0.0.1",
        "RESEND_WEBHOOK_SECRET": resend.new_secret(),
        "EMAIL_FROM": "mail@backroom.example",
        "STRIPE_SECRET_KEY": stripe.new_key(),
        "STRIPE_API_BASE": "http://127.0.0.1",
        "STRIPE_WEBHOOK_SECRET": stripe.new_secret(),
        **known,
        "API_URL": f"http://127.0.0.1:{port}",
    }


def _password_of(role: str, password: str) -> sql.Composed:
    return sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
