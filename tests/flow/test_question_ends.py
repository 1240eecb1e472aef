"""How questions end that nobody answered: taken back, out of time, spoiled, or with who asked or was asked."""

from typing import Any

import pytest

from hivelib.base import clock
from hivelib.base.errors import Refused
from hivelib.flow import asking, loose_ends, settling
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Broken, Caller, Question
from hivelib.store import agents, mail, questions
from tests.support.asking import MANAGER, answers, destroy, kinds, spoil
from tests.support.residents import begin_turn, in_turn, settle_in, voice


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
