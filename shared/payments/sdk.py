"""Stripe's SDK with our settings, over our connections. Only to be imported where Stripe is asked: it takes a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe
import urllib3

from shared import gateway, settings, tracing

CONNECT_SECONDS = 3
READ_SECONDS = 6
# The SDK tries again what may have failed on the way, with the same idempotency key: 27 s in all, at the most.
TRIES_MORE = 2


class OverPool(stripe.HTTPClient):
    """Over the process's connection pool, timed and traced as all our calls are."""

    name = "urllib3"

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """One try. Raises `stripe.APIConnectionError`, which the SDK may try again."""
        path = urllib3.util.parse_url(url).path or "/"
        operation = "/".join(part for part in path.split("/") if "_" not in part or part == "payment_intents")
        try:
            with tracing.Call(
                "stripe", f"{method.upper()} {operation}", {"http.request.method": method.upper()}
            ) as call:
                response = gateway.pool().request(
                    method.upper(),
                    url,
                    body=post_data,
                    headers=headers,
                    retries=False,  # the SDK's to do
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                )
                call.outcome = response.status
        except urllib3.exceptions.HTTPError as error:
            raise stripe.APIConnectionError("Stripe is out of reach.", should_retry=True) from error  # type: ignore[no-untyped-call]
        return response.data.decode("utf-8", "replace"), response.status, response.headers

    def close(self) -> None:
        """The pool is everybody's."""


def client(key: str) -> stripe.StripeClient:
    """With the settings of the moment."""
    return stripe.StripeClient(
        key,
        base_addresses={"api": settings.get("STRIPE_API_BASE")},
        max_network_retries=TRIES_MORE,
        http_client=OverPool(),
    )
