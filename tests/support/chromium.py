"""Debian's chromium, driven by Playwright: one browser for all tests of a process, and what a tab complains of."""

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright
from playwright.sync_api import Page as Tab

# Nobody can hide a tab of a browser without a screen, so the page is told that it is hidden as the browser would.
_HIDING = """
let hidden = false;
Object.defineProperty(Document.prototype, "hidden", {get: () => hidden, configurable: true});
window.hide = (value) => { hidden = value; document.dispatchEvent(new Event("visibilitychange")); };
"""


@contextlib.contextmanager
def launched() -> Iterator["Chromium"]:
    """A browser that runs; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="h-chromium-") as home, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"],  # tests run as root, too
            env={"HOME": home, "PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C.UTF-8"},
        )
        found = Chromium(browser)
        try:
            with found.used():
                browser.version  # noqa: B018  it answers
            yield found
        finally:
            asyncio._set_running_loop(found.loop)
            browser.close()


class Chromium:
    """The browser. Playwright leaves its event loop marked as running, and other tests want one of their own:
    so it is marked only where the browser is `used`."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Inside, it may be driven."""
        asyncio._set_running_loop(self.loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


class Person:
    """Somebody with a browser profile of their own, who may be logged in and wants no complaint to go unheard."""

    def __init__(self, chromium: Chromium, port: int, cookie: str = "", **options: Any) -> None:
        self.complaints: list[str] = []
        self.foreseen: list[str] = []
        """Patterns of complaints that the test provokes."""
        options = {"viewport": {"width": 1440, "height": 900}, **options}
        self.context: BrowserContext = chromium.browser.new_context(
            base_url=f"http://127.0.0.1:{port}", **options
        )
        self.context.set_default_timeout(20000)
        self.context.add_init_script(_HIDING)
        self.context.on("console", lambda said: self._heard(said.type, said.text))
        self.context.on("weberror", lambda failed: self._heard("error", str(failed.error)))
        name, _, value = cookie.partition("=")
        if value:
            where = f"http://127.0.0.1:{port}"
            self.context.add_cookies([{"name": name, "value": value, "url": where}])

    def _heard(self, kind: str, words: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(words)

    def open(self, path: str = "/") -> Tab:
        """A tab with that page, once it is live (pages without a stream: once it is there)."""
        tab = self.context.new_page()
        visit(tab, path)
        return tab

    def unforeseen(self) -> list[str]:
        """What the console had to say, but for what was provoked."""
        known = [one for one in self.complaints if any(re.search(p, one) for p in self.foreseen)]
        return [one for one in self.complaints if one not in known]


def visit(tab: Tab, path: str) -> None:
    """Goes to a page and waits until it is live; one without a stream never is."""
    tab.goto(path)
    if tab.locator("[data-events]").count() and tab.locator("#live").count():
        live(tab)


def live(tab: Tab) -> None:
    """Waits until the page says that it is live."""
    tab.locator("#live.good").wait_for()


def shown_ids(tab: Tab) -> list[int]:
    """The numbers of the messages in the flow, in the order in which they are shown."""
    named: list[str] = tab.locator("#messages > li").evaluate_all(
        "(all) => all.map((one) => one.id)"
    )
    return [int(name.removeprefix("message-")) for name in named]
