"""Browsers that look on while messages pour in, their connections are cut and the page's process is killed: what they
show is counted, and what is typed meanwhile is kept beside."""

from typing import NamedTuple

from playwright.sync_api import Page as Tab

from tests.support.chromium import Person, shown_ids
from tests.support.cutting import LOST, WINDOW, rows
from tests.support.memory import pss
from tests.support.page import Page
from tests.support.torrent import TICK, Torrent, until_over

PATIENCE = 60_000
"""Milliseconds, of a machine that does ten other things."""
HEAP, NODES, SERVER = 5.0, 1000, 80.0
"""What is held is bounded: MB and nodes that a tab may grow by, MB that the page's process may have. A window's 300
messages are some thousand nodes."""
CUT_EACH = 4
"""Of so many steps one cuts all connections, as a network does; in the others a tab is hidden and looked at again."""

# `shown`: how often each message was put into the flow; `opened`: how often the stream was there.
_COUNTING = """
window.shown = {};
window.opened = 0;
window.EventSource = class extends EventSource {
  constructor(...all) {
    super(...all);
    this.addEventListener("open", () => { window.opened += 1; });
  }
};
document.addEventListener("DOMContentLoaded", () => {
  const list = document.getElementById("messages");
  const count = (one) => { if (one.id) window.shown[one.id] = (window.shown[one.id] ?? 0) + 1; };
  [...list.children].forEach(count);
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(count)))
    .observe(list, { childList: true });
});
"""
# The words of each section but the flow, as they stand and as they are loaded now; how long something still has is
# told by the browser.
_AS_LOADED = """async () => {
  const answer = await fetch(location.href, { cache: "no-store" });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  return [document.cloneNode(true), fresh].map((page) => {
    page.querySelectorAll("time[data-until]").forEach((one) => one.remove());
    return [...page.querySelectorAll("main section:not(:has(#messages))")].map(
      (one) => `${one.id}: ${one.textContent.replace(/\\s+/g, " ").trim()}`);
  });
}"""


class Held(NamedTuple):
    """What a tab holds after a collection."""

    heap: float
    """MB of JavaScript."""
    nodes: int
    """Nodes of the document, and those that somebody still holds."""

    def __sub__(self, before: "Held") -> "Held":
        return Held(self.heap - before.heap, self.nodes - before.nodes)


class Watcher:
    """Somebody who has the first page open and writes a letter that is never sent."""

    def __init__(self, person: Person) -> None:
        person.foreseen.append(LOST)
        person.context.set_default_timeout(PATIENCE)
        person.context.add_init_script(_COUNTING)
        self.tab: Tab = person.open()
        self.tab.locator("#body").click()
        self.first = shown_ids(self.tab)
        self.typed = ""
        self._opened: int = self.tab.evaluate("opened")

    def type(self, words: str) -> None:
        """Presses these keys wherever the focus is."""
        self.tab.keyboard.type(words)
        self.typed += words

    def look_away(self) -> None:
        """Hides the tab, and comes back at once."""
        self.tab.evaluate("() => { hide(true); hide(false); }")

    def is_back(self) -> None:
        """Waits until the stream was there once more since this was asked last."""
        self.tab.wait_for_function("(before) => opened > before", arg=self._opened)
        self._opened = self.tab.evaluate("opened")

    @property
    def reconnects(self) -> int:
        """How often the stream came again."""
        return int(self.tab.evaluate("opened")) - 1

    def held(self) -> Held:
        """What this tab holds."""
        session = self.tab.context.new_cdp_session(self.tab)
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")["usedSize"]
        nodes = session.send("Memory.getDOMCounters")["nodes"]
        session.detach()
        return Held(used / 2**20, nodes)

    def has(self, number: int) -> None:
        """Waits for this message in the flow."""
        self.tab.locator(f"#message-{number}").wait_for(state="attached")

    def shows(self, sent: list[int], newest: list[int]) -> None:
        """Each of these was put into the flow once, the newest are there in order, and all else is as if loaded now."""
        self.has(sent[-1])
        shown: dict[str, int] = self.tab.evaluate("shown")
        expected = {f"message-{number}": 1 for number in self.first + sent}
        assert shown == expected, dict(shown.items() ^ expected.items())
        assert shown_ids(self.tab) == newest
        stands, loaded = self.tab.evaluate(_AS_LOADED)
        assert stands and stands == loaded, [
            pair for pair in zip(stands, loaded, strict=True) if pair[0] != pair[1]
        ]

    def keeps_what_was_typed(self) -> None:
        """Letter for letter, and whoever types goes on there."""
        assert self.tab.locator("#body").input_value() == self.typed
        assert self.tab.evaluate("document.activeElement.id") == "body"


class Survived(NamedTuple):
    """What it came to."""

    messages: int
    took: float
    reconnects: int
    letters: int
    grown: Held
    """What a tab grew by, at most."""
    server: list[float]
    """MB of the page's process, from step to step."""


def survive_a_torrent(
    page: Page, people: list[Person], a_second: int, seconds: float, steps: int
) -> Survived:
    """So many messages a second to all these people's browsers, while in each of so many steps somebody types and loses
    a connection, and once the page's process is killed; AssertionError unless each browser shows each message once and
    keeps what was typed, and nobody holds more and more."""
    watchers = [Watcher(person) for person in people]
    full = burst(page, WINDOW)  # what is held is compared with a full window
    for one in watchers:
        one.has(full[-1])
    before = [one.held() for one in watchers]
    torrent = Torrent(page, a_second, seconds)
    server = []

    def at(step: int) -> None:
        one = watchers[step % len(watchers)]
        one.type(f"word {step}, ")
        alone = False
        if step == steps // 2:
            page.kill()
            page.start()
        elif step % CUT_EACH == 0:
            page.cut()
        else:
            alone = True
            one.look_away()
        one.type("unconnected, ")
        for each in [one] if alone else watchers:
            each.is_back()
        server.append(pss(page.process.pid))

    with torrent:
        until_over(torrent, at, steps)
    # The last one comes after each step, however late that was.
    sent = full + torrent.sent + burst(page, 1)
    for one in watchers:
        one.shows(sent, rows(page.hive))
        one.keeps_what_was_typed()
    grown = [one.held() - was for one, was in zip(watchers, before, strict=True)]
    most = Held(max(one.heap for one in grown), max(one.nodes for one in grown))
    assert most.heap < HEAP and most.nodes < NODES, grown
    server.append(pss(page.process.pid))
    assert max(server) < SERVER, server
    reconnects = sum(one.reconnects for one in watchers)
    typed = sum(len(one.typed) for one in watchers)
    return Survived(torrent.total, torrent.took, reconnects, typed, most, server)


def burst(page: Page, count: int) -> list[int]:
    """Sends so many messages at once; gives back their numbers."""
    torrent = Torrent(page, round(count / TICK), TICK)
    torrent.run()
    return torrent.sent
