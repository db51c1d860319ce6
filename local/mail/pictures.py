"""What mails look like, for people to see: `python -m local.mail.pictures` writes docs/samples/."""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

from functions.email_service import templates
from functions.email_service.rendering import Brand, render
from local.state import ROOT

FOLDER = ROOT / "docs" / "samples"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# In a container there is no sandbox to be had; and nothing is looked up that the page didn't ask for.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ADDRESS = "Northern Threads GmbH\nSpeicherstraße 12, 20457 Hamburg"


class Sample(NamedTuple):
    """A mail as somebody sees it: `width` in CSS pixels."""

    template: str
    width: int
    scheme: Literal["light", "dark"]
    locale: str = "en"
    colour: str | None = None
    changes: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it

    @property
    def path(self) -> Path:
        """Where its picture is kept."""
        return FOLDER / f"mail-{self.template}-{self.locale}-{self.width}-{self.scheme}.png"


SAMPLES = (
    Sample("quote", 1200, "light"),
    Sample("invoice", 360, "dark"),
    Sample("order-status", 360, "light", "de", "#0b6e4f", {"summary": "500 schwere Hoodies, Frontdruck dreifarbig"}),
    Sample("usage-report", 1200, "dark", colour="#e11d48"),
)


def main() -> None:
    """Draw each. The pictures differ with the fonts of the machine, so no test compares them."""
    if CHROMIUM is None:
        sys.exit("no Chromium is installed: apt-get install chromium")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for sample in SAMPLES:
            scale = 2 if sample.width < 600 else 1  # as sharp as a phone
            size: ViewportSize = {"width": sample.width, "height": 400}
            with browser.new_context(viewport=size, color_scheme=sample.scheme, device_scale_factor=scale) as context:
                page = context.new_page()
                page.set_content(html(sample))
                picture = Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")
            picture.quantize(64, dither=Image.Dither.NONE).save(sample.path, optimize=True)
            print(sample.path.relative_to(ROOT))
        browser.close()


def html(sample: Sample) -> str:
    """The mail."""
    template = templates.find(sample.template)
    brand = Brand("Northern Threads", sample.colour, None, sample.locale, "Europe/Berlin", ADDRESS)
    return render(template, template.read({**template.sample, **sample.changes}), brand).html


if __name__ == "__main__":
    main()
