"""The promises of questions: who may ask and answer, what comes back, that it comes back once."""

import pytest

from hivelib.base import bell
from hivelib.base.errors import HiveError, Misuse, NotNow, Refused
from hivelib.flow import asking, loose_ends, mailing
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller
from hivelib.store import mail
from tests.support.asking import MANAGER, answers, inbox, kinds, spoil
from tests.support.residents import asked, begin_turn, in_turn, settle_in, voice


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
