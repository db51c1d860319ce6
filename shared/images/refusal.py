"""Why bytes are no picture to us."""

from __future__ import annotations


class UnreadableImage(Exception):
    """Bytes that are not a picture we read; `reason` is fixed text, never taken from the input."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def too_large(megapixels: int, kind: str) -> UnreadableImage:
    """The picture is above its format's bound."""
    most = f"The image has more than {megapixels} megapixels"
    return UnreadableImage(f"{most}." if megapixels == 50 else f"{most}, the most for a {kind}.")


def cut_short() -> UnreadableImage:
    """Its end is missing."""
    return UnreadableImage("The image is cut short.")


def damaged() -> UnreadableImage:
    """Its parts contradict each other."""
    return UnreadableImage("The image is damaged.")


def something_appended() -> UnreadableImage:
    """It is a picture and another file in one."""
    return UnreadableImage("The file carries something else after the image.")


def too_many_parts() -> UnreadableImage:
    """Each part costs time."""
    return UnreadableImage("The image is made of too many parts.")
