"""What alerts say by mail."""

from __future__ import annotations

from typing import Any

import psycopg

# As migration 20261121001500 has it, for as long as there is none: it puts the mail into the outbox.
STAND_IN = """
    create function private.queue_email(
      _workspace uuid, _template text, _recipient text, _data jsonb, _ordering_key text default null,
      _send_at timestamptz default null, _attachments jsonb default '[]', _caller uuid default null
    ) returns jsonb language sql set search_path = '' as $$
      select to_jsonb(private.enqueue('email', jsonb_build_object(
        'template', _template, 'recipient', _recipient, 'data', _data), _workspace, _ordering_key, _send_at))
    $$
"""


def provide_mail(database: psycopg.Connection[Any]) -> None:
    """Makes the stand-in where mails can't be queued yet."""
    [(known,)] = database.execute("select count(*) from pg_proc where proname = 'queue_email'").fetchall()
    if not known:
        database.execute(STAND_IN)


def mails(database: psycopg.Connection[Any], recipient: str) -> list[tuple[str, str]]:
    """(template, subject) of the mails queued to somebody, in order."""
    query = """
        select payload ->> 'template', payload -> 'data' ->> 'subject' from private.outbox
        where topic = 'email' and payload ->> 'recipient' = %s order by position
    """
    return [(row[0], row[1]) for row in database.execute(query, [recipient]).fetchall()]
