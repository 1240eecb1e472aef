"""What somebody began and has not ended: questions both ways, reminders, unread mail; for the manager that of the whole
hive."""

from typing import NamedTuple

from hivelib.flow import asking, reminding
from hivelib.flow.opening import Hive
from hivelib.model.names import MANAGER
from hivelib.model.records import Approval, Broken, Caller, Question, Reminder, Request
from hivelib.store import agents, approvals, mail, questions, reminders

_MOST = 100
"""Of each kind so many are given; how many more there are is counted."""


class LooseEnds(NamedTuple):
    """`questions` are open, `more` counts those that are left out, `reminders` wait for their time or for the operator,
    `unread` are the messages in the own inbox.

    `approvals`: what waits for the operator's decision; None for who is not told of that.
    """

    questions: list[Question | Broken]
    more: int
    reminders: list[Reminder]
    unread: int
    approvals: list[Approval] | None


def loose_ends(hive: Hive, caller: Caller) -> LooseEnds:
    """An agent's own open questions, asked and to be answered; for the manager and the operator all of the hive."""
    everything = caller.role in (MANAGER, "operator")
    with hive.db.snapshot() as db:
        found = questions.unsettled(db, None if everything else caller.name)
        waiting = reminders.waiting(db, None if everything else caller.name)
        if not everything:
            agent = agents.get(db, caller.name)
            incarnation = agent.incarnation if agent else None
            found = [one for one in found if _is_of(one, caller.name, incarnation)]
            waiting = [one for one in waiting if one.incarnation == incarnation]
        pending = [one for one in approvals.unresolved(db) if one.status == "pending"]
        unread = mail.count_by_state(db, caller.name)["queued"]
    decided = pending[-_MOST:] if everything else None
    more = max(0, len(found) - _MOST)
    return LooseEnds(found[:_MOST], more, waiting[:_MOST], unread, decided)


def cancel(
    hive: Hive, caller: Caller, kind: str, number: int, *, request: Request | None = None
) -> bool:
    """Takes back a `question` or a `reminder`; False when that was done before. Raises Refused."""
    if kind == "reminder":
        return reminding.cancel(hive, caller, number, request=request)
    if request is None and asking.is_so(hive, number, "cancelled"):
        return False
    asking.cancel(hive, caller, number, request=request)
    return True


def _is_of(found: Question | Broken, name: str, incarnation: int | None) -> bool:
    """Whether this very agent asked or was asked; what cannot be decoded is shown rather than hidden."""
    return isinstance(found, Broken) or (name, incarnation) in (
        (found.asker, found.asker_incarnation),
        (found.target, found.target_incarnation),
    )
