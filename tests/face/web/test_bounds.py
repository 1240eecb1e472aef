"""What a box may cost the page: time, memory and bytes are bounded, whatever it writes."""

import json
import os
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hivelib.base import clock
from hivelib.face.web import hub as hubs
from hivelib.face.web import lines, markdown
from hivelib.face.web.feeds import LINES, PageFeed, Position
from hivelib.face.web.keeping import kept
from hivelib.face.web.pages import PAGES
from hivelib.face.web.sections.base import Drawer
from hivelib.face.web.sections.transcript import line
from hivelib.flow import viewing
from hivelib.flow.opening import Hive, open_hive, open_transcript
from hivelib.model.records import Line
from hivelib.store import transcripts, turns
from tests.support.browser import Browser, add
from tests.support.page import Page, open_page
from tests.support.serving import full_log
from tests.support.waiting import until

MOST = 19_000


def long(text: str, most: int = MOST) -> str:
    """A text as often as it fits."""
    return text * (most // len(text))


COSTLY = {
    "links": long("[a](http:b)"), "other links": "".join(f"<http:a{n}>" for n in range(1700)),
    "open": long("["), "half links": long("[a]("), "pictures": long("!["), "emphasis": long("*a **a_b"),
    "ticks": "".join("`" * n + " " for n in range(190)), "quotes": long("> "), "deep": long(">" * 200 + "\n"),
    "lists": "\n".join(" " * n + "- a" for n in range(190)),
    "table": long("a|", 200) + "\n" + long("-|", 200) + "\n" + long("x\n"),
    "wide": long("|a", 6000) + "\n" + long("|-", 6000) + "\n" + long("|b", 6000), "many tables": long("a|b\n-|-\n"),
    "references": "".join(f"[a{n}]: http:b\n" for n in range(900)), "entities": long("&#x202e;"),
    "brackets": "[" * 9000 + "](" * 900, "parentheses": "[a](" + "(" * 9000, "fences": long("```\n"),
    "titles": long("a\n=\n"),
    "less": long("<a "), "hard": long("\\\n"), "bidi": long("\u202e"), "tags": long("\U000e0041"), "tilde": long("~~a"),
}  # fmt: skip


@pytest.mark.parametrize("name", COSTLY)
def test_no_body_costs_many_times_what_plain_words_do(name: str) -> None:
    plain = long("word **bold** `code`\n\n")
    begun = time.process_time()
    markdown.html(plain)
    middle = time.process_time()
    html = markdown.html(COSTLY[name])
    assert time.process_time() - middle < 20 * max(middle - begun, 0.02)
    assert len(html) < 20 * MOST


def payload(*blocks: dict[str, Any]) -> str:
    """A line of a box."""
    return json.dumps({"type": "assistant", "message": {"content": blocks}})


@pytest.mark.parametrize("place", [
    '{"type":"assistant","message":{"content":[{"type":"tool_use","name":"x","input":{"a":%s}}]}}',
    '{"type":"assistant","message":{"content":[{"type":%s}]}}', '{"type":"system","subtype":%s}', '{"type":%s}',
    '{"type":"user","message":{"content":[{"type":"tool_result","content":[{"text":%s}]}]}}',
    '{"type":"result","is_error":1,"result":%s}',
])  # fmt: skip
def test_a_line_that_nests_as_deeply_as_it_may_is_shown(place: str) -> None:
    for depth in range(
        900, 1000
    ):  # somewhere here it can be read, and is too deep to be written again
        for begin, end in (("[", "]"), ('{"":', "}")):
            nested = begin * depth + "1" + end * depth
            line(Line(1, 1, 1.0, "assistant", place % nested))


def test_a_line_is_as_long_on_the_page_as_somebody_reads() -> None:
    text = {"type": "text", "text": "<" * 15_000}
    edit = {
        "type": "tool_use",
        "name": "Edit",
        "input": {"old_string": "a" * 99_999, "new_string": "b\n" * 9999},
    }
    tool = {"type": "tool_use", "name": "x" * 9999, "input": {"y" * 9999: "z" * 99_999}}
    for blocks in ([text] * 16, [edit] * 2, [tool] * 2, [{"type": "x"}] * 12_000):
        row = Line(1, 1, 1.0, "assistant", payload(*blocks))
        shown = lines.pieces(row)
        assert sum(len(str(piece)) for piece in shown) < 2 * lines.LINE_MOST
        assert len(line(row)) < 10 * lines.LINE_MOST
    assert "more pieces of this line" in lines.pieces(row)[-1].title


def test_many_small_edits_cost_little() -> None:
    small = {"old_string": "a\nb\n" * 99, "new_string": "b\na\n" * 99}
    row = Line(
        1,
        1,
        1.0,
        "assistant",
        payload({"type": "tool_use", "name": "x", "input": {"edits": [small] * 150}}),
    )
    begun = time.process_time()
    line(row)
    assert time.process_time() - begun < 3


def test_what_is_kept_is_bounded_by_characters() -> None:
    drawn: list[int] = []

    @kept(80_000)
    def draw(number: int) -> str:
        drawn.append(number)
        return str(number).rjust(9_000, "x")

    tracemalloc.start()
    for number in range(500):
        draw(number)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 200_000
    for number in (499, 498, 499, 492, 491, 499):
        draw(number)
    assert drawn[500:] == [491], "those used last are there"

    @kept(8000)
    def long_one(number: int) -> str:
        drawn.append(-number)
        return "x" * 1001

    assert long_one(1) == long_one(1) and drawn[-2:] == [-1, -1]


def fill(hive: Hive, count: int, text: str) -> int:
    """Lines of a box as long as a page shows; gives back the turn."""
    with hive.db.write() as db:
        turn = turns.begin(db, "alice", 1, "sonnet", clock.now())
    transcript = open_transcript(hive, "alice", create=True)
    assert transcript
    with transcript:
        whole = payload(*[{"type": "text", "text": text[:15_000]}] * 16)
        for _ in range(count):
            transcripts.append(transcript, turn, clock.now(), "assistant", whole)
    return turn


def test_a_page_begins_with_so_many_characters_of_a_transcript(
    inside: Browser, private_state: Hive
) -> None:
    add(private_state, "alice")
    fill(private_state, 60, "x" * 15_000)
    shown = viewing.newest_turns(private_state, "alice")[-1].lines
    assert [row.row for row in shown] == list(range(shown[0].row, 61))
    assert sum(len(row.payload) for row in shown) <= viewing.LINES_MOST
    assert len(shown) >= viewing.LINES_MOST // viewing.LINE_MOST
    assert len(inside.ask("GET", "/agent/alice").text) < 2 * viewing.LINES_MOST
    transcript = open_transcript(private_state, "alice")
    assert transcript
    with transcript:
        assert len(viewing.lines_after(transcript, 0, LINES)) == LINES


def test_who_writes_without_end_lets_the_others_have_their_turn(
    private_state: Hive, short_path: Path
) -> None:
    add(private_state, "alice")
    settings = private_state.settings
    hub = hubs.Hub(lambda: open_hive(settings))
    hub.start()
    read: list[int] = []

    class Endless(PageFeed):
        def end(self) -> Position:
            return Position("e", 2**60)

        def read(self, after: Position, upto: Position | None = None) -> tuple[bytes, Position]:
            read.append(after.seq)
            return b"x", after._replace(seq=after.seq + 1)

    class Told:
        def __init__(self) -> None:
            self.got = threading.Event()

        def send(self, data: bytes) -> None:
            if b"data:" in data:
                self.got.set()

        def close(self) -> None:
            self.got.set()

    def crowded() -> None:
        feed = Endless(PAGES["history"], Drawer(private_state, {}))
        channel = hubs.Channel(feed, Position("e", 0), [])
        channel.rung = True
        hub._channels["history", ""] = channel

    other = Told()
    reader = hubs.Reader(hub, ("hive", ""), "nonsense", None)
    hub.post(crowded)
    until(lambda: len(read) > 10, "the endless one read")
    reader.joined(other)
    assert other.got.wait(20), "the other one has its turn"
    hub.stop()


def test_who_cannot_be_told_leaves_nothing_open(private_state: Hive) -> None:
    """A browser comes again each second: what each try left would fill the process in an hour. The log may be full."""
    path = Path(private_state.paths.transcript("alice"))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"no database" * 1000)
    hub = hubs.Hub(lambda: open_hive(private_state.settings))
    hub.start()

    ended: list[object] = []

    class Told:
        def close(self) -> None:
            ended.append(self)

    def come() -> int:
        reader, over = hubs.Reader(hub, ("agent", "alice"), "", None), threading.Event()
        reader.joined(Told())
        reader.left(Told())
        hub.post(over.set)
        assert over.wait(20)
        return len(os.listdir("/proc/self/fd"))

    with full_log():
        first = come()
        assert [come() for _ in range(5)] == [first] * 5 and len(ended) == 6
    hub.stop()


@pytest.fixture
def page(private_state: Hive, short_path: Path) -> Iterator[Page]:
    add(private_state, "alice")
    with open_page(private_state, short_path / "hive.toml") as page:
        yield page


def test_who_missed_too_many_bytes_is_told_to_begin_anew(page: Page) -> None:
    since = page.ask("GET", "/agent/alice").text.partition('data-at="')[2].partition('"')[0]
    fill(
        page.hive, 2 + hubs.MISSED_MOST // (3 * lines.LINE_MOST), "<" * 15_000
    )  # each of them becomes &lt;
    follower = page.follow("/agent/alice/events", since)
    assert follower.until(lambda frame: True)[0].kind == "reset"
    follower.close()
