"""A conversation as a page of its own, and what waits in an agent's inbox."""

from collections.abc import Collection, Iterable
from typing import Any

from hivelib.face.web.sections.base import Drawer, Patch, each, numbers, patch
from hivelib.face.web.sections.messages import named, shown
from hivelib.face.web.views import render
from hivelib.flow import finding, mailing, viewing
from hivelib.model.records import EventRow, Message

MOST = 50
"""Messages of an inbox that are shown."""


class Conversation:
    """The thread that the page's message belongs to; its keys are the numbers of messages."""

    name = "conversation"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The messages that the event names, and the one that a new one answers."""
        return {*named(row, payload), *numbers(payload, "in_reply_to")}

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """Those of them that belong to it, and the answers to them."""
        for row in finding.thread(drawer.hive, int(drawer.subject)):
            for key in (row.id, row.in_reply_to):
                if key in keys:
                    yield key, patch(f"message-{row.id}", shown(row), self.name)

    def draw(self, drawer: Drawer) -> str:
        """All of it, oldest first."""
        return "".join(map(shown, finding.thread(drawer.hive, int(drawer.subject))))


class Inbox:
    """What waits for the page's agent; its keys are the numbers of messages."""

    name = "inbox"

    def touched(self, row: EventRow, payload: dict[str, Any]) -> Iterable[Any]:
        """The messages that the event names."""
        return named(row, payload)

    def patches(self, drawer: Drawer, keys: Collection[Any]) -> Iterable[tuple[Any, Patch]]:
        """Each message to the agent: there while it waits, then gone."""
        for row in viewing.messages(drawer.hive, keys):
            if row.recipient == drawer.subject:
                drawn = each(_waits, row, "waits") if row.state == "queued" else None
                yield row.id, patch(f"waits-{row.id}", drawn, self.name)

    def draw(self, drawer: Drawer) -> str:
        """The next of them as they would be delivered."""
        waiting = mailing.inbox(drawer.hive, drawer.subject, MOST)
        return "".join(each(_waits, row, "waits") for row in waiting)


def _waits(row: Message) -> str:
    return render("waits", row=row)


CONVERSATION = Conversation()
INBOX = Inbox()
