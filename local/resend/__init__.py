"""A Resend of one's own: its HTTP API with its semantics, its signed webhooks, and a mailbox instead of the world."""

from local.resend.behaviours import (
    Behaviour,
    Bounces,
    Clicks,
    Complains,
    Delays,
    Delivers,
    Opens,
    Suppresses,
)
from local.resend.mails import Attachment, Event, Mail
from local.resend.sandbox import RATE, Sandbox, new_key, new_secret
from local.resend.signing import signed
from local.sandbox.behaviours import Drops, Fails, Hangs, Slow

__all__ = [
    "RATE",
    "Attachment",
    "Behaviour",
    "Bounces",
    "Clicks",
    "Complains",
    "Delays",
    "Delivers",
    "Drops",
    "Event",
    "Fails",
    "Hangs",
    "Mail",
    "Opens",
    "Sandbox",
    "Slow",
    "Suppresses",
    "new_key",
    "new_secret",
    "signed",
]
