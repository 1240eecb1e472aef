"""The pages: which sections each has, which events concern it, and how it is drawn with the place it stands for."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from hivelib.base.db import Database
from hivelib.face.web.sections.agents import AGENTS
from hivelib.face.web.sections.approvals import WAITING
from hivelib.face.web.sections.base import Drawer, Section
from hivelib.face.web.sections.messages import FLOW, RECIPIENTS, UNREAD
from hivelib.face.web.sections.transcript import HEAD, TURNS
from hivelib.face.web.sections.warnings import WARNINGS
from hivelib.face.web.views import document, render
from hivelib.flow import viewing
from hivelib.model.records import EventRow

Payload = dict[str, Any]


class Page(NamedTuple):
    """One kind of page. `path` may name `{subject}`; `concerns` says which events its readers are sent at all."""

    name: str
    path: str
    title: str
    sections: tuple[Section, ...]
    concerns: Callable[[EventRow, Payload, str], bool]
    script: str
    transcript: bool = False

    def stream(self, subject: str) -> str:
        """Where its events are."""
        return f"{self.path.format(subject=subject).rstrip('/')}/events"


def _everything(row: EventRow, payload: Payload, subject: str) -> bool:
    return True


def _about_agent(row: EventRow, payload: Payload, subject: str) -> bool:
    return subject in (row.subject, payload.get("agent"), payload.get("owner"))


HIVE = Page(
    "hive",
    "/",
    "hive",
    (WARNINGS, WAITING, UNREAD, AGENTS, FLOW, RECIPIENTS),
    _everything,
    "hive.js",
)
AGENT = Page(
    "agent", "/agent/{subject}", "{subject}", (HEAD, TURNS), _about_agent, "agent.js", True
)
PAGES = {page.name: page for page in (HIVE, AGENT)}


def concerned(page: Page, rows: list[EventRow], subject: str) -> list[tuple[EventRow, Payload]]:
    """Those of the events that this page's readers are sent, with what their payload says."""
    read = [(row, json.loads(row.payload)) for row in rows]
    return [(row, payload) for row, payload in read if page.concerns(row, payload, subject)]


def show(page: Page, drawer: Drawer, **more: Any) -> str:
    """The whole document as it is right after the event whose number it carries; `more` is for its template."""
    subject, hive = drawer.subject, drawer.hive
    # Read before the snapshot begins: lines that come meanwhile are sent again, and change nothing.
    row = f".{viewing.newest_row(hive, subject)}" if page.transcript else ""
    with hive.db.snapshot() as db:
        at = place(db, page, subject)
        parts = {section.name: section.draw(drawer) for section in page.sections}
    body = render(
        page.name,
        at=at + row,
        stream=page.stream(subject),
        subject=subject,
        parts=parts,
        **more,
    )
    return document(page.title.format(subject=subject), body, script=page.script)


def place(db: Database, page: Page, subject: str) -> str:
    """The id of the newest event, as the page's stream names it; inside a snapshot."""
    found = viewing.stream_of(db, subject if page.transcript else "")
    return f"{found.epoch}.{found.last}"
