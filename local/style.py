"""How the local pages look: one style sheet, light and dark, from a phone's width on, and what they are made of."""

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from typing import Literal

STYLE = """
:root {
  color-scheme: light dark;
  --paper: light-dark(#f6f5f2, #17181b); --card: light-dark(#fff, #202226); --ink: light-dark(#1d1d1f, #ececee);
  --faint: light-dark(#66666e, #a0a0aa); --line: light-dark(#e3e1dc, #34363c); --accent: light-dark(#0b57d0, #8ab4f8);
  --good: light-dark(#137333, #81c995); --bad: light-dark(#b3261e, #f28b82); --wait: light-dark(#8a5300, #fdd663);
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; background: var(--paper); color: var(--ink);
  max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
a { color: var(--accent); }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0 1rem; overflow-wrap: anywhere; }
code, pre { font: 0.875rem/1.5 ui-monospace, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
dt { margin-top: 1rem; }
dd { margin: 0; color: var(--faint); }
nav { font-size: 0.9rem; }
nav a { text-decoration: none; }
.faint { color: var(--faint); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem; }
ol.rows { list-style: none; margin: 0; padding: 0; overflow: hidden; }
ol.rows a { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr auto auto; gap: 0.1rem 1rem;
  align-items: baseline; padding: 0.65rem 1rem; color: inherit; text-decoration: none; }
ol.rows li + li { border-top: 1px solid var(--line); }
ol.rows a:hover, ol.rows a:focus-visible { background: color-mix(in srgb, var(--accent) 9%, transparent); }
ol.rows .lead, ol.rows .subject { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
ol.rows .subject { font-weight: 600; }
time { color: var(--faint); font-size: 0.85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.state { font-size: 0.78rem; border: 1px solid currentColor; border-radius: 1rem; padding: 0.05rem 0.55rem;
  white-space: nowrap; color: var(--faint); }
.state.good { color: var(--good); } .state.bad { color: var(--bad); } .state.wait { color: var(--wait); }
.about { display: grid; grid-template-columns: auto 1fr; gap: 0.15rem 1rem; margin: 0 0 1.25rem; }
.about dt, .about dd { margin: 0; overflow-wrap: anywhere; }
.about dt { color: var(--faint); } .about dd { color: inherit; }
iframe { display: block; width: 100%; height: 34rem; min-height: 8rem; border: 1px solid var(--line);
  border-radius: 0.6rem; background: #fff; color-scheme: light; resize: both; max-width: 100%; }
iframe.phone { width: 375px; height: 44rem; margin: 0 auto; }
.widths { display: flex; gap: 1rem; margin: 0 0 0.5rem; font-size: 0.9rem; }
.widths [aria-current] { color: inherit; font-weight: 600; text-decoration: none; }
details { margin-top: 0.75rem; }
summary { cursor: pointer; padding: 0.6rem 1rem; font-weight: 600; }
details > :not(summary) { margin: 0; padding: 0.25rem 1rem 1rem; }
details ul, details ol { list-style: none; }
details li { padding: 0.2rem 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
td { padding: 0.2rem 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { width: 11rem; color: var(--faint); padding-right: 1rem; }
.code { font: 600 2rem/1.2 ui-monospace, monospace; letter-spacing: 0.15em; margin: 0 0 1rem; }
.plain { padding: 1rem; }
.pages { display: flex; justify-content: space-between; margin-top: 1rem; }
.choices { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 0.5rem; }
button { font: inherit; color: inherit; text-align: left; overflow-wrap: anywhere; padding: 0.55rem 1rem;
  cursor: pointer; background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem; }
button:hover, button:focus-visible { border-color: var(--accent); }
[role=alert] { color: var(--bad); }
.empty { padding: 3rem 1rem; text-align: center; color: var(--faint); }
@media (max-width: 40rem) {
  ol.rows a { grid-template-columns: 1fr auto; }
  ol.rows .subject { grid-column: 1; grid-row: 1; } ol.rows .lead { grid-column: 1; grid-row: 2; font-size: 0.9rem; }
  ol.rows time { grid-column: 2; grid-row: 2; text-align: right; }
  ol.rows .state { grid-column: 2; grid-row: 1; justify-self: end; }
  td:first-child { width: 7rem; }
}
"""
# Nothing is loaded and nothing runs: the pages are text, links, this style and one frame, whatever a mail may hold.
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src data:",  # the empty icon
        "frame-src 'self'",  # a mail's HTML, which has a policy of its own
        f"style-src 'sha256-{STYLE_HASH}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
# A mail's HTML: it may look as it likes and show pictures that it carries. It has no scripts, no forms, no origin,
# and can reach nothing, so its remote images stay away.
MAIL_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src data:",
        "font-src data:",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    )
)

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
{body}
</html>
"""


def page(title: str, body: str) -> str:
    """A whole page; both are HTML already."""
    return PAGE.format(title=title, style=STYLE, body=body)


def state(name: str, kind: Literal["good", "bad", "wait"]) -> str:
    """How something stands: `requires_action`."""
    return f'<span class="state {kind}">{escape(name.replace("_", " "))}</span>'


def moment(at: float, *, brief: bool = False) -> str:
    """A time, in seconds since 1970."""
    told = datetime.fromtimestamp(at, UTC)
    exact = told.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    shown = f"{told:%d %b %H:%M}" if brief else f"{told:%d %b %H:%M:%S} UTC"
    return f'<time datetime="{exact}" title="{exact}">{shown}</time>'


def row(href: str, lead: str, subject: str, standing: str, at: float) -> str:
    """One of a list's rows, all of it a link: `standing` is HTML, the rest is text."""
    return (
        f'<li><a href="{escape(href)}"><span class="lead">{escape(lead)}</span>'
        f'<span class="subject">{escape(subject)}</span>{standing}{moment(at, brief=True)}</a></li>\n'
    )


def rows(found: str, empty: str) -> str:
    """A list of rows, or what to say when there are none."""
    return f'<ol class="rows card">\n{found}</ol>' if found else f'<p class="empty card">{escape(empty)}</p>'
