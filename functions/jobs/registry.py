"""The jobs there are: when the scheduler calls each (as cron writes it, UTC), and what it then does."""

from __future__ import annotations

from collections.abc import Mapping

from functions.jobs.dispatching import dispatch_outbox
from functions.jobs.expiring import expire_quotes
from functions.jobs.purging import purge_expired
from functions.jobs.reconciling import reconcile_payments
from functions.jobs.refreshing import refresh_rates
from functions.jobs.reminding import remind_invoices
from functions.jobs.running import Job
from functions.jobs.sweeping import sweep_uploads
from functions.jobs.watching import watch

JOBS: Mapping[str, Job] = {
    "dispatch-outbox": Job("* * * * *", dispatch_outbox),
    "expire-quotes": Job("7 * * * *", expire_quotes),
    "purge-expired": Job("17 3 * * *", purge_expired),
    "reconcile-payments": Job("37 4 * * *", reconcile_payments),
    "refresh-rates": Job("27 5 * * *", refresh_rates),
    "remind-invoices": Job("7 8 * * *", remind_invoices),
    "sweep-uploads": Job("47 3 * * *", sweep_uploads),
    "watch": Job("*/5 * * * *", watch),
}
