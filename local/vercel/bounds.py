"""How large a bundle may be, and what the platform takes. Sizes are in MB of a million bytes, unpacked."""

from collections.abc import Iterable
from typing import NamedTuple

from local.vercel.configuration import Service
from shared.request import LARGEST_BODY_BYTES

# The builder's own threshold (225 MiB): what goes beyond is fetched from the package index at each cold start.
BUNDLED_MB = 225 * 2**20 / 1e6
# And the end of that (500 MiB): more does not deploy.
FETCHED_MB = 500 * 2**20 / 1e6
PLATFORM_BODY_BYTES = 4_500_000


class Bound(NamedTuple):
    """The most a function's bundle may hold, what is fetched at cold start included, and why that much."""

    most_mb: int
    reason: str


# Each MB is unpacked and mapped before the first answer, so the plain ones stay small.
PLAIN = Bound(25, "the web layer, models and tokens; no engine")
LARGER = {
    "detect": Bound(130, "two providers' SDKs and the image decoders"),
    "quote-generator": Bound(90, "two providers' SDKs"),
    "invoice": Bound(230, "the typesetter (84), fonts of most scripts, every locale's formats, a font reader"),
    "email-service": Bound(65, "33 of every locale's formats; the template engine and the provider's SDK"),
    **dict.fromkeys(("payment-intent", "stripe-webhook"), Bound(50, "Stripe's SDK, all of its API")),
    "detect-local": Bound(400, "OpenCV, ONNX Runtime and the models that read"),
}


def bound(name: str) -> Bound:
    """The bound of a function."""
    return LARGER.get(name, PLAIN)


# Of the free plan, as its documentation has them; paid plans take more.
FREE_FUNCTIONS = 12
FREE_SECONDS = 300
FREE_MEMORY_MB = 2048
# Of every plan.
LONGEST_SECONDS = 800


def beyond_the_plan(functions: Iterable[Service]) -> list[str]:
    """Where a deployment of these functions together goes beyond what the platform takes, a sentence each."""
    functions = list(functions)
    found = []
    if len(functions) > FREE_FUNCTIONS:
        found.append(
            f"{len(functions)} functions in one deployment: the free plan takes {FREE_FUNCTIONS}. "
            "Deploy them one by one (ONLY=), or on a paid plan."
        )
    for function in functions:
        seconds, memory = function.max_duration_seconds, function.memory_mb
        if seconds > LONGEST_SECONDS:
            found.append(f"{function.name} may take {seconds} s: no plan takes more than {LONGEST_SECONDS}.")
        elif seconds > FREE_SECONDS:
            found.append(f"{function.name} may take {seconds} s: the free plan takes {FREE_SECONDS}.")
        if memory > FREE_MEMORY_MB:
            found.append(f"{function.name} wants {memory} MB of memory: the free plan gives {FREE_MEMORY_MB}.")
        for path, schedule in function.schedules.items():
            if not is_daily(schedule):
                found.append(
                    f"{function.name}{path} is scheduled at “{schedule}”: the free plan calls once a day at most, "
                    "and a deployment that asks for more fails. CRONS=0 asks for none; pg_cron can call instead."
                )
    if LARGEST_BODY_BYTES > PLATFORM_BODY_BYTES:
        found.append(f"Bodies of {LARGEST_BODY_BYTES} bytes are accepted, but {PLATFORM_BODY_BYTES} get through.")
    return found


def is_daily(schedule: str) -> bool:
    """Whether a cron expression means once a day or less: one minute, one hour."""
    minute, hour = schedule.split()[:2]
    return minute.isdigit() and hour.isdigit()
