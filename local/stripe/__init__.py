"""A Stripe of one's own: its HTTP API with its semantics, its signed webhooks, and payers who do as they are told."""

from local.sandbox.behaviours import Drops, Fails, Hangs, Slow
from local.stripe.errors import Refused
from local.stripe.sandbox import BACKOFF, Books, Sandbox, new_key, new_secret
from local.stripe.signing import signature

__all__ = [
    "BACKOFF",
    "Books",
    "Drops",
    "Fails",
    "Hangs",
    "Refused",
    "Sandbox",
    "Slow",
    "new_key",
    "new_secret",
    "signature",
]
