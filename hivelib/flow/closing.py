"""How a question ends: whatever ends it is one conditional update, so the first wins, and tells who asked.

Who was asked is not told: its late answer is refused, with what became of the question.
"""

import json
from typing import Any

from hivelib.base import clock
from hivelib.base.db import Database
from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from hivelib.model.events import Event
from hivelib.model.names import OPERATOR, SYSTEM
from hivelib.model.questions import EXPIRED, WATCHDOG, answered_notice, cancelled
from hivelib.model.records import Broken, Question
from hivelib.model.timely import QuestionCancelled, QuestionExpired
from hivelib.store import agents, events, questions

_AT_ONCE = 200
"""Questions that one transaction expires."""


def close(
    hive: Hive,
    found: Question | Broken,
    state: str,
    answer: str,
    answerer: str,
    told: Event,
    *,
    at: float | None = None,
) -> list[str]:
    """Ends an open question inside the caller's write transaction, records `told` and tells who asked; gives back whose
    inbox the caller rings afterwards. One that is over stays as it is. `at` is when it was judged, if not now: the
    clock may go back meanwhile."""
    db, now = hive.db, clock.now() if at is None else at
    if not questions.settle(db, found.id, state, answer, answerer, now):
        return []
    events.record(db, told, at=now)
    asker = text_of(found, "asker")
    if not _still_asks(db, found, asker):
        return []
    words, limit = text_of(found, "question"), hive.settings.mail.body_limit
    body = answered_notice(found.id, words, answer, answerer, limit)
    mailing.notify(hive, asker, body, urgent=answerer == OPERATOR != asker)
    return [asker]


def _still_asks(db: Database, found: Question | Broken, asker: str) -> bool:
    if asker == OPERATOR:
        return True
    agent = agents.live(db, asker)
    if agent is None:
        return False
    incarnation = _field(found, "asker_incarnation")
    return not isinstance(incarnation, int) or incarnation == agent.incarnation


def text_of(found: Question | Broken, name: str) -> str:
    """A field of a question that is text; of one that cannot be decoded what its row has there, else nothing."""
    value = _field(found, name)
    return value if isinstance(value, str) else ""


def _field(found: Question | Broken, name: str) -> Any:
    return json.loads(found.raw)[name] if isinstance(found, Broken) else getattr(found, name)


def expire(hive: Hive, now: float) -> None:
    """Ends the open questions whose time is over at `now`, each once, and tells who asked."""
    while questions.overdue(hive.db, now, 1):
        with hive.db.write() as db:
            woken: list[str] = []
            for found in questions.overdue(db, now, _AT_ONCE):
                told = QuestionExpired(subject(found.id), id=found.id)
                woken += close(hive, found, "expired", EXPIRED, WATCHDOG, told, at=now)
        mailing.ring_inboxes(hive, sorted(set(woken)))


def end_for(hive: Hive, db: Database, name: str, by: str) -> list[str]:
    """Cancels what a destroyed or purged agent asked and was asked, inside the caller's write transaction; gives back
    whose inboxes the caller rings afterwards. `by` is who took the agent away."""
    woken: list[str] = []
    for found in questions.unsettled(db, name):
        told = QuestionCancelled(subject(found.id), id=found.id, by=by)
        woken += close(hive, found, "cancelled", cancelled(SYSTEM), SYSTEM, told)
    return sorted(set(woken))


def subject(number: int) -> str:
    """What events about a question are filed under."""
    return f"question:{number}"
