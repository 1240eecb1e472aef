"""The pages: which sections each has, which events concern it, and how it is drawn with the place it stands for."""

import json
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hivelib.base import journal
from hivelib.base.db import Database
from hivelib.base.errors import HiveError
from hivelib.face.web import views
from hivelib.face.web.sections.agents import AGENTS
from hivelib.face.web.sections.approvals import OPEN, PAST_APPROVALS, VERDICT
from hivelib.face.web.sections.base import Drawer, Section
from hivelib.face.web.sections.conversation import CONVERSATION, INBOX
from hivelib.face.web.sections.messages import FLOW, RECIPIENTS, UNREAD
from hivelib.face.web.sections.questions import KINDS as QUESTION_KINDS
from hivelib.face.web.sections.questions import PAST_QUESTIONS, PEER_QUESTIONS, QUESTIONS
from hivelib.face.web.sections.reminders import LOOSE, REMINDERS
from hivelib.face.web.sections.statistics import CHARTS, SHARES
from hivelib.face.web.sections.system import HEALTH, JOBS, LOGS, SESSIONS, TOMBSTONES
from hivelib.face.web.sections.transcript import HEAD, TURNS
from hivelib.face.web.sections.trouble import LETTERS, STUCK, WARNINGS
from hivelib.face.web.views import NAV
from hivelib.flow import viewing
from hivelib.model.records import EventRow

Payload = dict[str, Any]


class Page(NamedTuple):
    """One kind of page. `path` and `title` may name `{subject}`; `concerns` says which events its readers are sent.
    With `stacked` its parts stand one below the other, else the template of its name says where."""

    name: str
    path: str
    title: str
    sections: tuple[Section, ...]
    concerns: Callable[[EventRow, Payload, str], bool]
    script: str = "look.js"
    transcript: bool = False
    stacked: bool = False

    def stream(self, subject: str) -> str:
        """Where its events are."""
        return f"{self.path.format(subject=subject).rstrip('/')}/events"


def _touching(sections: tuple[Section, ...]) -> Callable[[EventRow, Payload, str], bool]:
    """Only the events that change something on the page."""

    def concerns(row: EventRow, payload: Payload, subject: str) -> bool:
        return any(tuple(section.touched(row, payload)) for section in sections)

    return concerns


def _stacked(name: str, *sections: Section) -> Page:
    title = name.capitalize()
    return Page(name, f"/{name}", title, sections, _touching(sections), stacked=True)


def _everything(row: EventRow, payload: Payload, subject: str) -> bool:
    return True


def _about_agent(row: EventRow, payload: Payload, subject: str) -> bool:
    about = (row.subject, *(payload.get(name) for name in ("agent", "owner", "asker", "target")))
    return subject in about or row.kind in QUESTION_KINDS


def _about_approval(row: EventRow, payload: Payload, subject: str) -> bool:
    return row.kind in VERDICT.kinds and str(payload.get("id")) == subject


HIVE = Page(
    "hive",
    "/",
    "Hive",
    (WARNINGS, OPEN, QUESTIONS, PEER_QUESTIONS, UNREAD, STUCK, LETTERS, AGENTS, FLOW, RECIPIENTS),
    _everything,
    "hive.js",
)
AGENT = Page(
    "agent",
    "/agent/{subject}",
    "{subject}",
    (HEAD, TURNS, INBOX, LOOSE),
    _about_agent,
    "agent.js",
    True,
)
APPROVAL = Page(
    "approval",
    "/approval/{subject}",
    "Approval {subject}",
    (VERDICT,),
    _about_approval,
    "look.js",
)
THREAD = Page(
    "thread", "/thread/{subject}", "Thread {subject}", (CONVERSATION,), _touching((CONVERSATION,))
)
HISTORY = _stacked("history", PAST_APPROVALS, PAST_QUESTIONS)
STATISTICS = _stacked("statistics", CHARTS, SHARES)
SYSTEM = _stacked("system", HEALTH, JOBS, REMINDERS, TOMBSTONES, SESSIONS, LOGS)
PAGES = {page.name: page for page in (HIVE, AGENT, APPROVAL, THREAD, HISTORY, STATISTICS, SYSTEM)}
STACKED = tuple(page for page in PAGES.values() if page.stacked and page.sections)
"""Each of these is a page of its own; one that nothing is on yet is nowhere."""
NAV += [*((page.path, page.title) for page in (HIVE, *STACKED)), ("/search", "Search")]


def concerned(page: Page, rows: list[EventRow], subject: str) -> list[tuple[EventRow, Payload]]:
    """Those of the events that this page's readers are sent, with what their payload says."""
    read = [(row, json.loads(row.payload)) for row in rows]
    return [(row, payload) for row, payload in read if page.concerns(row, payload, subject)]


def show(page: Page, drawer: Drawer, **more: Any) -> Iterator[bytes]:
    """The whole document as it is right after the event whose number it carries; `more` is for its template.

    It comes in pieces. The first is there before anything of the hive is read, so that a browser may ask for the styles
    and scripts meanwhile; so what is wrong with the hive by then is said in the page. A large part that is as it was is
    the very same bytes as last time, and need not be encoded or compressed again.
    """
    title = page.title.format(subject=drawer.subject)
    yield views.begun(title, script=page.script, here=title).encode()
    try:
        body = _body(page, drawer, title, more)
    except HiveError as error:
        body = [views.refused(error)]
    except Exception:  # noqa: BLE001 - its head has gone out: what is left to do is to say so
        traceback.print_exc(file=journal.ERRORS)
        why = HiveError("a bug in the hive: this page could not be made", "its log says where")
        body = [views.refused(why)]
    yield from map(views.encoded, [*body, views.END])


def _body(page: Page, drawer: Drawer, title: str, more: dict[str, Any]) -> list[str]:
    subject, hive = drawer.subject, drawer.hive
    # Read before the snapshot begins: lines that come meanwhile are sent again, and change nothing.
    row = f".{viewing.newest_row(hive, subject)}" if page.transcript else ""
    with hive.db.snapshot() as db:
        at = place(db, page, subject)
        parts = {section.name: section.draw(drawer) for section in page.sections}
    return views.pieces(
        "stack" if page.stacked else page.name,
        at=at + row,
        stream=page.stream(subject),
        subject=subject,
        title=title,
        parts=parts,
        **more,
    )


def place(db: Database, page: Page, subject: str) -> str:
    """The id of the newest event, as the page's stream names it; inside a snapshot."""
    found = viewing.stream_of(db, subject if page.transcript else "")
    return f"{found.epoch}.{found.last}"
