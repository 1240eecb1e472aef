"""The flow of messages, what of it the operator has not read, and whom a message can be written to."""

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from hivelib.base import clock
from hivelib.face.web import markdown
from hivelib.face.web.keeping import kept, together
from hivelib.face.web.sections.agents import ROSTER
from hivelib.face.web.sections.base import Drawer, Patch, Whole, each, numbers, patch
from hivelib.face.web.views import escape, render
from hivelib.flow import mailing, viewing
from hivelib.model.names import OPERATOR, SYSTEM
from hivelib.model.records import EventRow, Message

NEWEST = 100
"""Messages of the flow that a page begins with."""
FAR = 2.0**33
"""Seconds beyond which a number of a notice is no time."""


class Flow:
    """The newest messages of all; its keys are their numbers."""

    name = "messages"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The messages that the event names."""
        return named(row, payload)

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """Each message that there is."""
        for row in viewing.messages(drawer.hive, keys):
            yield row.id, patch(f"message-{row.id}", shown(row), self.name)

    def draw(self, drawer: Drawer) -> str:
        """The newest, oldest of them first."""
        return _messages(tuple(viewing.newest_messages(drawer.hive, NEWEST)))


class Unread:
    """What the operator has not read; its keys are the numbers of messages."""

    name = "mail"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The messages that the event names."""
        return named(row, payload)

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """Each message to the operator: there while it is unread, then gone."""
        for row in viewing.messages(drawer.hive, keys):
            if row.recipient == OPERATOR:
                drawn = _unread(row) if row.state == "queued" else None
                yield row.id, patch(f"mail-{row.id}", drawn, self.name)

    def draw(self, drawer: Drawer) -> str:
        """All of it, as it would be delivered."""
        return _mail(tuple(mailing.inbox(drawer.hive, OPERATOR, NEWEST)))


def named(row: EventRow, payload: dict[str, Any]) -> Iterable[int]:
    """The numbers of the messages that an event is about."""
    if row.kind in ("sent", "died", "redelivered"):
        return numbers(payload, "id")
    return numbers(payload, "ids") if row.kind in ("claimed", "acked", "requeued") else ()


def shown(row: Message) -> str:
    """A message in the flow, also one that cannot be read."""
    return each(message, row, "message")


@kept(4_000_000)
def message(row: Message) -> str:
    """A message in the flow."""
    return render("message", row=row, body=body_of(row))


@kept(2_000_000)
def mail(row: Message) -> str:
    """A message that the operator has not read."""
    return render("mail", row=row, body=body_of(row))


def _unread(row: Message) -> str:
    return each(mail, row, "mail")


_messages, _mail = together(shown), together(_unread)


def body_of(row: Message) -> str:
    """The body as HTML: of the hive's own notices the fields, of everybody's else markdown."""
    if row.sender == SYSTEM:
        with suppress(ValueError, RecursionError):
            told = json.loads(row.body)
            if isinstance(told, dict) and told.get("event"):
                return render("notice", event=str(told.pop("event")), fields=told, said=_said)
    return markdown.html(row.body)


def _said(name: str, value: Any) -> str:
    """A field of a notice as HTML: a time as the page writes times, yes and no in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_at") and isinstance(value, int | float) and 0 <= value < FAR:
        return f'<time datetime="{clock.iso(value)}">{clock.local(value)}</time>'
    return escape(", ".join(map(str, value)) if isinstance(value, list) else str(value))


@lru_cache(maxsize=8)
def recipients(names: tuple[str, ...]) -> str:
    """The choices of whom to write to."""
    return render("recipients", names=names)


def _recipients(drawer: Drawer) -> str:
    return recipients(tuple(viewing.names(drawer.hive)))


FLOW = Flow()
UNREAD = Unread()
RECIPIENTS = Whole("recipients", ROSTER, _recipients)
