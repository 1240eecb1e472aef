"""What a first load costs does not depend on how long the hive has been at work. Steps of sqlite are counted: seconds
would be the machine's."""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlencode

import bottle
import pytest

from hivelib.face.exchange import answer, take
from hivelib.face.web import pages
from hivelib.face.web.app import make_app
from hivelib.face.web.hub import Hub
from hivelib.face.web.patches import event_frames
from hivelib.face.web.sections.base import Drawer
from hivelib.flow import admitting, mailing, viewing
from hivelib.flow.opening import Hive
from hivelib.flow.spending import Spending
from tests.support import crowd
from tests.support.browser import HOST, PORT, Browser
from tests.support.state import make_state, short_directory

SHORT, LONG = 6000, 20_000
COMPRESSED_MOST = 150_000
LOOKED_AT = {"hive": "", "agent": "a1", "thread": "7", "history": "", "system": ""}
"""Pages and whom they are about. The page of statistics is left out: it adds up the turns of thirty days."""


class Old(NamedTuple):
    """Hives that differ in their history only."""

    short: Hive
    long: Hive


@pytest.fixture(scope="module")
def old() -> Iterator[Old]:
    with short_directory() as one, short_directory() as other:
        hives = Old(make_state(one), make_state(other))
        with hives.short.db, hives.long.db:
            crowd.fill(hives.short, SHORT, messages_a_turn=1)
            crowd.fill(hives.long, LONG, messages_a_turn=1)
            yield hives


@pytest.fixture(autouse=True)
def request_of_nobody() -> None:
    bottle.request.bind({})


def steps(hive: Hive, work: Callable[[], object]) -> int:
    """How many steps sqlite takes for that."""
    counted = 0

    def more() -> int:
        nonlocal counted
        counted += 1
        return 0

    hive.db.connection.set_progress_handler(more, 1)
    work()
    hive.db.connection.set_progress_handler(None, 0)
    return counted


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_takes_as_many_steps_after_a_long_history(old: Old, name: str) -> None:
    def again(hive: Hive) -> int:
        drawer = Drawer(hive, Spending(), LOOKED_AT[name])
        more = {
            "hive": {"to": "", "reply": "", "key": ""},
            "agent": {"key": ""},
            "thread": {"to": "alice", "newest": 1, "key": ""},
        }.get(name, {})

        def shown() -> None:
            assert b"".join(pages.show(pages.PAGES[name], drawer, **more)).endswith(b"</html>")

        shown()  # adds up once what turns have cost
        return steps(hive, shown)

    assert again(old.long) <= again(old.short) * 1.05


def test_a_message_is_told_in_as_many_steps_after_a_long_history(old: Old) -> None:
    def told(hive: Hive) -> int:
        drawer = Drawer(hive, Spending())
        viewing.all_agents(hive, drawer.spending)
        at = viewing.stream(hive).last
        mailing.send(hive, mailing.SHELL, "a1", "hello")
        rows = viewing.events_after(hive, at)
        return steps(hive, lambda: event_frames(pages.HIVE, drawer, "e", rows, ""))

    assert told(old.long) <= told(old.short) * 1.05


def test_a_busy_page_is_small_on_its_way(old: Old) -> None:
    app = make_app(lambda: old.long, Hub(lambda: old.long), PORT)
    login = Browser(app).ask("POST", "/login", urlencode({"token": admitting.invite(old.long)}))
    cookie = str(login.headers["Set-Cookie"]).partition(";")[0]
    raw = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nAccept-Encoding: gzip\r\n\r\n"
    incoming = take(bytearray(raw.encode()))
    assert incoming
    early: list[bytes] = []
    answer(app, incoming, ("127.0.0.1", PORT), "127.0.0.1", early.append)
    head, _, body = b"".join(early).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"Content-Encoding: gzip" in head
    assert len(body) < COMPRESSED_MOST
