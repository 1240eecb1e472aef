"""Which events are told to an operator who is away, and in which words."""

import json
from typing import Any

import pytest

from hivelib.model.changes import ApprovalPending
from hivelib.model.events import AgentParked, Died, Event, Sent, WarningRaised
from hivelib.model.notices import KINDS, LINES, Pile, letter, notice
from hivelib.model.records import EventRow
from hivelib.model.timely import ContainerCrash, QuestionAsked, ReminderFailed

PAGE = "http://127.0.0.1:7000"


def row(event: Event) -> EventRow:
    return EventRow(1, 0.0, event.kind, event.subject, json.dumps(event.payload))


def sent(**other: Any) -> Sent:
    said = {"id": 7, "sender": "alice", "recipient": "operator", "lane": "normal"}
    return Sent("operator", **(said | {"in_reply_to": None, "broadcast_id": None} | other))


def asked(target: str) -> QuestionAsked:
    said = {"id": 3, "asker": "bob", "target": target, "question": "SECRET", "options": []}
    return QuestionAsked("bob", multi=False, deadline_at=None, **said)


def failed(again_at: float | None) -> ReminderFailed:
    return ReminderFailed("x", id=5, owner="bob", attempts=5, why="SECRET", again_at=again_at)


def parked(reason: str) -> AgentParked:
    return AgentParked("alice", reason=reason, until=None, why="SECRET")


TOLD = [
    (ApprovalPending("approval:12", id=12, agent="bob", sha="0"), "approval 12 about bob waits"),
    (asked("operator"), "question 3 from bob waits"),
    (ContainerCrash("bob", agent="bob", note="SECRET"), "the box of bob crashed"),
    (parked("brake"), "alice is parked: brake"),
    (Died("bob", id=4, deliveries=5, why="SECRET"), "message 4 to bob was never taken"),
    (failed(None), "reminder 5 for bob could not be delivered"),
    (WarningRaised("x", name="low", why="SECRET", mend="SECRET"), "warning low"),
    (sent(), "message 7 from alice"),
    (sent(sender="system"), "message 7 from system"),
]
UNTOLD = [
    asked("alice"),
    parked("operator"),
    parked("disk"),
    failed(1.0),
    WarningRaised("x", name="dead:4", why="", mend=""),
    sent(recipient="bob"),
    sent(sender="system", lane="urgent"),
]


@pytest.mark.parametrize(("event", "line"), TOLD, ids=lambda value: str(value)[:30])
def test_what_waits_is_told_without_a_word_of_others(event: Event, line: str) -> None:
    pile = Pile()
    found = notice(row(event))
    assert found and event.kind in KINDS
    pile.add(found)
    told = letter(pile, PAGE, lambda _: "")
    assert told.body == f"{line}\n{PAGE}{found.path}"
    assert "SECRET" not in str(told)


@pytest.mark.parametrize("event", UNTOLD, ids=lambda event: event.kind)
def test_what_is_no_news_or_told_already_is_not_told(event: Event) -> None:
    assert notice(row(event)) is None


def test_many_are_counted_and_the_weightiest_have_a_line() -> None:
    pile = Pile()
    for number in range(40):
        told = notice(row(sent(id=number)))
        assert told
        pile.add(told)
    for event, _ in TOLD[:2]:
        told = notice(row(event))
        assert told
        pile.add(told)
    assert pile.counts["message"] == 40
    found = letter(pile, PAGE, lambda _: "")
    assert found.title == "hyperhive: 1 approval, 1 question, 40 messages"
    lines = found.body.splitlines()
    assert lines[:3] == [
        "approval 12 about bob waits",
        "question 3 from bob waits",
        "message 0 from alice",
    ]
    assert lines[LINES:] == [f"and {42 - LINES} more", f"{PAGE}/"]


def test_a_name_that_is_none_leads_to_no_page_of_its_own() -> None:
    crash = ContainerCrash("x", agent="../../logout", note="")
    found = notice(row(crash))
    assert found and found.path == "/"
