"""Three browsers and a hundred messages a second, through cut connections and a killed server. Half a minute of it is
in tests/soak/test_page.py."""

import pytest

from tests.browser.conftest import Somebody
from tests.support.page import Page
from tests.support.watchers import survive_a_torrent


@pytest.mark.timeout(300)
def test_three_browsers_show_each_message_once_and_keep_what_is_typed(
    somebody: Somebody, page: Page
) -> None:
    people = [somebody(page.port, page.cookie) for _ in range(3)]
    survived = survive_a_torrent(page, people, 100, 10, steps=12)
    assert survived.messages == 1000
    assert survived.reconnects >= 20
