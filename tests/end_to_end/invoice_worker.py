"""A worker that renders invoices until it is killed: as many processes as the platform would have instances."""

from __future__ import annotations

import time

from functions.invoice.delivering import deliver
from shared.errors import Problem

while True:
    try:
        idle = deliver().idle
    except Problem:
        idle = True
    if idle:
        time.sleep(0.05)
