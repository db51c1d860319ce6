"""Fake AI vendors on loopback, spoken to over real HTTP through their real SDKs."""

from local.vendors.behaviours import (
    Behaviour,
    Compressed,
    Drops,
    Endless,
    Fails,
    Garbage,
    Hangs,
    Says,
    Trickles,
)
from local.vendors.formats import Asked
from local.vendors.server import Vendors

__all__ = [
    "Asked",
    "Behaviour",
    "Compressed",
    "Drops",
    "Endless",
    "Fails",
    "Garbage",
    "Hangs",
    "Says",
    "Trickles",
    "Vendors",
]
