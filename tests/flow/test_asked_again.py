"""What is asked twice is done once: keys, calls whose answer was lost, claims that never arrived, zombie turns."""

import threading

import pytest

from hivelib.base import bell
from hivelib.base.db import Database
from hivelib.base.errors import Refused
from hivelib.flow import mailing, settling
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.flow.settling import Outcome
from hivelib.model.records import Caller
from hivelib.store import mail
from tests.support.residents import asked, begin_turn, in_turn, voice


def test_the_same_key_sends_once_and_each_sender_has_keys_of_their_own(hive: Hive) -> None:
    first = mailing.send(hive, SHELL, "alice", "once", key="k")
    again = mailing.send(hive, SHELL, "alice", "another body", key="k")
    assert (again.id, again.already, first.already) == (first.id, True, False)
    assert mailing.send(hive, voice("bob"), "alice", "bob's", key="k").id != first.id
    assert [message.body for message in mail.peek(hive.db, "alice", 9)] == ["once", "bob's"]


def test_a_key_used_by_many_at_once_sends_once(hive: Hive) -> None:
    given: list[int] = []

    def send() -> None:
        with Database(hive.paths.database) as db:
            given.append(mailing.send(hive._replace(db=db), SHELL, "alice", "x", key="k").id)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == 1 and len(given) == 8
    assert len(mail.peek(hive.db, "alice", 9)) == 1


def test_a_send_asked_again_gives_the_first_answer_and_sends_once(hive: Hive) -> None:
    turn = begin_turn(hive, "alice")
    first = mailing.send(hive, in_turn(turn), "bob", "once", request=asked(turn))
    again = mailing.send(hive, in_turn(turn), "bob", "once", request=asked(turn))
    assert (again.id, again.recipients, again.already) == (first.id, first.recipients, True)
    assert len(mail.peek(hive.db, "bob", 9)) == 1
    other = mailing.send(hive, in_turn(turn), "bob", "once", request=asked(turn, "2"))
    assert other.id != first.id, "another call is another message"


def test_a_take_asked_again_gives_the_same_messages_and_takes_no_more(hive: Hive) -> None:
    for body in ("one", "two"):
        mailing.send(hive, SHELL, "alice", body)
    turn = begin_turn(hive, "alice")
    first = mailing.take(hive, in_turn(turn), 1, request=asked(turn))
    assert mailing.take(hive, in_turn(turn), 1, request=asked(turn)) == first
    assert mailing.take(hive, in_turn(turn), 1, request=asked(turn, nonce="1" * 32)) != first


def test_a_claim_whose_answer_never_arrived_is_not_acked(hive: Hive) -> None:
    for body in ("arrived", "lost on the way"):
        mailing.send(hive, SHELL, "alice", body)
    turn = begin_turn(hive, "alice")
    mailing.take(hive, in_turn(turn), 1, request=asked(turn, "1"))
    mailing.take(hive, in_turn(turn), 1, request=asked(turn, "2"))
    assert mailing.confirm(hive, asked(turn, "1")) is True
    assert mailing.confirm(hive, asked(turn, "3")) is False, "there was no such call"
    settling.end_turn(hive, turn, Outcome("ok", ""))
    rows = hive.db.all("SELECT body, state, deliveries FROM messages ORDER BY id")
    assert rows == [("arrived", "acked", 0), ("lost on the way", "queued", 0)]


def test_no_turn_that_has_ended_may_send_or_take(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "mail")
    turn = begin_turn(hive, "alice")
    settling.end_turn(hive, turn, Outcome("ok", ""))
    with pytest.raises(Refused, match="not running any more"):
        mailing.take(hive, in_turn(turn), 1)
    with pytest.raises(Refused, match="not running any more"):
        mailing.send(hive, in_turn(turn), "bob", "zombie")


def test_no_turn_of_another_agent_may_be_named(hive: Hive) -> None:
    turn = begin_turn(hive, "alice")
    with pytest.raises(Refused, match="not running any more"):
        mailing.take(hive, Caller("bob", "agent", "mcp", turn.id), 1)


def test_the_same_key_rings_again_for_a_sender_that_died_before_its_ring(hive: Hive) -> None:
    first = mailing.send(hive, mailing.SHELL, "*", "look", key="k")
    with bell.Listener(hive.paths.bell, f"turn.{first.recipients[0]}") as listener:
        again = mailing.send(hive, mailing.SHELL, "*", "look", key="k")
        assert again == first._replace(already=True)
        assert listener.wait(0)
