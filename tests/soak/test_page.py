"""Half a minute of torrents: three browsers at 100 events a second, plain readers at 1,000. Writes its figures to
docs/reliability.md."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Page as Tab

from hivelib.flow.opening import Hive
from hivelib.store import events
from tests.soak.pages import put
from tests.support.page import Page, open_page
from tests.support.residents import settle_in
from tests.support.torrent import AGENTS, Reader, Torrent, until_over
from tests.support.waiting import until

SECONDS, RECONNECTS, TABS = 30, 100, 3
FIGURES: dict[str, Any] = {}
WATCHED = """
window.shown = {};
window.hidden_ = false;
Object.defineProperty(Document.prototype, "hidden", { get: () => window.hidden_ });
window.hide = (value) => {
  window.hidden_ = value;
  document.dispatchEvent(new Event("visibilitychange"));
};
document.addEventListener("DOMContentLoaded", () => {
  const list = document.getElementById("messages");
  for (const one of list.children) window.shown[one.id] = 1;
  new MutationObserver((changes) => {
    for (const change of changes) for (const one of change.addedNodes)
      if (one.id) window.shown[one.id] = (window.shown[one.id] || 0) + 1;
  }).observe(list, { childList: true });
});
"""
WORDS = f"""Messages to four agents, {SECONDS} seconds long, while the page's process is killed and started once, and
connections are cut. Then each of these must hold:

* every event was sent to each plain reader once, in order;
* every message was put into each browser's page once (a MutationObserver counts), and the newest 300 are there;
* what was typed meanwhile is in the box, letter for letter.
"""


@pytest.fixture
def page(private_state: Hive, short_path: Path) -> Iterator[Page]:
    settle_in(private_state, *AGENTS)
    with open_page(private_state, short_path / "hive.toml") as page:
        yield page


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(prefix="h-chromium-") as home, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"],
            env={"HOME": home, "PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C.UTF-8"},
        )
        yield browser
        browser.close()


def memory(page: Page) -> float:
    """What the page's process holds, in MB."""
    lines = Path(f"/proc/{page.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


@pytest.mark.timeout(600)
def test_a_thousand_events_a_second(page: Page) -> None:
    first = events.last_seq(page.hive.db)
    torrent = Torrent(page, 1000, SECONDS)
    since = f"{events.epoch(page.hive.db)}.{first}"
    cuts = (0, torrent.total // RECONNECTS)
    readers = [Reader(page, since, first + torrent.total, cut) for cut in cuts]
    for reader in readers:
        reader.start()
    sizes: list[float] = []

    def at(step: int) -> None:
        sizes.append(memory(page))
        if step == 4:
            page.kill()
            page.start()

    with torrent:
        until_over(torrent, at, 9)
    for reader in readers:
        reader.join(120)
        assert reader.seqs == list(range(first + 1, first + torrent.total + 1))
        assert reader.resets == 0
    assert sizes[-1] < 200
    rate = f"{torrent.total / torrent.took:.0f}"
    note("events to plain readers", f"{torrent.total}, {rate} a second")
    note("connections of the reader that cuts itself off", readers[1].connections)
    note("memory of the page's process meanwhile, MB", f"{min(sizes):.0f} to {max(sizes):.0f}")


@pytest.mark.timeout(600)
def test_a_hundred_events_a_second_to_three_browsers(page: Page, chromium: Browser) -> None:
    tabs = [tab_of(chromium, page) for _ in range(TABS)]
    box = tabs[0].locator("#body")
    typed = ""
    heap = [heap_of(tab) for tab in tabs]
    torrent = Torrent(page, 100, SECONDS)

    def at(step: int) -> None:
        nonlocal typed
        if step == RECONNECTS // 2:
            page.kill()
            page.start()
        tabs[0].keyboard.type(f"word{step} ")
        typed += f"word{step} "
        tabs[step % TABS].evaluate("() => { hide(true); hide(false); }")

    box.click()
    with torrent:
        until_over(torrent, at, RECONNECTS)
    wanted = {f"message-{number}": 1 for number in torrent.sent}
    for tab in tabs:
        until(lambda tab=tab: len(tab.evaluate("shown")) >= len(wanted), "all shown")  # type: ignore[misc]
        assert tab.evaluate("shown") == wanted
        there = tab.evaluate(
            "[...document.getElementById('messages').children].map((one) => one.id)"
        )
        assert there == [f"message-{number}" for number in torrent.sent[-300:]]
    assert box.input_value() == typed
    assert tabs[0].evaluate("document.activeElement.id") == "body"
    grown = max(heap_of(tab) - before for tab, before in zip(tabs, heap, strict=True))
    assert grown < 50
    note(
        "messages to three browsers",
        f"{torrent.total}, {torrent.total / torrent.took:.0f} a second",
    )
    note("reconnects that were forced on them", RECONNECTS)
    note("letters typed meanwhile", len(typed))
    note("what a browser's heap grew by at most, MB", f"{grown:.1f}")


def tab_of(chromium: Browser, page: Page) -> Tab:
    """Somebody's first page, live."""
    where = f"http://127.0.0.1:{page.port}"
    context = chromium.new_context(base_url=where)
    context.add_init_script(WATCHED)
    name, _, value = page.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": where}])
    tab = context.new_page()
    tab.goto("/")
    tab.locator("#live.good").wait_for()
    return tab


def heap_of(tab: Tab) -> float:
    """JavaScript's memory of a tab after a collection, in MB."""
    session = tab.context.new_cdp_session(tab)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 2**20


def note(what: str, figure: object) -> None:
    """Keeps a figure, and writes what there is so far."""
    FIGURES[what] = figure
    lines = [
        WORDS,
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in FIGURES.items()),
    ]
    put("The page", "\n".join([*lines, "| **events missed or doubled** | **0** |"]))
