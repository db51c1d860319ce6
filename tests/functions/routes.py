"""Who may call what: the table of every route and everybody there is."""

from __future__ import annotations

import importlib

from tests.api import FUNCTIONS

# Nobody: no token, or none that counts. A stranger owns another workspace. Then the roles, in the order of ROLES.
# Public routes take no notice of who asks.
TABLE = """
                                            nobod strng owner admin mangr inven desgn staff rdonl buyer suppl fact.
GET    /api/health                            200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/bootstrap-admin                   401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/auth/sign-up                      201   201   201   201   201   201   201   201   201   201   201   201
POST   /api/auth/sign-in                      200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/auth/refresh                      401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/auth/password-reset               202   202   202   202   202   202   202   202   202   202   202   202
POST   /api/auth/verify                       401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/auth/sign-out                     401   204   204   204   204   204   204   204   204   204   204   204
POST   /api/auth/password                     401   204   204   204   204   204   204   204   204   204   204   204
GET    /api/auth/me                           401   200   200   200   200   200   200   200   200   200   200   200
GET    /api/docs                              200   200   200   200   200   200   200   200   200   200   200   200
GET    /api/docs/openapi.json                 200   200   200   200   200   200   200   200   200   200   200   200
GET    /api/docs/assets/A/F                   200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/detect                            401   404   201   201   201   201   201   201   403   201   201   201
GET    /api/detect                            401   404   200   200   200   200   200   200   200   200   200   200
GET    /api/detect/accuracy                   401   404   200   200   200   200   403   403   403   403   403   403
GET    /api/detect/D                          401   404   200   200   200   200   200   200   200   404   404   404
POST   /api/detect/batch                      401   404   200   200   200   200   200   200   403   200   200   200
POST   /api/detect/uploads                    401   404   201   201   201   201   201   201   403   201   201   201
POST   /api/detect/D/corrections              401   404   201   201   201   201   201   201   403   404   404   404
POST   /api/detect-local                      401   401   401   401   401   401   401   401   401   401   401   401
GET    /api/jobs                              401   404   404   404   404   404   404   404   404   404   404   404
GET    /api/jobs/J                            401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/email-service                     401   404   202   202   202   403   403   202   403   403   403   403
POST   /api/email-service/attachments         401   404   201   201   201   403   403   201   403   403   403   403
GET    /api/email-service/messages            401   404   200   200   200   403   403   200   403   403   403   403
GET    /api/email-service/messages/M/explain  401   404   200   200   200   403   403   200   403   403   403   403
POST   /api/email-service/messages/N/retry    401   404   202   202   202   403   403   202   403   403   403   403
POST   /api/email-service/messages/M/cancel   401   404   200   200   200   403   403   200   403   403   403   403
GET    /api/email-service/suppressions        401   404   200   200   200   403   403   200   403   403   403   403
DELETE /api/email-service/suppressions/S      401   404   204   204   204   403   403   204   403   403   403   403
GET    /api/email-service/templates           401   404   200   200   200   403   403   200   403   403   403   403
GET    /api/email-service/templates/T/preview 401   404   200   200   200   403   403   200   403   403   403   403
POST   /api/email-service/webhooks/resend     401   401   401   401   401   401   401   401   401   401   401   401
GET    /api/email-service/unsubscribe/K       200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/email-service/unsubscribe/K       200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/email-service/deliver             401   401   401   401   401   401   401   401   401   401   401   401
GET    /api/orders                            401   404   200   200   200   403   403   200   200   200   200   200
GET    /api/orders/O                          401   404   200   200   200   404   404   200   200   200   200   404
POST   /api/orders/O/transitions              401   404   200   200   200   404   404   403   403   403   200   404
POST   /api/orders/O/cancel                   401   404   200   200   200   404   404   403   403   403   403   404
POST   /api/orders/O/assign                   401   404   200   200   200   404   404   403   403   403   403   404
GET    /api/orders/track/L                    200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/invoice                           401   404   201   201   201   403   403   403   403   403   403   403
GET    /api/invoice                           401   404   200   200   200   403   403   403   403   200   403   403
GET    /api/invoice/settings                  401   404   200   200   200   403   403   403   403   403   403   403
PUT    /api/invoice/settings                  401   404   200   403   403   403   403   403   403   403   403   403
GET    /api/invoice/X                         401   404   200   200   200   404   404   404   404   200   404   404
GET    /api/invoice/X/pdf                     401   404   200   200   200   404   404   404   404   200   404   404
GET    /api/invoice/X/xml                     401   404   200   200   200   404   404   404   404   200   404   404
POST   /api/invoice/Y/issue                   401   404   200   200   200   404   404   404   404   404   404   404
POST   /api/invoice/Y/void                    401   404   200   200   200   404   404   404   404   404   404   404
POST   /api/invoice/X/send                    401   404   202   202   202   404   404   404   404   403   404   404
POST   /api/invoice/X/credit-notes            401   404   201   201   201   404   404   404   404   403   404   404
POST   /api/invoice/deliver                   401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/invoice/quotes                    401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/payment-intent                    404   404   200   200   200   404   404   403   403   200   403   404
GET    /api/payment-intent                    404   404   200   200   200   404   404   403   403   200   403   404
POST   /api/payment-intent/P/cancel           404   404   200   200   200   404   404   403   403   200   403   404
POST   /api/payment-intent/V/refunds          401   404   201   201   201   404   404   403   403   403   403   404
POST   /api/payment-intent/reconcile          401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/stripe-webhook                    401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/quote-generator                   404   404   201   201   201   403   403   201   403   201   403   403
GET    /api/quote-generator                   401   404   200   200   200   403   403   200   403   200   403   403
GET    /api/quote-generator/rate-cards        401   404   200   200   200   403   403   403   403   403   403   403
POST   /api/quote-generator/rate-cards        401   404   201   201   201   403   403   403   403   403   403   403
POST   /api/quote-generator/parse             404   404   200   200   200   403   403   200   403   200   403   403
GET    /api/quote-generator/Q                 404   404   200   200   200   404   404   200   404   404   404   404
GET    /api/quote-generator/Q/pdf             404   404   200   200   200   404   404   200   404   404   404   404
GET    /api/quote-generator/Q/replay          404   404   200   200   200   404   404   200   404   404   404   404
POST   /api/quote-generator/Q/revise          404   404   201   201   201   404   404   201   404   404   404   404
POST   /api/quote-generator/Q/decline         404   404   200   200   200   404   404   200   404   404   404   404
POST   /api/quote-generator/Q/code            404   404   202   202   202   404   404   202   404   404   404   404
POST   /api/quote-generator/Q/convert         404   404   201   201   201   404   404   201   404   404   404   404
GET    /api/workspaces                        401   200   200   200   200   200   200   200   200   200   200   200
POST   /api/workspaces                        401   201   201   201   201   201   201   201   201   201   201   201
POST   /api/workspaces/join                   401   404   404   404   404   404   404   404   404   404   404   404
GET    /api/workspaces/W                      401   404   200   200   200   200   200   200   200   200   200   200
PATCH  /api/workspaces/W                      401   404   200   403   403   403   403   403   403   403   403   403
POST   /api/workspaces/W/logo                 401   404   200   403   403   403   403   403   403   403   403   403
DELETE /api/workspaces/W/logo                 401   404   200   403   403   403   403   403   403   403   403   403
GET    /api/workspaces/W/members              401   404   200   200   200   200   200   200   200   403   403   403
PATCH  /api/workspaces/W/members/U            401   404   200   200   403   403   403   403   403   403   403   403
DELETE /api/workspaces/W/members/U            401   404   204   204   403   403   403   403   403   403   403   403
GET    /api/workspaces/W/roles                401   404   200   200   200   200   200   200   200   403   403   403
POST   /api/workspaces/W/roles                401   404   201   403   403   403   403   403   403   403   403   403
PATCH  /api/workspaces/W/roles/R              401   404   200   403   403   403   403   403   403   403   403   403
DELETE /api/workspaces/W/roles/R              401   404   204   403   403   403   403   403   403   403   403   403
POST   /api/workspaces/W/invites              401   404   201   201   403   403   403   403   403   403   403   403
GET    /api/workspaces/W/invites              401   404   200   200   403   403   403   403   403   403   403   403
DELETE /api/workspaces/W/invites/I            401   404   204   204   403   403   403   403   403   403   403   403
GET    /api/workspaces/W/audit                401   404   200   200   200   403   403   403   403   403   403   403
GET    /api/workspaces/W/audit/verification   401   404   200   200   200   403   403   403   403   403   403   403
"""
ROLES = "owner admin manager inventory_manager designer staff readonly buyer supplier factory".split()
ACTORS = ("nobody", "stranger", *ROLES)
EXPECTED = {
    (method, path): dict(zip(ACTORS, map(int, statuses), strict=True))
    for method, path, *statuses in (line.split() for line in TABLE.strip().splitlines()[1:])
}

# Public, and each takes its half second: asked by everybody at once.
SLOW = ("/api/auth/sign-up", "/api/auth/sign-in", "/api/auth/password-reset", "/api/auth/verify")

# The caller is changed by it: each is somebody new.
SPENDING = ("/api/auth/sign-out", "/api/auth/password")


def registered() -> set[tuple[str, str]]:
    """Every route there is, in the table's terms."""
    short = {
        "<workspace_id>": "W",
        "<user_id>": "U",
        "<role>": "R",
        "<invite_id>": "I",
        "<detection_id>": "D",
        "<asset_digest>/<name>": "A/F",
        "templates/<name>": "templates/T",
        "<message_id>/retry": "N/retry",
        "<message_id>": "M",
        "<suppression_id>": "S",
        "track/<token>": "track/L",
        "<token>": "K",
        "<order_id>": "O",
        "<quote_id>": "Q",
        "<payment_intent_id>/refunds": "V/refunds",
        "<invoice_id>/issue": "Y/issue",
        "<invoice_id>/void": "Y/void",
        "<invoice_id>": "X",
        "<payment_intent_id>": "P",
        "<name>": "J",
    }
    found = set()
    for name, module in FUNCTIONS.items():
        for route in importlib.import_module(f"functions.{module}.handler").app.routes:
            path = f"/api/{name}{route.path}".rstrip("/")
            for long, letter in short.items():
                path = path.replace(long, letter)
            found.add((route.method, path))
    return found


ROUTES = list(EXPECTED)
SIGNED_IN = [route for route, expected in EXPECTED.items() if expected["owner"] < 400 and expected["nobody"] == 401]

# Where the workspace is a parameter.
BY_QUERY = (
    "/api/detect",
    "/api/detect/accuracy",
    "/api/detect/batch",
    "/api/detect/uploads",
    "/api/quote-generator",
    "/api/quote-generator/rate-cards",
    "/api/quote-generator/parse",
    "/api/email-service",
    "/api/email-service/attachments",
    "/api/email-service/messages",
    "/api/email-service/suppressions",
    "/api/email-service/templates",
    "/api/email-service/templates/T/preview",
    "/api/orders",
    "/api/invoice",
    "/api/invoice/settings",
)
# Where it says whose: what is invoiced is an order, and in the workspace that the order is in.
BY_WORKSPACE = [route for route in ROUTES if route[1] in BY_QUERY and route != ("POST", "/api/invoice")]
FOR_GUESTS = [
    (method, path)
    for method, path in ROUTES
    if (path in ("/api/quote-generator", "/api/quote-generator/parse") and method == "POST")
    or "/Q" in path
    or path == "/api/payment-intent"
    or "/P" in path
]
# Where a payment is asked for: Stripe must know of it.
PAYING = [
    (method, path) for method, path in ROUTES if path.startswith("/api/payment-intent") and "reconcile" not in path
]
# Where something is invoiced: what is issued stays, so each is asked for its own.
INVOICING = [(method, path) for method, path in ROUTES if path.startswith("/api/invoice")]
# Where a function answers with what another one made.
STANDING_ON_ANOTHER = ("/api/detect", "/api/detect/batch", "/api/quote-generator/Q/pdf")
WITH_ID = [route for route in ROUTES if "/W" in route[1]]


def ids(routes: list[tuple[str, str]]) -> list[str]:
    return [f"{method} {path}" for method, path in routes]
