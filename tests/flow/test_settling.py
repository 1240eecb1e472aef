"""The promises of a turn's end: acked by success alone, back with a growing pause, dead in the end, nobody untold."""

import pytest

from hivelib.base import bell, clock
from hivelib.flow import mailing, settling
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.flow.settling import Outcome
from hivelib.model.records import Message
from hivelib.store import agents, events, mail, turns, warnings
from tests.support.residents import begin_turn, in_turn


def one(hive: Hive, number: int) -> Message:
    found = mail.get(hive.db, number)
    assert found
    return found


def turn_of(hive: Hive, outcome: Outcome, name: str = "alice") -> None:
    """A turn that takes all that is due, postponed mail too, and ends like that."""
    with hive.db.write() as db:
        db.execute("UPDATE messages SET not_before = 0")
    turn = begin_turn(hive, name)
    mailing.take(hive, in_turn(turn), 32)
    assert settling.end_turn(hive, turn, outcome)


def told(hive: Hive) -> list[str]:
    return [message.body for message in mail.peek(hive.db, "operator", 9)]


def test_a_turn_that_ended_well_acks_what_it_held_and_nothing_else(hive: Hive) -> None:
    held, other = (mailing.send(hive, SHELL, name, "x").id for name in ("alice", "bob"))
    turn_of(hive, Outcome("ok", "done"))
    assert (one(hive, held).state, one(hive, other).state) == ("acked", "queued")
    assert [row.kind for row in events.after(hive.db, 0)][-2:] == ["acked", "turn_ended"]


@pytest.mark.parametrize("outcome", ["failed", "lost", "cancelled", "prompt_too_long"])
def test_a_turn_that_ended_badly_gives_its_mail_back_later_and_later(
    hive: Hive, outcome: str
) -> None:
    sent = mailing.send(hive, SHELL, "alice", "x").id
    for place, pause in enumerate((100, 200, 350), 1):
        before = clock.now()
        turn_of(hive, Outcome(outcome, "no luck"))
        message = one(hive, sent)
        assert (message.state, message.deliveries, message.claimed_by) == ("queued", place, None)
        assert pause <= message.not_before - before < pause + 5
    assert message.redelivered


def test_mail_that_waits_for_its_pause_is_not_taken(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "x")
    turn_of(hive, Outcome("failed", ""))
    taken = mailing.take(hive, in_turn(begin_turn(hive, "alice")), 9)
    assert taken == {"messages": [], "waiting": 0}


def test_after_the_last_delivery_it_is_dead_kept_and_the_operator_told(hive: Hive) -> None:
    sent = mailing.send(hive, SHELL, "alice", "poison").id
    for _ in range(4):
        turn_of(hive, Outcome("failed", "it breaks"))
    assert (one(hive, sent).state, one(hive, sent).body) == ("dead", "poison")
    assert len(told(hive)) == 1 and f"hive-redeliver {sent}" in told(hive)[0]
    assert [name for name, *_ in warnings.standing(hive.db)] == [f"dead:{sent}"]
    turn = begin_turn(hive, "alice")
    assert mailing.take(hive, in_turn(turn), 9)["messages"] == []


def test_a_dead_letter_that_came_back_takes_its_warning_along(hive: Hive) -> None:
    sent = mailing.send(hive, SHELL, "alice", "poison").id
    for _ in range(4):
        turn_of(hive, Outcome("failed", "it breaks"))
    mailing.redeliver(hive, sent)
    assert warnings.standing(hive.db) == []
    assert [row.kind for row in events.latest(hive.db, 2)] == ["redelivered", "warning_cleared"]


def test_one_poisonous_message_does_not_kill_its_neighbours(hive: Hive) -> None:
    old = mailing.send(hive, SHELL, "alice", "poison").id
    for _ in range(3):
        turn_of(hive, Outcome("failed", ""))
    young = mailing.send(hive, SHELL, "alice", "fresh").id
    turn_of(hive, Outcome("failed", ""))
    assert (one(hive, old).state, one(hive, young).state) == ("dead", "queued")


@pytest.mark.parametrize("outcome", ["rate_limited", "auth_failed"])
def test_what_is_not_the_mails_fault_parks_the_agent_and_costs_no_delivery(
    hive: Hive, outcome: str
) -> None:
    sent = mailing.send(hive, SHELL, "alice", "x").id
    until = clock.now() + 500
    turn_of(hive, Outcome(outcome, "come back", until=until))
    message, alice = one(hive, sent), agents.get(hive.db, "alice")
    assert (message.state, message.deliveries, message.not_before) == ("queued", 0, 0)
    assert alice and (alice.parked_kind, alice.parked_until) == (outcome, until)
    assert alice.needs_login == (outcome == "auth_failed")
    assert len(told(hive)) == 1 and "alice is parked" in told(hive)[0]


def test_a_login_that_works_again_is_news_once(hive: Hive) -> None:
    turn_of(hive, Outcome("auth_failed", "401"))
    settling.unpark(hive, "alice", "operator")
    for _ in range(2):
        turn_of(hive, Outcome("ok", ""))
    assert [row.kind for row in events.after(hive.db, 0)].count("logged_in") == 1


def test_unparking_rings_the_agent_and_is_done_once(hive: Hive) -> None:
    turn_of(hive, Outcome("rate_limited", "", until=clock.now() + 500))
    with bell.listening(hive.paths.bell, "turn.alice") as (listener,):
        assert settling.unpark(hive, "alice", "operator") is True
        assert listener.wait(0)
        assert settling.unpark(hive, "alice", "operator") is False
        assert not listener.wait(0)


def test_a_turn_ends_once(hive: Hive) -> None:
    sent = mailing.send(hive, SHELL, "alice", "x").id
    turn = begin_turn(hive, "alice")
    mailing.take(hive, in_turn(turn), 1)
    assert settling.end_turn(hive, turn, Outcome("ok", "")) is True
    seq = events.last_seq(hive.db)
    assert settling.end_turn(hive, turn, Outcome("lost", "too late")) is False
    assert (one(hive, sent).state, events.last_seq(hive.db)) == ("acked", seq)
    ended = turns.get(hive.db, turn.id)
    assert ended and ended.outcome == "ok"


def test_a_turn_keeps_what_it_used(hive: Hive) -> None:
    turn = begin_turn(hive, "alice")
    figures = {"cost_usd": 0.5, "input_tokens": 10, "output_tokens": 3}
    settling.end_turn(hive, turn, Outcome("ok", "", figures=figures))
    ended = turns.get(hive.db, turn.id)
    assert ended and (ended.cost_usd, ended.input_tokens, ended.output_tokens) == (0.5, 10, 3)
    assert "usage_recorded" in [row.kind for row in events.after(hive.db, 0)]


def test_the_end_of_a_turn_rings_who_waits_for_it(hive: Hive) -> None:
    turn = begin_turn(hive, "alice")
    with bell.listening(hive.paths.bell, "broker", "events", "agent.alice") as listeners:
        settling.end_turn(hive, turn, Outcome("failed", "x"))
        assert all(listener.wait(0) for listener in listeners)
