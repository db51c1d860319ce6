"""The audit log, for what happens outside the database. Changes inside it append their own entry, in SQL."""

from __future__ import annotations

from uuid import UUID

from shared.database import as_service


def append(action: str, *, actor: UUID | None, target: str | None = None) -> None:
    """Add an entry to the platform's chain. `action` is `noun.verbed`; `target` an opaque id, never personal data."""
    as_service().value("append_audit", action=action, actor=str(actor) if actor else None, target=target)
