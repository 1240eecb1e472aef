"""The promises of questions: who may ask and answer, what comes back, that it comes back once."""

import json
from typing import Any

import pytest

from hivelib.base import bell, clock
from hivelib.base.errors import HiveError, Misuse, NotNow, Refused
from hivelib.flow import asking, loose_ends, mailing, settling
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Broken, Caller, Question
from hivelib.store import agents, events, mail, questions
from tests.support.residents import asked, begin_turn, in_turn, settle_in, voice

MANAGER = Caller("manager", "manager", "mcp")


def inbox(hive: Hive, name: str) -> list[dict[str, Any]]:
    """What waits for somebody, as the hive told it."""
    found = mail.peek(hive.db, name, 99)
    assert {message.sender for message in found} <= {"system"}
    return [json.loads(message.body) for message in found]


def answers(hive: Hive, name: str) -> list[tuple[int, str, str]]:
    """Each answer that somebody was told of."""
    told = [one for one in inbox(hive, name) if one["event"] == "question_answered"]
    assert all(one.keys() == {"event", "id", "question", "answer", "answerer"} for one in told), (
        told
    )
    return [(one["id"], one["answer"], one["answerer"]) for one in told]


def kinds(hive: Hive, number: int) -> list[str]:
    """The events of a question."""
    return [row.kind for row in events.after(hive.db, 0) if row.subject == f"question:{number}"]


def spoil(hive: Hive, number: int, **columns: Any) -> None:
    with hive.db.write() as db:
        for name, value in columns.items():
            db.execute(f"UPDATE questions SET {name} = ? WHERE id = ?", (value, number))


def destroy(hive: Hive, name: str) -> list[str]:
    """As the job does, without a box."""
    with hive.db.write() as db:
        agents.set_state(db, name, "destroyed", clock.now())
        return asking.end_for(hive, db, name, "operator")


def test_a_question_to_the_operator_is_a_row_and_an_event_and_an_answer_comes_back(
    hive: Hive,
) -> None:
    with bell.listening(hive.paths.bell, "events", "turn.alice") as (all_events, alice):
        one = asking.ask(hive, voice("alice"), "Which?", options=["a", "b"])
        assert all_events.wait(0) and not alice.wait(0)
        assert asking.open_questions(hive) == [one] and one.target == "operator"
        assert (inbox(hive, "operator"), inbox(hive, "alice")) == ([], [])
        done = asking.answer(hive, SHELL, one.id, "neither")
        assert alice.wait(0), "it wakes who asked"
    assert (done.state, done.answer, done.answerer) == ("answered", "neither", "operator")
    assert answers(hive, "alice") == [(one.id, "neither", "operator")]
    assert mail.peek(hive.db, "alice", 1)[0].lane == "urgent", "as all that the operator says"
    assert kinds(hive, one.id) == ["question_asked", "question_answered"]
    assert asking.open_questions(hive) == []
    assert asking.recent(hive, 9) == [done]


def test_a_question_to_a_peer_is_in_its_inbox_with_all_that_is_asked(hive: Hive) -> None:
    long = "x" * 100
    with bell.listening(hive.paths.bell, "turn.bob") as (bob,):
        one = asking.ask(
            hive, voice("alice"), long, options=["y" * 200] * 20, multi=True, ttl=50, to="bob"
        )
        assert bob.wait(0)
    [told] = inbox(hive, "bob")
    assert told == {
        "event": "question_asked",
        "id": one.id,
        "asker": "alice",
        "question": long,
        "options": ["y" * 200] * 20,
        "multi": True,
        "deadline_at": one.deadline_at,
    }
    asking.answer(hive, voice("bob"), one.id, ["y" * 20, "z"])
    assert answers(hive, "alice") == [(one.id, "y" * 20 + ", z", "bob")]


def test_the_operator_asks_an_agent_and_has_the_answer_as_mail(hive: Hive) -> None:
    one = asking.ask(hive, SHELL, "How far?", to="alice")
    assert [told["asker"] for told in inbox(hive, "alice")] == ["operator"]
    asking.answer(hive, voice("alice"), one.id, "done")
    assert answers(hive, "operator") == [(one.id, "done", "alice")]


def test_an_answer_at_the_limit_is_never_cut(hive: Hive) -> None:
    for text in ("a" * 100, "\x01" * 100, "ä" * 50, '"' * 100):
        one = asking.ask(hive, voice("alice"), "q" * 100)
        asking.answer(hive, SHELL, one.id, text)
        assert answers(hive, "alice")[-1] == (one.id, text, "operator")


@pytest.mark.parametrize("text", ["", " \n", "x" * 101, "nul \0", "\udcff"])
def test_what_does_not_fit_is_refused_and_changes_nothing(hive: Hive, text: str) -> None:
    with pytest.raises(Refused):
        asking.ask(hive, voice("alice"), text)
    one = asking.ask(hive, voice("alice"), "Which?")
    with pytest.raises(Refused):
        asking.answer(hive, SHELL, one.id, text)
    assert asking.open_questions(hive) == [one]


@pytest.mark.parametrize(
    ("to", "said"),
    [("alice", "yourself"), ("*", "goes to one"), ("bbo", "no agent"), ("self", "no agent")],
)
def test_whom_one_cannot_ask(hive: Hive, to: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        asking.ask(hive, voice("alice"), "Which?", to=to)
    with pytest.raises(Refused, match="yourself"):
        asking.ask(hive, SHELL, "Which?")
    assert asking.recent(hive, 9) == []


def test_the_allow_list_says_whom_one_asks_but_an_answer_is_always_allowed(hive: Hive) -> None:
    settle_in(hive, "carol", config='{"allowed_recipients": ["bob"]}')
    for to in (None, "alice"):
        with pytest.raises(Refused, match="allowed: bob, manager"):
            asking.ask(hive, voice("carol"), "Which?", to=to)
    asking.ask(hive, voice("carol"), "Which?", to="bob")
    asking.ask(hive, voice("carol"), "Which?", to="manager")
    one = asking.ask(hive, voice("alice"), "Which?", to="carol")
    asking.answer(hive, voice("carol"), one.id, "this")
    assert answers(hive, "alice") == [(one.id, "this", "carol")]


def test_each_asker_has_so_many_open(hive: Hive) -> None:
    most = hive.settings.questions.open_most
    first, *_ = (asking.ask(hive, voice("alice"), str(n)) for n in range(most))
    with pytest.raises(Refused, match=f"{most} of your questions are open"):
        asking.ask(hive, voice("alice"), "one more")
    asking.ask(hive, voice("bob"), "another's")
    asking.answer(hive, SHELL, first.id, "yes")
    asking.ask(hive, voice("alice"), "one more")


def test_two_agents_cannot_ask_each_other_without_end(hive: Hive) -> None:
    """Neither by taking each back nor beside their mail."""
    mailing.send(hive, voice("alice"), "bob", "x")
    for n in range(3):
        who, to = ("alice", "bob") if n % 2 else ("bob", "alice")
        one = asking.ask(hive, voice(who), "Which?", to=to)
        asking.cancel(hive, voice(who), one.id)
    with pytest.raises(Refused, match="too many messages"):
        asking.ask(hive, voice("alice"), "Which?", to="bob")
    asking.ask(hive, voice("alice"), "Which?", to="manager")


def test_several_answers_are_joined_where_several_were_asked_for(hive: Hive) -> None:
    one = asking.ask(hive, voice("alice"), "Which?", options=["a", "b"])
    with pytest.raises(Misuse, match="takes one answer"):
        asking.answer(hive, SHELL, one.id, ["a", "b"])
    asking.answer(hive, SHELL, one.id, ["a"])
    two = asking.ask(hive, voice("alice"), "Which?", multi=True)
    asking.answer(hive, SHELL, two.id, ["a", "b"])
    assert [answer for _, answer, _ in answers(hive, "alice")] == ["a", "a, b"]


def test_only_whom_was_asked_answers_and_the_operator_for_a_peer(hive: Hive) -> None:
    to_operator = asking.ask(hive, voice("alice"), "Which?")
    to_bob = asking.ask(hive, voice("alice"), "Which?", to="bob")
    for one, callers in (
        (to_operator, (voice("alice"), voice("bob"), MANAGER)),
        (to_bob, (voice("alice"), MANAGER)),
    ):
        for caller in callers:
            with pytest.raises(Refused, match="not yours to answer"):
                asking.answer(hive, caller, one.id, "yes")
    asking.answer(hive, SHELL, to_bob.id, "instead of bob")
    with pytest.raises(Refused, match="was answered by ‘operator’"):
        asking.answer(hive, voice("bob"), to_bob.id, "too late")
    assert answers(hive, "alice") == [(to_bob.id, "instead of bob", "operator")]
    with pytest.raises(Refused, match="no question 99"):
        asking.answer(hive, SHELL, 99, "yes")


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        (SHELL, ("[cancelled]", "operator")),
        (MANAGER, ("[cancelled by manager]", "manager")),
        (voice("alice"), ("[cancelled by alice]", "alice")),
    ],
)
def test_who_may_cancel_and_what_comes_back(
    hive: Hive, caller: Caller, words: tuple[str, str]
) -> None:
    one = asking.ask(hive, voice("alice"), "Which?", to="bob")
    with pytest.raises(Refused, match="not yours"):
        asking.cancel(hive, voice("bob"), one.id)
    done = asking.cancel(hive, caller, one.id)
    assert isinstance(done, Question) and done.state == "cancelled"
    assert answers(hive, "alice") == [(one.id, *words)]
    assert kinds(hive, one.id) == ["question_asked", "question_cancelled"]
    with pytest.raises(Refused, match=f"was cancelled by ‘{words[1]}’"):
        asking.answer(hive, voice("bob"), one.id, "too late")
    with pytest.raises(Refused, match="was cancelled"):
        asking.cancel(hive, caller, one.id)
    assert asking.is_so(hive, one.id, "cancelled") and not asking.is_so(hive, one.id, "answered")


def test_the_same_request_again_is_the_same(hive: Hive) -> None:
    alice, bob = begin_turn(hive, "alice"), begin_turn(hive, "bob")
    ask = [asking.ask(hive, in_turn(alice), "Which?", to="bob", request=asked(alice)) for _ in "ab"]
    assert ask[0] == ask[1] and len(inbox(hive, "bob")) == 1
    done = [asking.answer(hive, in_turn(bob), ask[0].id, "this", request=asked(bob)) for _ in "ab"]
    assert done[0] == done[1] and len(answers(hive, "alice")) == 1
    with pytest.raises(Refused, match="was answered by ‘bob’"):
        asking.answer(hive, in_turn(bob), ask[0].id, "this", request=asked(bob, "2"))
    two = asking.ask(hive, in_turn(alice), "Which?", request=asked(alice, "2"))
    over = [asking.cancel(hive, in_turn(alice), two.id, request=asked(alice, "3")) for _ in "ab"]
    assert over[0] == over[1] and len(answers(hive, "alice")) == 2


def test_no_turn_that_has_ended_asks_answers_or_cancels(hive: Hive) -> None:
    one = asking.ask(hive, SHELL, "Which?", to="alice")
    turn = begin_turn(hive, "alice")
    settling.end_turn(hive, turn, settling.Outcome("ok", ""))
    for attempt in (
        lambda: asking.ask(hive, in_turn(turn), "Which?"),
        lambda: asking.answer(hive, in_turn(turn), one.id, "this"),
        lambda: asking.cancel(hive, in_turn(turn), one.id),
    ):
        with pytest.raises(Refused, match="not running any more"):
            attempt()
    assert asking.open_questions(hive) == [one]


def test_what_is_over_in_time_is_told_once_and_what_has_time_left_not(hive: Hive) -> None:
    late = asking.ask(hive, voice("alice"), "Which?", ttl=10, to="bob")
    later = asking.ask(hive, voice("alice"), "Which?", ttl=20)
    asking.ask(hive, voice("alice"), "Which?")
    assert late.deadline_at and later.deadline_at
    asking.expire(hive, late.deadline_at - 0.001)
    assert len(asking.open_questions(hive)) == 3 and answers(hive, "alice") == []
    for _ in "ab":
        asking.expire(hive, late.deadline_at)
    assert answers(hive, "alice") == [(late.id, "[expired]", "ttl-watchdog")]
    assert kinds(hive, late.id) == ["question_asked", "question_expired"]
    with pytest.raises(Refused, match="expired"):
        asking.answer(hive, voice("bob"), late.id, "too late")
    asking.expire(hive, later.deadline_at + 1e9)
    assert len(asking.open_questions(hive)) == 1, "without a time it waits for ever"


def test_many_expire_at_once(hive: Hive) -> None:
    with hive.db.write() as db:
        one = Question(
            *(0, "alice", 2, "operator", None, "Which?", (), False),
            *(1.0, 2.0, "open", None, None, None),
        )
        for _ in range(450):
            questions.add(db, one)
    asking.expire(hive, 3.0)
    assert asking.open_questions(hive) == []
    assert hive.db.value("SELECT count(*) FROM messages WHERE recipient = 'alice'") == 450


def test_a_broken_question_is_listed_expires_and_can_be_cancelled(hive: Hive) -> None:
    one, two, good = (asking.ask(hive, voice("alice"), f"{n}?", ttl=50) for n in range(3))
    spoil(hive, one.id, options="{", deadline_at=5.0)
    spoil(hive, two.id, options="{", deadline_at="soon")
    listed = asking.open_questions(hive)
    assert [type(found) for found in listed] == [Broken, Broken, Question]
    with pytest.raises(Refused, match="cannot be read: options"):
        asking.answer(hive, SHELL, two.id, "yes")
    with pytest.raises(Refused, match="not yours"):
        asking.cancel(hive, voice("alice"), two.id)
    asking.expire(hive, 6.0)
    assert answers(hive, "alice") == [(one.id, "[expired]", "ttl-watchdog")]
    assert isinstance(asking.cancel(hive, SHELL, two.id), Broken)
    assert (two.id, "[cancelled]", "operator") in answers(hive, "alice")
    assert [found.id for found in asking.open_questions(hive)] == [good.id]
    with pytest.raises(Refused, match="was cancelled by ‘operator’"):
        asking.cancel(hive, SHELL, two.id)


@pytest.mark.parametrize(
    "columns", [{"asker": b"\xff"}, {"asker": "\x1b[2J"}, {"question": b"\xff", "asker": ""}]
)
def test_a_question_of_nobody_can_be_ended(hive: Hive, columns: dict[str, Any]) -> None:
    one = asking.ask(hive, voice("alice"), "Which?", ttl=50)
    spoil(hive, one.id, **columns)
    asking.expire(hive, clock.now() + 60)
    assert asking.open_questions(hive) == []
    assert hive.db.value("SELECT count(*) FROM messages") == 0


def test_what_a_destroyed_agent_asked_and_was_asked_is_over(hive: Hive) -> None:
    of_bob = asking.ask(hive, voice("bob"), "Which?", to="alice")
    to_bob = asking.ask(hive, voice("alice"), "Which?", to="bob")
    by_hand = asking.ask(hive, SHELL, "Which?", to="bob")
    other = asking.ask(hive, voice("alice"), "Which?")
    assert destroy(hive, "bob") == ["alice", "operator"]
    assert answers(hive, "alice") == [(to_bob.id, "[cancelled by system]", "system")]
    assert answers(hive, "operator") == [(by_hand.id, "[cancelled by system]", "system")]
    assert answers(hive, "bob") == [], "a tombstone gets no mail"
    assert asking.open_questions(hive) == [other]
    for one in (of_bob, to_bob, by_hand):
        assert kinds(hive, one.id) == ["question_asked", "question_cancelled"]
    assert destroy(hive, "bob") == [], "again, as a purge does it"


def test_a_re_made_agent_inherits_no_question(hive: Hive) -> None:
    """Also when something had kept the older one's open."""
    to_bob = asking.ask(hive, voice("alice"), "Which?", to="bob")
    of_bob = asking.ask(hive, voice("bob"), "Which?", to="alice")
    with hive.db.write() as db:
        agents.set_state(db, "bob", "destroyed", clock.now())
        agents.remove(db, "bob")
    mailbox = len(mail.peek(hive.db, "bob", 99))
    settle_in(hive, "bob")
    with pytest.raises(Refused, match="not yours to answer"):
        asking.answer(hive, voice("bob"), to_bob.id, "yes")
    with pytest.raises(Refused, match="not yours"):
        asking.cancel(hive, voice("bob"), of_bob.id)
    assert loose_ends.loose_ends(hive, voice("bob")).questions == []
    asking.answer(hive, voice("alice"), of_bob.id, "to nobody")
    assert len(mail.peek(hive.db, "bob", 99)) == mailbox


def test_loose_ends_are_ones_own_and_the_managers_are_all(hive: Hive) -> None:
    of_alice = asking.ask(hive, voice("alice"), "Which?", to="bob")
    of_bob = asking.ask(hive, voice("bob"), "Which?")
    bad = asking.ask(hive, voice("alice"), "Which?")
    spoil(hive, bad.id, multi="perhaps")
    mailing.send(hive, SHELL, "alice", "mail")

    def ends(caller: Caller) -> tuple[list[int], int, bool]:
        found = loose_ends.loose_ends(hive, caller)
        ids = [one.id for one in found.questions]
        return ids, found.unread, found.approvals is not None

    assert ends(voice("alice")) == ([of_alice.id, bad.id], 1, False)
    assert ends(voice("bob")) == ([of_alice.id, of_bob.id], 1, False)
    assert ends(MANAGER) == ([of_alice.id, of_bob.id, bad.id], 0, True)


def test_who_waits_for_an_answer_is_told_it_or_that_there_is_none(hive: Hive) -> None:
    one = asking.ask(hive, SHELL, "Which?", to="alice")
    with pytest.raises(NotNow, match="no answer yet"):
        asking.wait(hive, one.id, 0)
    asking.answer(hive, voice("alice"), one.id, "this")
    assert asking.wait(hive, one.id, 0).answer == "this"
    with pytest.raises(HiveError, match="no question 9"):
        asking.wait(hive, 9, 0)
