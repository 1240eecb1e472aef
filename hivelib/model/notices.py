"""What the operator is told when away from the screen: which events, and in which words. Pure.

Of others' words (bodies, questions, reasons) nothing is in it unless it is given: only kinds, names, numbers. A
notification holds what came together: a count of each kind, the weightiest lines, and where to look.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hivelib.model.names import OPERATOR, SYSTEM, is_name
from hivelib.model.records import EventRow

LINES = 10
"""So many notices have a line of their own; the others are counted."""

Payload = Mapping[str, Any]


class Notice(NamedTuple):
    """One thing to tell: its `sort` (see SORTS), a line, the page's path about it, and of whose words the operator may
    want to read: `quote` is them, or where the event does not hold them the number of the row that does."""

    sort: str
    line: str
    path: str = "/"
    quote: str | int = ""


class Letter(NamedTuple):
    """A notification as it leaves the machine."""

    title: str
    body: str


SORTS = {
    "approval": "approvals",
    "question": "questions",
    "crash": "crashes",
    "parking": "parkings",
    "dead letter": "dead letters",
    "failed reminder": "failed reminders",
    "warning": "warnings",
    "message": "messages",
}
"""The sorts of notices, one and several, the weightiest first."""


def notice(row: EventRow) -> Notice | None:
    """What an event has to tell; None when it is nothing for somebody who is away."""
    if (told := _TOLD.get(row.kind)) is None:
        return None
    return told(row.subject, json.loads(row.payload))


def _page(name: str) -> str:
    return f"/agent/{name}" if is_name(name) else "/"


def _approval(_: str, said: Payload) -> Notice:
    number = int(said["id"])
    line = f"approval {number} about {said['agent']} waits"
    return Notice("approval", line, f"/approval/{number}", number)


def _question(_: str, said: Payload) -> Notice | None:
    if said["target"] != OPERATOR:
        return None
    line = f"question {said['id']} from {said['asker']} waits"
    return Notice("question", line, quote=said["question"])


def _crash(_: str, said: Payload) -> Notice:
    name = said["agent"]
    return Notice("crash", f"the box of {name} crashed", _page(name), said["note"])


def _parked(name: str, said: Payload) -> Notice | None:
    # What the operator did is no news; of a full disk a warning tells, once.
    if said["reason"] in ("operator", "disk"):
        return None
    return Notice("parking", f"{name} is parked: {said['reason']}", _page(name), said["why"])


def _died(name: str, said: Payload) -> Notice:
    line = f"message {said['id']} to {name} was never taken"
    return Notice("dead letter", line, _page(name), said["why"])


def _reminder_failed(_: str, said: Payload) -> Notice | None:
    if said["again_at"] is not None:
        return None
    line = f"reminder {said['id']} for {said['owner']} could not be delivered"
    return Notice("failed reminder", line, quote=said["why"])


def _warned(_: str, said: Payload) -> Notice | None:
    if said["name"].startswith("dead:"):  # `died` tells it
        return None
    return Notice("warning", f"warning {said['name']}", quote=said["why"])


def _sent(_: str, said: Payload) -> Notice | None:
    # What the hive itself writes urgently (parkings, dead letters) has an event of its own.
    is_told = said["sender"] == SYSTEM and said["lane"] == "urgent"
    if said["recipient"] != OPERATOR or is_told:
        return None
    line = f"message {said['id']} from {said['sender']}"
    return Notice("message", line, quote=int(said["id"]))


_TOLD: dict[str, Callable[[str, Payload], Notice | None]] = {
    "approval_pending": _approval,
    "question_asked": _question,
    "container_crash": _crash,
    "agent_parked": _parked,
    "died": _died,
    "reminder_failed": _reminder_failed,
    "warning_raised": _warned,
    "sent": _sent,
}
KINDS = tuple(_TOLD)
"""The kinds of events that may have something to tell."""


class Pile:
    """Notices that wait to be told together: all are counted, and of each sort the first few kept."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(SORTS, 0)
        self._kept: dict[str, list[Notice]] = {sort: [] for sort in SORTS}

    def __bool__(self) -> bool:
        return any(self.counts.values())

    def add(self, one: Notice) -> None:
        """Lays one more on it."""
        self.counts[one.sort] += 1
        if len(self._kept[one.sort]) < LINES:
            self._kept[one.sort].append(one)

    def shown(self) -> list[Notice]:
        """Those that get a line, the weightiest first, of one sort the oldest first."""
        return [one for kept in self._kept.values() for one in kept][:LINES]


def letter(pile: Pile, page: str, quoted: Callable[[Notice], str]) -> Letter:
    """The notification of a pile. `page` is the page's address without a path; `quoted` gives what of others' words
    follows a line, made safe and short, or nothing."""
    shown = pile.shown()
    lines = [one.line + (f": {words}" if (words := quoted(one)) else "") for one in shown]
    if more := sum(pile.counts.values()) - len(shown):
        lines.append(f"and {more} more")
    path = shown[0].path if len(shown) == 1 and not more else "/"
    counts = [_counted(sort, count) for sort, count in pile.counts.items() if count]
    return Letter(f"hyperhive: {', '.join(counts)}", "\n".join([*lines, page + path]))


def _counted(sort: str, count: int) -> str:
    return f"{count} {sort if count == 1 else SORTS[sort]}"
