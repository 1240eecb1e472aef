"""The operator away from the screen is told: together, not too often, by each service on its own, and nothing twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hivelib.base import bell, clock
from hivelib.flow import mailing, notifying
from hivelib.flow.notifying import Teller
from hivelib.flow.opening import Hive
from hivelib.model.changes import ApprovalPending
from hivelib.model.timely import QuestionAsked
from hivelib.store import events, told, warnings
from tests.support.receiver import Receiver, receiving, telling
from tests.support.residents import voice
from tests.support.waiting import SECONDS


@pytest.fixture
def service() -> Iterator[Receiver]:
    """A service that takes what is sent to it."""
    with receiving() as receiver:
        yield receiver


@contextmanager
def teller(hive: Hive) -> Iterator[Teller]:
    """What hive-notify is, as long as it runs."""
    with bell.Listener(hive.paths.bell, "events") as listener:
        yield Teller(hive, listener)


def until(one: Teller, fact: Callable[[], object]) -> None:
    """Does what `serve` does until something is true."""
    deadline = clock.monotonic() + SECONDS
    while True:
        one.look()
        one.tell()
        if fact():
            return
        assert clock.monotonic() < deadline, "it does not come"
        one.listener.wait(min(one.pause(), 1.0))


def idle(one: Teller) -> bool:
    """Whether nothing is left to tell."""
    return not any(stream.pile or stream.sending for stream in one.streams.values())


def approval(hive: Hive, number: int) -> None:
    """Something waits for the operator's decision."""
    with hive.db.write() as db:
        subject = f"approval:{number}"
        events.record(db, ApprovalPending(subject, id=number, agent="bob", sha="0" * 40))
    bell.ring(hive.paths.bell, "events")


def ask(hive: Hive, words: str) -> None:
    """Somebody asks the operator something."""
    said = {"id": 3, "asker": "bob", "target": "operator", "question": words, "options": []}
    with hive.db.write() as db:
        events.record(db, QuestionAsked("bob", **said, multi=False, deadline_at=None))


def standing(hive: Hive) -> list[str]:
    return [name for name, *_ in warnings.standing(hive.db)]


def test_what_comes_together_is_told_once_and_never_again(hive: Hive, service: Receiver) -> None:
    approval(hive, 11)  # before anybody was to be told
    hive = telling(hive, service.url("token"))
    with teller(hive) as one:
        one.look()
        assert idle(one), "the first start begins at now"
        for number in (12, 13):
            approval(hive, number)
        mailing.send(hive, voice("alice"), "operator", "the password is hunter2")
        until(one, lambda: service.got and idle(one))
    (message,) = service.got
    assert message["title"] == "hyperhive: 2 approvals, 1 message"
    assert message["message"].splitlines() == [
        "approval 12 about bob waits",
        "approval 13 about bob waits",
        "message 1 from alice",
        f"http://127.0.0.1:{hive.settings.web.port}/",
    ]
    assert "hunter2" not in str(message) and "token" not in str(message)
    assert "hunter2" not in str(hive.db.all("SELECT * FROM facts"))
    assert "secret-word" not in str(hive.db.all("SELECT * FROM facts")), "an address is a secret"
    with hive.db.write() as db:
        events.new_epoch(db)  # restored from a copy, or the machine was off
    with teller(hive) as one:
        one.look()
        assert idle(one), "a restart repeats nothing"
    approval(hive, 14)  # while it does not run
    with teller(hive) as one:
        one.look()
        (stream,) = one.streams.values()
        assert stream.pile.counts["approval"] == 1, "and loses nothing"


def test_a_group_waits_for_its_seconds_from_the_first(hive: Hive, service: Receiver) -> None:
    with teller(telling(hive, service.url(), group_seconds=50.0)) as one:
        approval(hive, 1)
        one.look()
        one.tell()
        assert 45 < one.pause() <= 50
        approval(hive, 2)
        one.look()
        (stream,) = one.streams.values()
        stream.found_at -= 50.0
        assert one.pause() == 0.0
        assert one.letter(stream.pile).title == "hyperhive: 2 approvals"


def test_others_words_go_along_only_if_the_operator_wants_them(hive: Hive) -> None:
    hive = telling(hive, "json://127.0.0.1:1", bodies=True)
    with teller(hive) as one:
        ask(hive, "may I?\x1b[2J\n\u202eevil" + "x" * 1000)
        mailing.send(hive, voice("alice"), "operator", "a\nb")
        one.look()
        (stream,) = one.streams.values()
        question, message, _ = one.letter(stream.pile).body.split("\n")
    assert question.startswith("question 3 from bob waits: may I?\\x1b[2J\\n\\u202eevilxxx")
    assert question.endswith("x…") and len(question) < 240
    assert message == "message 1 from alice: a\\nb"


def test_a_broken_row_hides_no_other(hive: Hive) -> None:
    with teller(telling(hive, "json://127.0.0.1:1")) as one:
        with hive.db.write() as db:
            for payload in ("{", "[]", "{}", '{"id": "x", "agent": 3}'):
                values = (0.0, "approval_pending", "x", payload)
                db.execute(
                    "INSERT INTO events(at, kind, subject, payload) VALUES(?, ?, ?, ?)", values
                )
        approval(hive, 7)
        one.look()
        (stream,) = one.streams.values()
        assert stream.pile.counts["approval"] == 1


def test_more_than_so_many_an_hour_are_summed_up(hive: Hive, service: Receiver) -> None:
    hive = telling(hive, service.url(), per_hour=2)
    with teller(hive) as one:
        (stream,) = one.streams.values()
        now = clock.now()
        stream.told = stream.told._replace(sent=(now - 7200, now - 3000, now - 10, now + 9000))
        for number in range(1, 48):
            approval(hive, number)
        one.look()
        one.tell()
        assert not stream.sending
        assert 590 < stream.due_in(0.0, 2) <= 600, "until the older of the two is an hour ago"
        stream.told = stream.told._replace(sent=(now - 3601, now - 10))
        until(one, lambda: service.got and idle(one))
        assert "and 37 more" in service.bodies[0].splitlines()
        known = told.read(hive.db, stream.address.key)
        assert known and len(known.sent) == 2, "remembered, also for a restart"


def test_a_service_that_hangs_holds_up_no_other(
    hive: Hive, service: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "SEND_SECONDS", 2.0)
    with receiving() as stuck:
        stuck.answers.clear()
        hive = telling(hive, stuck.url(), service.url())
        with teller(hive) as one:
            hanging, good = one.streams.values()
            approval(hive, 1)
            until(one, lambda: not good.pile)
            assert hanging.sending and service.bodies[0].startswith("approval 1 ")
            approval(hive, 2)
            until(one, lambda: not good.pile and len(service.got) == 2)
            until(one, lambda: not hanging.sending)
            assert hanging.failures == 1 and hanging.due_in(0.0, 20) > 5
            assert not stuck.got
            one.look()
            assert hanging.pile.counts["approval"] == 2, "what it missed is kept"


def test_a_service_that_fails_is_tried_again_and_warned_of(
    hive: Hive,
    service: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(notifying, "PAUSE_FIRST", 0.0)
    service.status = 500
    hive = telling(hive, service.url())
    with teller(hive) as one:
        approval(hive, 1)
        until(one, lambda: standing(hive))
        assert standing(hive) == ["notify"] and service.asked == notifying.FAILURES
        (why,) = [why for _, _, why, _ in warnings.standing(hive.db)]
        assert "line 3, json://user:****@127.0.0.1" in why
        assert "secret-word" not in why + capsys.readouterr().err
        service.status = 200
        until(one, lambda: idle(one))
    assert standing(hive) == [], "it is over"
    assert service.bodies[0].startswith("approval 1 about bob waits\n")


def test_a_new_address_begins_at_now_and_one_that_is_gone_is_forgotten(hive: Hive) -> None:
    hive = telling(hive, "json://127.0.0.1:1", "json://127.0.0.1:2")
    with teller(hive) as one:
        gone = next(iter(one.streams))
    with hive.db.write() as db:
        warnings.raise_once(db, "notify", "the first fails", "", 0.0)
    approval(hive, 1)
    hive = telling(hive, "json://127.0.0.1:2", "json://127.0.0.1:3", "json://127.0.0.1:3")
    with teller(hive) as one:
        one.look()
        assert [bool(stream.pile) for stream in one.streams.values()] == [True, False]
    assert standing(hive) == []
    assert told.keys(hive.db) == set(one.streams) and gone not in one.streams


def test_reading_much_that_is_nothing_to_tell_is_remembered_now_and_then(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "_KEPT_EVERY", 3)
    with teller(telling(hive, "json://127.0.0.1:1")) as one:
        for _ in range(4):
            mailing.send(hive, mailing.SHELL, "bob", "x")
        one.look()
        (key,) = one.streams
        known = told.read(hive.db, key)
        assert known and known.seq == events.last_seq(hive.db)


def test_a_file_that_is_just_being_written_is_looked_at_again(
    hive: Hive, service: Receiver
) -> None:
    hive = telling(hive, service.url())
    path = Path(hive.settings.notify.urls_file)
    with teller(hive) as one:
        (stream,) = one.streams.values()
        approval(hive, 1)
        path.write_text("")
        until(one, lambda: standing(hive) == ["notify:settings"])
        assert not stream.sending and 50 < one.pause() <= 60
        path.write_text(f"{service.url()}\n")
        stream.not_before = 0.0
        until(one, lambda: service.got and standing(hive) == [])
