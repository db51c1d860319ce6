"""A worker as a process of its own, to be killed: delivers what is due, again and again, until nothing is.

`python -m tests.end_to_end.mail_worker`, with a stack's settings around it.
"""

from __future__ import annotations

import time

from functions.email_service.delivering import deliver


def main() -> None:
    """Ends by itself once nothing has been due for a while."""
    idle = 0
    while idle < 20:
        done = deliver()
        idle = idle + 1 if done.idle else 0
        time.sleep(0.1 if done.idle else 0)


if __name__ == "__main__":
    main()
