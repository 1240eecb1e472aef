"""The stream: each event once, whatever dies and whoever is slow."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.flow import admitting, mailing, settling, switching
from hivelib.flow.opening import Hive, open_hive, open_transcript
from hivelib.model.events import AgentAdded, TurnStarted, WarningRaised
from hivelib.store import agents, events, transcripts, turns
from tests.support.page import Page, open_page, until_idle
from tests.support.waiting import until


@pytest.fixture
def page(private_state: Hive, short_path: Path) -> Iterator[Page]:
    for name in ("alice", "bob"):
        add(private_state, name)
    with open_page(private_state, short_path / "hive.toml") as page:
        yield page


def add(hive: Hive, name: str) -> None:
    with hive.db.write() as db:
        number = agents.add(db, name, "agent", "bwrap", "{}", clock.now())
        added = AgentAdded(name, role="agent", backend="bwrap", incarnation=number, by="test")
        events.record(db, added)


def begin_turn(hive: Hive, name: str) -> int:
    with hive.db.write() as db:
        number = turns.begin(db, name, 1, "sonnet", clock.now())
        events.record(db, TurnStarted(name, turn=number, wake_source="operator", message=None))
    bell.ring(hive.paths.bell, "events")
    return number


def say(hive: Hive, turn: int, text: str) -> int:
    line = {"type": "assistant", "message": {"content": [{"type": "text", "text": text}]}}
    transcript = open_transcript(hive, "alice", create=True)
    assert transcript
    with transcript:
        row = transcripts.append(transcript, turn, clock.now(), "assistant", json.dumps(line))
    bell.ring(hive.paths.bell, "agent.alice")
    return row


def at(hive: Hive) -> str:
    with hive.db.snapshot() as db:
        return f"{events.epoch(db)}.{events.last_seq(db)}"


def send_many(config: str, count: int, word: str) -> None:
    from hivelib.base.config import load_settings

    hive = open_hive(load_settings(config))
    with hive.db:
        for number in range(count):
            mailing.send(hive, mailing.SHELL, "alice", f"{word} {number}")


def seqs(frames: list[object]) -> list[int]:
    return [frame.data["seq"] for frame in frames]  # type: ignore[attr-defined]


def test_every_event_comes_once_and_in_order_while_many_send(page: Page) -> None:
    first = events.last_seq(page.hive.db)
    follower = page.follow("/events?after=" + at(page.hive))
    senders = [
        threading.Thread(target=send_many, args=(str(page.config), 100, word)) for word in "abcd"
    ]
    for sender in senders:
        sender.start()
    got = follower.until(lambda frame: frame.data["seq"] == first + 400)
    for sender in senders:
        sender.join()
    assert seqs(got) == list(range(first + 1, first + 401))
    patched = {patch["id"] for frame in got for patch in frame.data["patches"]}
    assert {f"message-{row[0]}" for row in page.hive.db.all("SELECT id FROM messages")} <= patched


def test_who_comes_back_gets_exactly_what_was_missed(page: Page) -> None:
    first = events.last_seq(page.hive.db)
    follower = page.follow("/events?after=" + at(page.hive))
    sender = threading.Thread(target=send_many, args=(str(page.config), 300, "x"))
    sender.start()
    got: list[object] = []
    cuts = iter(range(first + 10, first + 300, 10))
    while len(got) < 300:
        upto = next(cuts, first + 300)
        got += follower.until(lambda frame, upto=upto: frame.data["seq"] >= upto)
        follower.close()  # what was sent to it meanwhile is lost with it
        follower = page.follow("/events", follower.last)
    sender.join()
    assert seqs(got) == list(range(first + 1, first + 301))


def test_a_killed_server_loses_and_doubles_nothing(page: Page) -> None:
    first = events.last_seq(page.hive.db)
    follower = page.follow("/events?after=" + at(page.hive))
    got: list[object] = []
    for round_ in range(1, 5):
        sender = threading.Thread(target=send_many, args=(str(page.config), 50, "x"))
        sender.start()
        half, whole = first + round_ * 50 - 40, first + round_ * 50
        got += follower.until(lambda frame, half=half: frame.data["seq"] >= half)
        page.kill()
        got += follower.frames()  # what had reached the browser
        follower.close()
        page.start()
        follower = page.follow("/events", follower.last)
        sender.join()
        if len(got) < whole - first:
            got += follower.until(lambda frame, whole=whole: frame.data["seq"] == whole)
    assert seqs(got) == list(range(first + 1, first + 201))


@pytest.mark.parametrize("last", ["", "nonsense", "abc.1", "{epoch}.999999", "{epoch}.-1"])
def test_an_unknown_place_is_answered_with_a_reset(page: Page, last: str) -> None:
    last = last.replace("{epoch}", events.epoch(page.hive.db))
    follower = page.follow("/events", last)
    reset = follower.until(lambda frame: True)[0]
    assert (reset.kind, reset.id) == ("reset", at(page.hive))
    mailing.send(page.hive, mailing.SHELL, "alice", "after the reset")
    assert follower.until(lambda frame: True)[0].data["kind"] == "sent"


def test_a_vacuumed_place_is_answered_with_a_reset(page: Page) -> None:
    before = at(page.hive)
    send_many(str(page.config), 5, "x")
    middle = at(page.hive)
    send_many(str(page.config), 5, "x")
    seq = int(middle.rpartition(".")[2])
    with page.hive.db.write() as db:
        db.execute("DELETE FROM events WHERE seq <= ?", (seq,))
    assert page.follow("/events", before).until(lambda frame: True)[0].kind == "reset"
    kept = page.follow("/events", middle).until(lambda frame: frame.data["seq"] == seq + 5)
    assert seqs(list(kept)) == list(range(seq + 1, seq + 6))


def test_a_new_epoch_resets_who_follows(page: Page) -> None:
    follower = page.follow("/events?after=" + at(page.hive))
    mailing.send(page.hive, mailing.SHELL, "alice", "so that it follows")
    follower.until(lambda frame: True)
    with page.hive.db.write() as db:
        events.new_epoch(db)
    bell.ring(page.hive.paths.bell, "events")
    assert follower.until(lambda frame: True)[0].kind == "reset"


def test_a_reader_who_does_not_read_holds_nobody_is_dropped_and_misses_nothing(page: Page) -> None:
    since = at(page.hive)
    first = events.last_seq(page.hive.db)
    lazy = [page.follow("/events?after=" + since) for _ in range(5)]
    good = page.follow("/events?after=" + since)
    raised = [
        WarningRaised("x", name=f"{n}", why="y" * 60_000, mend="z") for n in range(200)
    ]  # 12 MB to each: more than a socket holds
    for start in range(0, 200, 20):
        with page.hive.db.write(durable=False) as db:
            events.record(db, *raised[start : start + 20])
        bell.ring(page.hive.paths.bell, "events")
        got = good.until(lambda frame, end=first + start + 20: frame.data["seq"] >= end)
        assert got[-1].data["seq"] == first + start + 20
    until(lambda: page.log.read_text().count("dropped a reader") == 5, "five readers dropped")
    page.log.write_text("")
    late = list(lazy[0].frames())
    assert 0 < len(late) < 200
    again = page.follow("/events", lazy[0].last)
    late += again.until(lambda frame: frame.data["seq"] == first + 200)
    assert seqs(late) == list(range(first + 1, first + 201))
    for one in (*lazy, again):
        one.close()


def test_an_agents_page_gets_its_events_and_each_line_once(page: Page) -> None:
    hive = page.hive
    turn = begin_turn(hive, "alice")
    say(hive, turn, "before")
    text = page.ask("GET", "/agent/alice").text
    since = text.partition('data-at="')[2].partition('"')[0]
    assert ">before<" in text and f"Interrupt turn {turn}" in text
    follower = page.follow("/agent/alice/events", since)
    rows = [say(hive, turn, f"line {number}") for number in range(50)]
    got = follower.until(lambda frame: frame.data.get("row") == rows[-1])
    assert [frame.data["row"] for frame in got] == rows
    follower.close()
    assert page.ask("POST", "/api/agents/alice/interrupt", {}).json["turn"] == turn
    found = turns.get(hive.db, turn)
    assert found and found.cancel_requested_at
    settling.end_turn(hive, found, settling.Outcome("cancelled", "as asked"))
    say(hive, turn, "last")
    again = page.follow("/agent/alice/events", follower.last)
    got = again.until(lambda frame: "row" in frame.data)
    assert [frame.data.get("kind") for frame in got] == [
        "turn_cancelled",
        "turn_ended",
        "assistant",
    ]
    heads = [p["html"] for f in got for p in f.data["patches"] if p["id"] == f"turn-{turn}-head"]
    assert "cancelled" in heads[-1]


def test_who_missed_lines_that_went_by_age_gets_a_new_snapshot(page: Page) -> None:
    hive = page.hive
    turn = begin_turn(hive, "alice")
    rows = [say(hive, turn, f"line {number}") for number in range(6)]
    now = page.ask("GET", "/agent/alice").text.partition('data-at="')[2].partition('"')[0]
    before, last = (f"{now.rpartition('.')[0]}.{row}" for row in (rows[0], rows[2]))
    first = page.follow("/agent/alice/events", before)
    assert first.until(lambda one: True)[0].data["row"] == rows[1]
    transcript = open_transcript(hive, "alice")
    assert transcript
    with transcript, transcript.write():
        transcript.execute("DELETE FROM lines WHERE row <= ?", (rows[2],))
    assert page.follow("/agent/alice/events", before).until(lambda one: True)[0].kind == "reset"
    kept = page.follow("/agent/alice/events", last).until(
        lambda frame: frame.data.get("row") == rows[-1]
    )
    assert [frame.data["row"] for frame in kept] == rows[3:]


def test_a_new_agent_of_the_same_name_resets_its_page(page: Page) -> None:
    hive = page.hive
    say(hive, begin_turn(hive, "alice"), "of the first alice")
    since = page.ask("GET", "/agent/alice").text.partition('data-at="')[2].partition('"')[0]
    follower = page.follow("/agent/alice/events", since)
    with hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", clock.now())
        agents.remove(db, "alice")
    switching.make_room(hive, "alice")
    add(hive, "alice")
    bell.ring(hive.paths.bell, "events")
    assert any(f.kind == "reset" for f in follower.until(lambda frame: frame.kind == "reset"))


def test_the_streams_of_a_session_end_with_it(page: Page) -> None:
    follower = page.follow("/events?after=" + at(page.hive))
    mailing.send(page.hive, mailing.SHELL, "alice", "so that it follows")
    follower.until(lambda frame: True)
    assert page.ask("POST", "/logout", "").status == 303
    assert {frame.data["kind"] for frame in follower.frames()} <= {"session_ended"}
    assert page.ask("GET", "/").status == 401
    assert page.follow("/events").status == 401


def test_a_quiet_page_sleeps_and_leaves_cleanly(page: Page) -> None:
    follower = page.follow("/events?after=" + at(page.hive))
    until_idle(page.process.pid)
    assert page.kill(signal.SIGTERM) == 0
    assert list(follower.frames()) == []
    bells = Path(page.hive.paths.bell, "events")
    assert list(bells.iterdir()) == []


def test_the_snapshot_stands_for_its_seq(page: Page) -> None:
    sender = threading.Thread(target=send_many, args=(str(page.config), 150, "x"))
    sender.start()
    for _ in range(20):
        state = page.ask("GET", "/api/state").json
        sent = [row["id"] for row in state["messages"]]
        with Database(page.hive.paths.database) as db:
            told = db.value(
                "SELECT max(json_extract(payload, '$.id')) FROM events WHERE kind = 'sent' AND seq <= ?",
                state["seq"],
            )
        assert (sent[-1] if sent else None) == told
    sender.join()


def test_the_session_outlives_the_server(page: Page) -> None:
    page.kill()
    page.start()
    assert page.ask("GET", "/").status == 200
    secret = page.cookie.partition("=")[2]
    assert admitting.digest(secret) != secret
    stored = page.hive.db.all("SELECT * FROM web_sessions")
    assert len(stored) == 1 and secret not in map(str, stored[0])
