"""Resend's SDK with our settings, over our connections. Only to be imported where something is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import resend
import resend.exceptions
import urllib3
from resend.http_client import HTTPClient

from shared import gateway, settings, tracing

__all__ = ["resend"]

CONNECT_SECONDS = 3
# After that the answer counts as lost. Resend takes well under a second, for a hundred mails too.
READ_SECONDS = 15


class OverPool(HTTPClient):
    """Over the process's connection pool, timed and traced as all our calls are; with the settings of the moment."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: Any = None,
        files: Any = None,
        data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """What the SDK asks, answered; whatever goes wrong on the way is raised, for the SDK to translate."""
        path = url.removeprefix(resend.api_url)
        with tracing.Call("resend", f"{method.upper()} {path}", {"http.request.method": method.upper()}) as call:
            response = gateway.pool().request(
                method.upper(),
                settings.get("RESEND_API_URL").rstrip("/") + path,
                json=json,
                headers={**headers, "Authorization": f"Bearer {settings.get('RESEND_API_KEY')}"},
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            )
            call.outcome = response.status
        return response.data, response.status, response.headers


resend.default_http_client = OverPool()
