"""A thousand events a second: none is missed or doubled, whatever dies and whoever is cut off. The long ones are in
tests/soak/test_page.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.flow.opening import Hive
from hivelib.store import events
from tests.support.page import Page, open_page
from tests.support.residents import settle_in
from tests.support.torrent import AGENTS, Reader, Torrent, until_over


@pytest.fixture
def page(private_state: Hive, short_path: Path) -> Iterator[Page]:
    settle_in(private_state, *AGENTS)
    with open_page(private_state, short_path / "hive.toml") as page:
        yield page


def test_a_thousand_events_a_second_come_once_each_through_cuts_and_a_killed_server(
    page: Page,
) -> None:
    first = events.last_seq(page.hive.db)
    torrent = Torrent(page, 1000, 2)
    since = f"{events.epoch(page.hive.db)}.{first}"
    readers = [Reader(page, since, first + torrent.total, cut) for cut in (0, 199)]
    for reader in readers:
        reader.start()

    def restart(_: int) -> None:
        page.kill()
        page.start()

    with torrent:
        until_over(torrent, restart, 1)
    for reader in readers:
        reader.join(60)
        assert reader.seqs == list(range(first + 1, first + torrent.total + 1))
        assert reader.resets == 0 and reader.connections > 1
