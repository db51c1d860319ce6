"""How large a bundle may be, and what the platform does with larger ones. All in MB of a million bytes, unpacked."""

from typing import NamedTuple

# The builder's own threshold (225 MiB): what goes beyond is fetched from the package index at each cold start.
BUNDLED_MB = 225 * 2**20 / 1e6
# And the end of that (500 MiB): more does not deploy.
FETCHED_MB = 500 * 2**20 / 1e6


class Bound(NamedTuple):
    """The most a function's bundle may hold, what is fetched at cold start included, and why that much."""

    most_mb: int
    reason: str


# Each MB is unpacked and mapped before the first answer, so the plain ones stay small.
PLAIN = Bound(25, "the web layer, models and tokens; no engine")
LARGER = {
    "detect": Bound(130, "two providers' SDKs and the image decoders"),
    "detect-local": Bound(400, "OpenCV, ONNX Runtime and the models that read"),
}


def bound(name: str) -> Bound:
    """The bound of a function."""
    return LARGER.get(name, PLAIN)
