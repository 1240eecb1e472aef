"""Half a minute of torrents: three browsers at 100 events a second, plain readers at 1,000. Writes its figures to
docs/reliability.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hivelib.flow.opening import Hive
from hivelib.store import events
from tests.soak.pages import put
from tests.support.chromium import Person, launched
from tests.support.memory import pss
from tests.support.page import Page, open_page
from tests.support.residents import settle_in
from tests.support.torrent import AGENTS, Reader, Torrent, until_over
from tests.support.watchers import survive_a_torrent

SECONDS, RECONNECTS = 30, 100
STEPS = 66
"""In which three browsers lose their connections RECONNECTS times in all."""
FIGURES: dict[str, Any] = {}
WORDS = f"""Messages to four agents, {SECONDS} seconds long, while the page's process is killed and started again once,
and connections are cut. Then each of these must hold:

* every event was sent to each plain reader once, in order;
* every message was put into each browser's page once (a MutationObserver counts), the newest 300 are there, and all
  else on the page is as if it were loaded now;
* what was typed meanwhile is in the box, letter for letter.

`tests/browser/test_three_browsers.py` does the same for ten seconds in each run of the tests.
"""


@pytest.fixture
def page(private_state: Hive, short_path: Path) -> Iterator[Page]:
    settle_in(private_state, *AGENTS)
    with open_page(private_state, short_path / "hive.toml") as page:
        yield page


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
        sizes.append(pss(page.process.pid))
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
def test_a_hundred_events_a_second_to_three_browsers(page: Page) -> None:
    with launched() as chromium, chromium.used():
        people = [Person(chromium, page.port, page.cookie) for _ in range(3)]
        survived = survive_a_torrent(page, people, 100, SECONDS, STEPS)
        assert [words for person in people for words in person.unforeseen()] == []
    assert survived.reconnects >= RECONNECTS
    rate = f"{survived.messages / survived.took:.0f}"
    note("messages to three browsers", f"{survived.messages}, {rate} a second")
    note("reconnects that were forced on them", survived.reconnects)
    note("letters typed meanwhile", survived.letters)
    note("what a browser's heap grew by at most, MB", f"{survived.grown.heap:.1f}")
    note("nodes that a browser's page grew by at most", survived.grown.nodes)
    low, high = min(survived.server), max(survived.server)
    note("memory of the page's process with them, MB", f"{low:.0f} to {high:.0f}")


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
