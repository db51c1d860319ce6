"""The two pages a recipient may see: the question whether to unsubscribe, and that it is done."""

from __future__ import annotations

from html import escape
from typing import Any

from shared.binding import Reply

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
}
STYLE = """\
:root { color-scheme: light dark; font: 1.0625rem/1.55 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; }
main { max-width: 30rem; padding: 2rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
button { font: inherit; padding: .7rem 1.4rem; border: 0; border-radius: .5rem; background: #1f4d3d; color: #fff; }
"""
WORDS = {
    "en": (
        "Unsubscribe?",
        "You will get no more reminders from {name}. Mail about your orders, payments and invoices still comes.",
        "Unsubscribe",
        "You are unsubscribed",
        "{name} won’t remind you any more. Mail about your orders, payments and invoices still comes.",
    ),
    "de": (
        "Abmelden?",
        "Sie bekommen keine Erinnerungen von {name} mehr. Nachrichten zu Bestellungen, Zahlungen und Rechnungen "
        "kommen weiterhin.",
        "Abmelden",
        "Sie sind abgemeldet",
        "{name} erinnert Sie nicht mehr. Nachrichten zu Bestellungen, Zahlungen und Rechnungen kommen weiterhin.",
    ),
    "fr": (
        "Se désabonner ?",
        "Vous ne recevrez plus de rappels de {name}. Les messages sur vos commandes, paiements et factures continuent "
        "d’arriver.",
        "Se désabonner",
        "Vous êtes désabonné",
        "{name} ne vous enverra plus de rappels. Les messages sur vos commandes, paiements et factures continuent "
        "d’arriver.",
    ),
}


def asking(of: dict[str, Any]) -> Reply[bytes]:
    """The question, with a button that asks the same address by POST."""
    language, (title, sentence, button, _, _) = _words(of)
    return _page(
        language, title, sentence.format(name=_name(of)), f'<form method="post"><button>{button}</button></form>'
    )


def done(of: dict[str, Any]) -> Reply[bytes]:
    """That it is done; mail programs that asked by themselves don't show it."""
    language, (_, _, _, title, sentence) = _words(of)
    return _page(language, title, sentence.format(name=_name(of)), "")


def _words(of: dict[str, Any]) -> tuple[str, tuple[str, str, str, str, str]]:
    language = (of["locale"] or "en").partition("-")[0]
    language = language if language in WORDS else "en"
    return language, WORDS[language]


def _name(of: dict[str, Any]) -> str:
    return escape(of["workspace"] or "Backroom")


def _page(language: str, title: str, sentence: str, form: str) -> Reply[bytes]:
    html = f"""\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{sentence}</p>
{form}
</main>
</body>
</html>
"""
    return Reply(html.encode(), headers=HEADERS)
