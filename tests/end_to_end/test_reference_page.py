"""/api/docs as people use it: in a real browser, against the whole stack."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from local.functions import FunctionsServer
from tests.people import PASSWORD, People, Person

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# In a container there is no sandbox to be had; and nothing is looked up that the page didn't ask for.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
DESKTOP, PHONE = (1280, 900), (390, 844)
on_both = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")


@dataclass
class Complaints:
    """What the browser had to say against a page: errors, refused loads and broken rules of its policy."""

    found: list[str] = field(default_factory=list)

    def hear(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(str(error)))
        page.on("requestfailed", lambda request: self.found.append(f"{request.url}: {request.failure}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.found.append(message.text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def size() -> tuple[int, int]:
    """Of the window, in CSS pixels; `on_both` gives a phone's too."""
    return DESKTOP


@pytest.fixture
def page(browser: Browser, server: FunctionsServer, complaints: Complaints, size: tuple[int, int]) -> Iterator[Page]:
    """The page, drawn."""
    width, height = size
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        opened = context.new_page()
        complaints.hear(opened)
        opened.goto(f"{server.url}/api/docs")
        opened.locator(".opblock").first.wait_for()
        yield opened


@pytest.fixture
def person(people: People, database: psycopg.Connection) -> Person:
    """Somebody, and tries from this machine's address that are all left."""
    database.execute("delete from private.rate_limits where name like 'auth.%%'")
    return people.sign_up("Reader")


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(email)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def opened(page: Page, operation: str) -> Locator:
    """An operation, unfolded: `workspaces-create_workspace`."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").wait_for()
    return block


def answered(block: Locator) -> tuple[str, str]:
    """Send it; the status and body that the page then shows."""
    row = block.locator(".live-responses-table tbody tr").first
    if row.is_visible():  # the answer before: what is shown next shall be the next one
        block.get_by_role("button", name="Clear").click()
        row.wait_for(state="detached")
    block.get_by_role("button", name="Execute").click()
    row.wait_for()
    return row.locator(".response-col_status").inner_text().split()[0], row.locator(".highlight-code").inner_text()


def test_sends_to_anybody_what_is_for_anybody(page: Page, complaints: Complaints) -> None:
    status, body = answered(opened(page, "health-health"))
    assert status == "200"
    assert '"status": "ok"' in body
    assert complaints.found == []


@on_both
def test_signs_in_sends_signed_in_and_signs_out(
    page: Page, complaints: Complaints, person: Person, database: psycopg.Connection
) -> None:
    sign_in(page, person.email)
    expect(page.locator("#signed-in")).to_contain_text("Signed in as Reader")
    expect(page.locator("#sign-in")).to_be_hidden()
    block = opened(page, "workspaces-create_workspace")
    expect(block.locator(".caller")).to_have_text("signed in")
    block.locator("textarea").fill('{"name": "Made on the page"}')
    status, body = answered(block)
    assert status == "201"
    assert '"name": "Made on the page"' in body
    with page.expect_response("**/api/auth/sign-out"):
        page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#notice")).to_have_text("Signed out.")
    expect(page.locator("#sign-in")).to_be_visible()
    assert complaints.found == []
    sessions = database.execute("select count(*) from auth.sessions where user_id = %s", [person.user_id]).fetchone()
    assert sessions == (1,)  # the one that the test itself has
    status, body = answered(block)
    assert status == "401"
    assert "token_missing" in body


def test_says_in_words_why_it_does_not_sign_in(page: Page, person: Person) -> None:
    sign_in(page, person.email, "not the password")
    expect(page.locator("#notice.wrong")).to_have_text("This address and password don't open a session.")
    expect(page.locator("#sign-in")).to_be_visible()
    page.route("**/api/auth/sign-in", lambda route: route.abort())
    sign_in(page, person.email)
    expect(page.locator("#notice.wrong")).to_have_text("The server can’t be reached.")


def test_renews_the_session_before_it_expires(page: Page, complaints: Complaints, person: Person) -> None:
    page.clock.install()
    sign_in(page, person.email)
    expect(page.locator("#signed-in")).to_be_visible()
    block = opened(page, "auth-me")
    renewals: list[str] = []
    page.on("request", lambda request: renewals.append(request.url) if request.url.endswith("/refresh") else None)
    assert answered(block)[0] == "200"
    assert renewals == []
    page.clock.fast_forward("59:30")
    with page.expect_response("**/api/auth/me") as sent:
        block.get_by_role("button", name="Execute").click()
    assert len(renewals) == 1
    assert sent.value.status == 200
    assert complaints.found == []


def test_says_when_the_session_has_ended(page: Page, person: Person, database: psycopg.Connection) -> None:
    page.clock.install()
    sign_in(page, person.email)
    expect(page.locator("#signed-in")).to_be_visible()
    block = opened(page, "auth-me")
    database.execute("delete from auth.sessions where user_id = %s", [person.user_id])
    page.clock.fast_forward("59:30")
    with page.expect_response("**/api/auth/me") as sent:
        block.get_by_role("button", name="Execute").click()
    assert sent.value.status == 401
    expect(page.locator("#notice")).to_have_text("Your session has ended. Please sign in again.")
    expect(page.locator("#sign-in")).to_be_visible()


def test_forgets_the_session_with_the_page(page: Page, person: Person) -> None:
    sign_in(page, person.email)
    expect(page.locator("#signed-in")).to_be_visible()
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    page.reload()
    expect(page.locator("#sign-in")).to_be_visible()


@on_both
def test_fits_its_width_and_follows_the_system_into_the_dark(page: Page) -> None:
    opened(page, "workspaces-create_workspace")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_class("dark-mode")
    assert page.evaluate(ground) != light
