"""What `make fuzz` may send, and which refusals of data that fits the schema are right. Each rule with its reason."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import strategies
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

from local.resend import signed
from local.stripe.signing import signed as stripe_signed
from tests.clients import given
from tests.clients.strangers import Gathered
from tests.people import People, Person

# Codes of refusals that no schema can foresee: what the data names isn't there, or isn't so by now.
SEMANTIC = {
    "already_paid": "a buyer cancels only what isn't paid, and nothing is paid twice",
    "already_invoiced": "an order is invoiced once",
    "amount_not_payable": "the amounts are those of orders, and Stripe takes not all",
    "buyer_incomplete": "an order's customer may lack what an invoice must say",
    "credit_too_large": "the amounts are those of invoices",
    "deducted_already": "a deposit's invoice is credited after the one that deducts it",
    "deposit_not_invoiced": "the balance comes after the deposit",
    "exchange_rate_needed": "rates are rows of the database",
    "no_e_invoice": "of a pro forma there is none",
    "not_a_draft": "only a draft is issued or voided",
    "not_creditable": "nor is a draft credited",
    "not_issued": "a draft has no document",
    "order_not_invoiceable": "what was cancelled isn't invoiced",
    "quote_unreadable": "invoice/quotes: bytes that are no quote",
    "reason_needed": "which lines are exempt is said in a sale that is taxed",
    "unknown_line": "lines are those of the invoice",
    "unknown_tax": "rates of tax are rows of the database",
    "deposit_needed": "the balance comes after the deposit",
    "no_deposit": "not every order has one",
    "not_cancellable": "a payment that was made is none to take back",
    "order_not_payable": "nothing is to be paid for what was cancelled",
    "pay_in_full": "a rest may be too small to be paid",
    "payment_under_way": "there is one thing to pay",
    "refund_refused": "what is disputed isn't given back",
    "refund_too_large": "nor more than was received",
    "code_invalid": "a guest's code is in a mail",
    "attachment_not_found": "what is sent along must have been uploaded",
    "changed_meanwhile": "If-Match names a revision that isn't the current one",
    "idempotency_key_reused": "the same key with another body",
    "image_unreadable": "detect-local: bytes that are no image",
    "invalid_tracking": "a parcel belongs to an order that is being shipped",
    "invalid_image": "likewise, of a logo",
    "move_not_allowed": "where an order goes depends on where it is",
    "not_assignable": "who makes an order is a supplier or a factory of the workspace",
    "not_failed": "only what failed is tried again",
    "not_waiting": "only what waits can be taken back",
    "order_ended": "nobody makes it any more",
    "payment_needed": "some moves wait for money",
    "repeated_permission": "a permission both whole and narrowed",
    "sign_up_refused": "the address is taken, or none to Supabase Auth",
    "unknown_permission": "permissions are rows of the database",
    "unknown_role": "so are roles",
    "unknown_time_zone": "so are time zones",
}
CREDITING = "/api/invoice/{invoice_id}/credit-notes"
# The same of single fields: (path of the operation, pointer without indices, code).
SEMANTIC_FIELDS = {
    ("/api/detect", "/image", "image_unreadable"): "base64 of what is no image",
    **{
        (path, pointer, code): "products, fabrics, sizes and minimums are rows of the database"
        for path in ("/api/quote-generator", "/api/quote-generator/{quote_id}/revise")
        for pointer, code in (
            ("/product_type", "unknown_product"),
            ("/fabric", "unknown_fabric"),
            ("/sizes", "unknown_size"),
            ("/sizes", "sizes_differ"),
            ("/quantity", "below_minimum"),
            ("/colours", "below_minimum"),
            ("/incoterm", "unknown_incoterm"),
            ("/decorations/method", "unknown_method"),
            ("/decorations/method", "repeated_method"),
        )
    },
    ("/api/quote-generator/rate-cards", "/card", "value_error"): "a card's figures must fit together",
    ("/api/quote-generator/rate-cards", "/card/tiers", "value_error"): "either percent or unit_price",
    **{
        (path, pointer, "value_error"): "no pattern knows check digits"
        for path, pointer in (
            ("/api/invoice", "/buyer/vat_id"),
            ("/api/invoice/settings", "/vat_id"),
            ("/api/invoice/settings", "/iban"),
        )
    },
    ("/api/invoice", "/buyer", "value_error"): "a VAT id begins with its country",
    ("/api/invoice", "", "value_error"): "one tax for each line",
    (CREDITING, "", "value_error"): "either full or lines, each line once",
    (CREDITING, "/lines", "value_error"): "a quantity or an amount",
    ("/api/email-service", "/to", "invalid_address"): "no pattern knows all that mail can't be sent to",
    ("/api/email-service", "/to", "disposable_address"): "services that lend addresses are a list",
    ("/api/email-service", "/send_at", "value_error"): "in the future, by a year at most",
    ("/api/auth/sign-up", "/invite_code", "invite_invalid"): "the code lets nobody in",
    ("/api/auth/sign-up", "/password", "value_error"): "at most 72 bytes: JSON Schema counts characters",
    ("/api/auth/password", "/password", "value_error"): "at most 72 bytes: JSON Schema counts characters",
    (given.WEBHOOK, "", "unreadable"): "bytes that are no event",
    (given.STRIPE, "", "unreadable"): "bytes that are no event",
    ("/api/payment-intent/reconcile", "", "unreadable"): "bytes that are no step",
    ("/api/workspaces/{workspace_id}/audit/verification", "", "value_error"): "two parameters given together: "
    "OpenAPI knows no rule over several",
}
# The same wherever it stands below a pointer.
SEMANTIC_BELOW = {
    ("/api/email-service", "/data", "value_error"): "rules over several fields of a template, told at their place",
    ("/api/email-service", "/data", "markup"): "values are plain text",
    ("/api/email-service", "/data", "decimal_max_places"): "JSON Schema's multipleOf would count in binary",
}
# These end the session they are called with, on which all other calls stand.
ENDING = ("/api/auth/sign-out", "/api/auth/password")
INTERNAL = (
    "/api/detect-local",
    "/api/email-service/deliver",
    "/api/invoice/deliver",
    "/api/payment-intent/reconcile",
    given.TYPESET,
)


def install(
    people: People, tokens: set[str], admin: Person, env: Mapping[str, str], gathered: Gathered
) -> Counter[tuple[str, str]]:
    """Register the hooks. `tokens` are those of the people that schemathesis signs in.

    Returns how often each operation gave each answer: its status, and its problem's code.
    """
    answers: Counter[tuple[str, str]] = Counter()

    @schemathesis.hook
    def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
        """Whoever schemathesis signed in is, where that person can't be, the one who can."""
        headers: MutableMapping[str, Any] = case.headers or {}
        path = case.operation.path
        if headers.get("Authorization", "").removeprefix("Bearer ") not in tokens:
            return
        if path in INTERNAL:
            headers["Authorization"] = f"Bearer {env['INTERNAL_TOKEN']}"
        elif path == given.SCHEDULED:
            headers["Authorization"] = f"Bearer {env['CRON_SECRET']}"
        elif path == "/api/jobs" and headers["Authorization"] == gathered.authorization:
            headers["Authorization"] = f"Bearer {admin.token}"
        elif path == given.WEBHOOK and isinstance(case.body, bytes):
            headers.update(signed(env["RESEND_WEBHOOK_SECRET"], uuid4().hex, case.body, int(time.time())))
        elif path == given.STRIPE and isinstance(case.body, bytes):
            headers.update(stripe_signed(env["STRIPE_WEBHOOK_SECRET"], "", case.body, int(time.time())))
        elif path in ENDING:
            headers["Authorization"] = f"Bearer {people.sign_up('Leaver').token}"

    @schemathesis.hook
    def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
        """Notes what the owner made or saw: at the end a stranger asks for it."""
        # As it was sent: a probe by another person, or by another method, goes by the case it was derived from.
        sent = (response.request.method, response.request.headers.get("Authorization"))
        if response.status_code < 300 and sent == (case.operation.method.upper(), gathered.authorization):
            gathered.note(case.operation.path, case.path_parameters or {}, response.content)
        answers[case.operation.label, f"{response.status_code} {code(response)}".strip()] += 1

    @schemathesis.hook
    def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
        """Where only what exists leads on, half of what is valid names what exists."""
        given.put_real(case, people, gathered)
        return case

    @schemathesis.hook
    def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
        """Semantic refusals are right answers to data that fits the schema."""
        return not (isinstance(failure, RejectedPositiveData) and semantic(case.operation.path, response))

    for media_type in ("application/octet-stream", "image/jpeg", "image/png"):
        schemathesis.openapi.media_type(media_type, strategies.sampled_from(given.IMAGES))
    return answers


def problem_of(response: Response) -> dict[str, Any]:
    """The problem answered; empty where it is none."""
    if "problem" not in "".join(response.headers.get("content-type", [])):
        return {}
    found: dict[str, Any] = json.loads(response.content)
    return found


def code(response: Response) -> str:
    """Of the problem answered."""
    return str(problem_of(response).get("code", ""))


def semantic(path: str, response: Response) -> bool:
    """Whether all that the answer complains of is listed above."""
    problem = problem_of(response)
    if problem.get("code") in SEMANTIC:
        return True
    told = problem.get("errors") or [{"pointer": "", "code": problem.get("code", "")}]
    complaints = [(path, without_indices(each["pointer"]), each["code"]) for each in told]
    return all(
        complaint in SEMANTIC_FIELDS
        or any((path, above, complaint[2]) in SEMANTIC_BELOW for above in parents(complaint[1]))
        for complaint in complaints
    )


def parents(pointer: str) -> Iterator[str]:
    """A pointer and those above it."""
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]


def without_indices(pointer: str) -> str:
    """`/items/name` for `/items/0/name`."""
    return "/".join(part for part in pointer.split("/") if not part.isdigit())
