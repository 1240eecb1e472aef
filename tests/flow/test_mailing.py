"""The promises of mail: what is accepted, in which order it comes, what is done once."""

import json
import re

import pytest

from hivelib.base import bell
from hivelib.base.errors import Misuse, Refused
from hivelib.flow import continuing, mailing
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.store import agents, events, mail
from tests.support.residents import begin_turn, in_turn, settle_in, voice


def bodies(taken: dict[str, object]) -> list[str]:
    messages = taken["messages"]
    assert isinstance(messages, list)
    return [message["body"] for message in messages]


def kinds(hive: Hive) -> list[str]:
    return [row.kind for row in events.after(hive.db, 0)]


def pass_time(hive: Hive, seconds: float) -> None:
    """Makes every message so much older, instead of waiting."""
    with hive.db.write() as db:
        db.execute(
            "UPDATE messages SET sent_at = sent_at - ?1, not_before = max(0, not_before - ?1)",
            (seconds,),
        )


def test_each_lane_is_first_in_first_out_and_urgent_goes_first(hive: Hive) -> None:
    for number in range(3):
        mailing.send(hive, SHELL, "alice", f"normal {number}", lane="normal")
        mailing.send(hive, SHELL, "alice", f"urgent {number}", lane="urgent")
    taken = mailing.take(hive, in_turn(begin_turn(hive, "alice")), 32)
    assert bodies(taken) == [f"{lane} {n}" for lane in ("urgent", "normal") for n in range(3)]


def test_the_operator_is_urgent_unless_told_and_agents_are_normal(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "from the operator")
    mailing.send(hive, voice("bob"), "alice", "from bob")
    assert [message.lane for message in mail.peek(hive.db, "alice", 9)] == ["urgent", "normal"]


def test_a_send_is_a_row_and_an_event_of_one_commit_and_a_ring(hive: Hive) -> None:
    topics = ("mail.alice", "turn.alice", "events")
    with bell.listening(hive.paths.bell, *topics) as listeners:
        sent = mailing.send(hive, SHELL, "alice", "hello")
        assert all(listener.wait(0) for listener in listeners)
    row = events.latest(hive.db, 1)[0]
    assert (row.kind, row.subject, json.loads(row.payload)["id"]) == ("sent", "alice", sent.id)


def test_take_gives_no_more_than_asked_and_says_how_many_wait(hive: Hive) -> None:
    for number in range(5):
        mailing.send(hive, SHELL, "alice", str(number))
    caller = in_turn(begin_turn(hive, "alice"))
    taken = mailing.take(hive, caller, 2)
    assert (bodies(taken), taken["waiting"]) == (["0", "1"], 3)
    assert bodies(mailing.take(hive, caller, 32)) == ["2", "3", "4"]
    assert mailing.take(hive, caller, 1) == {"messages": [], "waiting": 0}


def test_take_of_the_urgent_lane_leaves_the_other(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "later", lane="normal")
    mailing.send(hive, SHELL, "alice", "now", lane="urgent")
    caller = in_turn(begin_turn(hive, "alice"))
    assert bodies(mailing.take(hive, caller, 32, lane="urgent")) == ["now"]
    assert bodies(mailing.take(hive, caller, 32, lane="urgent")) == []


def test_a_broadcast_is_one_row_each_and_receivers_see_that_it_was_one(hive: Hive) -> None:
    sent = mailing.send(hive, voice("alice"), "*", "all of you")
    assert sorted(sent.recipients) == ["bob", "manager"], "not to the sender, nor the operator"
    shares = {
        message.broadcast_id for name in sent.recipients for message in mail.peek(hive.db, name, 9)
    }
    assert shares == {sent.id}
    assert mail.peek(hive.db, "bob", 1)[0].public()["broadcast"] is True


def test_a_broadcast_to_one_is_a_message(hive: Hive) -> None:
    with hive.db.write() as db:
        agents.set_state(db, "manager", "destroyed", 0)
    mailing.send(hive, voice("alice"), "*", "you")
    assert mail.peek(hive.db, "bob", 1)[0].public()["broadcast"] is False


@pytest.mark.parametrize(
    ("name", "hint"),
    [("alcie", "alice"), ("operater", "operator"), ("managr", "manager"), ("zzz", "there are")],
)
def test_an_unknown_recipient_is_refused_with_the_nearest_names(
    hive: Hive, name: str, hint: str
) -> None:
    with pytest.raises(Refused) as refused:
        mailing.send(hive, SHELL, name, "hello")
    assert hint in refused.value.hint
    assert kinds(hive) == [], "nothing was done"


@pytest.mark.parametrize(
    "name", ["", "\ud800", "a\0b", "\x1b[2J", "x" * 100_000, "alice/x", "ALICE"]
)
def test_a_broken_recipient_is_refused_in_one_safe_line(hive: Hive, name: str) -> None:
    with pytest.raises(Refused) as refused:
        mailing.send(hive, SHELL, name, "hello")
    assert str(refused.value).isprintable() and len(str(refused.value)) < 300


def test_nobody_writes_to_a_destroyed_agent_or_to_themselves(hive: Hive) -> None:
    with hive.db.write() as db:
        agents.set_state(db, "bob", "destroyed", 0)
    for caller, to in ((SHELL, "bob"), (voice("alice"), "alice"), (SHELL, "operator")):
        with pytest.raises(Refused):
            mailing.send(hive, caller, to, "hello")


@pytest.mark.parametrize(
    "body", ["", " \n\t ", "x" * 101, "ä" * 51, "nul \0 in it", "surrogate \udcff"]
)
def test_a_body_that_does_not_fit_is_refused_with_a_way_out(hive: Hive, body: str) -> None:
    with pytest.raises(Refused) as refused:
        mailing.send(hive, SHELL, "alice", body)
    assert refused.value.hint and str(refused.value).isprintable()
    assert kinds(hive) == []


def test_a_body_of_exactly_the_limit_in_bytes_fits(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "ä" * 50)
    assert mail.peek(hive.db, "alice", 1)[0].body == "ä" * 50


def test_an_unknown_lane_or_message_to_answer_is_refused(hive: Hive) -> None:
    with pytest.raises(Misuse, match="lanes are normal and urgent"):
        mailing.send(hive, SHELL, "alice", "hello", lane="express")
    with pytest.raises(Refused, match="no message 77"):
        mailing.send(hive, SHELL, "alice", "hello", in_reply_to=77)


@pytest.mark.parametrize("label", ["", "a/b", "operator\n", "\x1b[1m", "x" * 33])
def test_a_label_cannot_look_like_somebody_else(hive: Hive, label: str) -> None:
    with pytest.raises(Misuse):
        continuing.wake(hive, voice("alice"), label, "hello")


def test_a_wake_goes_to_the_own_inbox_and_is_seen_as_a_script_of_ones_own(hive: Hive) -> None:
    continuing.wake(hive, voice("alice"), "operator", "wake up")
    assert mail.peek(hive.db, "alice", 1)[0].sender == "alice/operator"


def test_the_allow_list_holds_for_agents_but_not_towards_the_manager(hive: Hive) -> None:
    settle_in(hive, "carol", config='{"allowed_recipients": ["bob"]}')
    carol = voice("carol")
    mailing.send(hive, carol, "bob", "allowed")
    mailing.send(hive, carol, "manager", "always allowed")
    for to in ("alice", "operator", "*"):
        with pytest.raises(Refused, match="allowed: bob, manager"):
            mailing.send(hive, carol, to, "not allowed")


def test_an_empty_allow_list_allows_all(hive: Hive) -> None:
    settle_in(hive, "carol", config='{"allowed_recipients": []}')
    mailing.send(hive, voice("carol"), "alice", "hello")


def fill_pair(hive: Hive) -> None:
    for place in range(4):
        sender, to = ("alice", "bob") if place % 2 else ("bob", "alice")
        mailing.send(hive, voice(sender), to, f"message {place}")


def test_a_pair_that_talks_too_much_is_stopped_both_ways_and_told_when_to_go_on(hive: Hive) -> None:
    fill_pair(hive)
    for sender, to in (("alice", "bob"), ("bob", "alice")):
        with pytest.raises(Refused) as refused:
            mailing.send(hive, voice(sender), to, "one too many")
        match = re.search(r"try again in (\d+) s", refused.value.hint)
        assert match and 50 <= int(match.group(1)) <= 60
    assert kinds(hive).count("dampened") == 1, "the operator is told once while it lasts"
    assert kinds(hive).count("warning_raised") == 1
    assert hive.db.value("SELECT count(*) FROM messages") == 4


def test_the_damper_lets_go_when_the_minute_is_over(hive: Hive) -> None:
    fill_pair(hive)
    pass_time(hive, 61)
    mailing.send(hive, voice("alice"), "bob", "later")


def test_the_damper_looks_at_pairs_of_agents_only(hive: Hive) -> None:
    fill_pair(hive)
    mailing.send(hive, voice("alice"), "manager", "another pair")
    for place in range(10):
        mailing.send(hive, SHELL, "alice", f"operator {place}")
        mailing.send(hive, voice("alice"), "operator", f"answer {place}")


def test_a_broadcast_cannot_go_round_the_damper(hive: Hive) -> None:
    fill_pair(hive)
    with pytest.raises(Refused, match="too many messages"):
        mailing.send(hive, voice("alice"), "*", "one too many")
    assert mail.peek(hive.db, "manager", 9) == [], "all of it or nothing"


def test_the_operators_inbox_is_shown_first_and_marked_after(hive: Hive) -> None:
    sent = mailing.send(hive, voice("alice"), "operator", "done").id
    assert [message.id for message in mailing.inbox(hive, "operator")] == [sent]
    assert [message.id for message in mailing.inbox(hive, "operator")] == [sent], "nothing taken"
    mailing.mark_read(hive, [sent])
    assert mailing.inbox(hive, "operator") == []
    assert kinds(hive)[-1] == "acked"


def test_only_a_dead_letter_comes_back_and_once(hive: Hive) -> None:
    sent = mailing.send(hive, SHELL, "alice", "mail").id
    with hive.db.write() as db:
        mail.bury(db, sent, 4)
    with bell.listening(hive.paths.bell, "turn.alice") as (listener,):
        assert mailing.redeliver(hive, sent) is True
        assert listener.wait(0)
    assert mailing.redeliver(hive, sent) is False, "it is there already"
    taken = mailing.take(hive, in_turn(begin_turn(hive, "alice")), 1)["messages"]
    assert taken[0]["redelivered"] is True
    with pytest.raises(Refused, match="is claimed, not dead"):
        mailing.redeliver(hive, sent)
    with pytest.raises(Refused, match="no message 99"):
        mailing.redeliver(hive, 99)


def test_a_dead_letter_to_nobody_stays_dead(hive: Hive) -> None:
    sent = mailing.send(hive, SHELL, "alice", "mail").id
    with hive.db.write() as db:
        mail.bury(db, sent, 4)
        agents.set_state(db, "alice", "destroyed", 0)
    with pytest.raises(Refused, match="does not exist any more"):
        mailing.redeliver(hive, sent)
