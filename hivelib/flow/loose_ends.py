"""What somebody began and has not ended: questions both ways, unread mail; for the manager that of the whole hive."""

from typing import NamedTuple

from hivelib.flow.opening import Hive
from hivelib.model.names import MANAGER
from hivelib.model.records import Approval, Broken, Caller, Question
from hivelib.store import agents, approvals, mail, questions

_MOST = 100
"""Of each kind so many are given; how many more there are is counted."""


class LooseEnds(NamedTuple):
    """`questions` are open, `more` counts those that are left out, `unread` the messages in the own inbox.

    `approvals`: what waits for the operator's decision; None for who is not told of that.
    """

    questions: list[Question | Broken]
    more: int
    unread: int
    approvals: list[Approval] | None


def loose_ends(hive: Hive, caller: Caller) -> LooseEnds:
    """An agent's own open questions, asked and to be answered; for the manager and the operator all of the hive."""
    everything = caller.role in (MANAGER, "operator")
    with hive.db.snapshot() as db:
        found = questions.unsettled(db, None if everything else caller.name)
        if not everything:
            agent = agents.get(db, caller.name)
            found = [one for one in found if _is_of(one, caller.name, agent and agent.incarnation)]
        pending = [one for one in approvals.unresolved(db) if one.status == "pending"]
        unread = mail.count_by_state(db, caller.name)["queued"]
    decided = pending[-_MOST:] if everything else None
    return LooseEnds(found[:_MOST], max(0, len(found) - _MOST), unread, decided)


def _is_of(found: Question | Broken, name: str, incarnation: int | None) -> bool:
    """Whether this very agent asked or was asked; what cannot be decoded is shown rather than hidden."""
    return isinstance(found, Broken) or (name, incarnation) in (
        (found.asker, found.asker_incarnation),
        (found.target, found.target_incarnation),
    )
