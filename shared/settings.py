"""The only reader of the environment. Read at each use, so that importing a function reads nothing.

`python -m shared.settings` prints `.env.example`.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from shared.errors import Problem


class Setting(NamedTuple):
    """One key of the environment."""

    name: str
    purpose: str
    default: str | None = None  # None: required where it is used
    rotates: bool = False  # a secret whose previous value is accepted too, as <NAME>_PREVIOUS


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("ENVIRONMENT", "development, staging or production", "development"),
        Setting("API_URL", "Where these functions are served; detect calls detect-local there"),
        Setting("CORS_ORIGINS", "Origins that may call from a browser, separated by commas", ""),
        Setting("SUPABASE_URL", "The Supabase project"),
        Setting("SUPABASE_PUBLISHABLE_KEY", "Its publishable key (sb_publishable_…)"),
        Setting("SUPABASE_SECRET_KEY", "Its secret key (sb_secret_…); bypasses row-level security"),
        Setting(
            "SUPABASE_JWT_SECRET",
            "Only for projects that sign access tokens with HS256; others publish keys instead",
            "",
            rotates=True,
        ),
        Setting(
            "BOOTSTRAP_ADMIN_TOKEN",
            "Makes the first platform admin, once; at least 32 characters, else the function is closed",
            "",
            rotates=True,
        ),
        Setting(
            "INTERNAL_TOKEN",
            "Proves that one of these functions calls another; at least 32 characters",
            "",
            rotates=True,
        ),
        Setting("RESEND_API_KEY", "Resend, which sends the mails (re_…); without it none is sent", ""),
        Setting(
            "RESEND_API_URL", "Another place that speaks its API, as the local sandbox does", "https://api.resend.com"
        ),
        Setting("EMAIL_FROM", "The address mails come from, of a domain verified there; without it none is sent", ""),
        Setting("RESEND_WEBHOOK_SECRET", "Proves that Resend calls (whsec_…)", "", rotates=True),
        Setting("STRIPE_SECRET_KEY", "Stripe, which takes the payments (sk_… or rk_…); without it none is taken", ""),
        Setting(
            "STRIPE_API_BASE", "Another place that speaks its API, as the local sandbox does", "https://api.stripe.com"
        ),
        Setting("STRIPE_WEBHOOK_SECRET", "Proves that Stripe calls (whsec_…)", "", rotates=True),
        Setting(
            "EXCHANGE_RATES_URL",
            "Where exchange rates come from each day: JSON with base, date and rates; without it those built in count",
            "",
        ),
        Setting(
            "CRON_SECRET",
            "Proves that the platform's scheduler calls; at least 32 characters, else no job runs",
            "",
            rotates=True,
        ),
        Setting("ALERT_EMAIL", "Who is told by mail what is wrong with the platform; nobody when empty", ""),
        Setting("SLACK_WEBHOOK_URL", "A Slack incoming webhook that is told the same", ""),
        Setting(
            "AI_PROVIDERS",
            "Who is asked, in this order; those without a key are passed over. local needs none",
            "gemini,anthropic,openai_compatible,local",
        ),
        Setting("AI_TIMEOUT_SECONDS", "How long one provider may take for one answer", "5"),
        Setting("GEMINI_API_KEY", "Google's Gemini", ""),
        Setting("GEMINI_MODEL", "Its model; shared/ai/prices.toml must know it", "gemini-3-flash-preview"),
        Setting("GEMINI_BASE_URL", "Another place that speaks its API", ""),
        Setting("ANTHROPIC_API_KEY", "Anthropic's Claude", ""),
        Setting("ANTHROPIC_MODEL", "Its model; shared/ai/prices.toml must know it", "claude-haiku-5-5"),
        Setting("ANTHROPIC_BASE_URL", "Another place that speaks its API", ""),
        Setting("OPENAI_API_KEY", "OpenAI, or whatever speaks its API", ""),
        Setting("OPENAI_MODEL", "Its model; shared/ai/prices.toml must know it", "gpt-6-luna"),
        Setting(
            "OPENAI_BASE_URL",
            "Where that is: OpenAI itself when empty; a gateway, Ollama or vLLM, which may need no key",
            "",
        ),
        Setting("OTEL_EXPORTER_OTLP_ENDPOINT", "An OpenTelemetry collector (OTLP over HTTP); /v1/traces is added", ""),
        Setting("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "The same, in full; wins", ""),
        Setting(
            "OTEL_EXPORTER_OTLP_HEADERS", "What it is sent along: name=value, separated by commas; read by its SDK", ""
        ),
        Setting("SENTRY_DSN", "Where unexpected exceptions go", ""),
    )
}


def get(name: str) -> str:
    """The value of a known key, its default where it has one.

    Raises `Problem` 503 `not_configured`, naming the key, where a required one is unset or empty.
    """
    setting = SETTINGS[name]
    value = os.environ.get(name) or setting.default
    if value is None:
        raise Problem(503, "not_configured", f"The server's setting {name} is missing.")
    return value


def seconds(name: str) -> float:
    """A known key's value as a number of seconds. Raises `Problem` 503 `not_configured` where it is none."""
    value = get(name)
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 1 <= number < 3600:
        raise Problem(503, "not_configured", f"The server's setting {name} is no number of seconds from 1 to 3600.")
    return number


def accepted(name: str) -> list[str]:
    """The values a rotating secret is accepted with: the current one and the previous; none when unset."""
    if not SETTINGS[name].rotates:
        raise KeyError(f"{name} does not rotate")
    values = (os.environ.get(name), os.environ.get(f"{name}_PREVIOUS"))
    return [value for value in values if value]


def on_vercel() -> bool:
    """Whether the platform itself runs this: it says so."""
    return os.environ.get("VERCEL") == "1"


def is_development() -> bool:
    """Whether this is somebody's own machine. The platform's never is, also where nobody has said what it is."""
    return get("ENVIRONMENT") == "development" and not on_vercel()


def example() -> str:
    """The text of `.env.example`."""
    lines = ["# What the functions read from their environment. `make run` writes .local/env by itself."]
    for setting in SETTINGS.values():
        lines += ["", f"# {setting.purpose}.", f"{setting.name}={setting.default or ''}"]
        if setting.rotates:
            lines.append(f"# {setting.name}_PREVIOUS=  # while rotating: the old value works too")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(example(), end="")  # noqa: T201
