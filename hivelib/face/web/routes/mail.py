"""Messages: written, and read."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import bottle

from hivelib.face import fields
from hivelib.face.web import answers, asked, pages
from hivelib.face.web.routes.reading import NUMBER, follow, key
from hivelib.face.web.sections.base import Drawer
from hivelib.face.web.sections.messages import shown
from hivelib.face.web.shared import Web
from hivelib.face.web.views import document, render
from hivelib.flow import finding, mailing, viewing
from hivelib.model.names import OPERATOR
from hivelib.model.records import Message


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("GET", f"/thread/{NUMBER}", partial(_thread, web)),
        ("GET", f"/thread/{NUMBER}/events", lambda number: follow(web, pages.THREAD, number)),
        ("GET", f"/api/threads/{NUMBER}", partial(_thread_data, web)),
        ("GET", "/search", web.spared(partial(_search, web))),
        ("GET", "/api/search", web.spared(partial(_search_data, web))),
        ("POST", "/api/send", partial(_send, web)),
        ("POST", "/api/read", partial(_read, web)),
        ("POST", f"/api/messages/{NUMBER}/redeliver", partial(_redeliver, web)),
    ]


def _send(web: Web) -> Any:
    given = asked.fields()
    sent = mailing.send(
        web.hive,
        web.caller,
        asked.text(given, "to"),
        asked.text(given, "body").replace("\r\n", "\n"),  # what forms make of a newline
        in_reply_to=asked.number(given, "in_reply_to"),
        lane=asked.optional(given, "lane") or None,
        key=asked.optional(given, "key") or None,
    )
    return answers.done(
        {"id": sent.id, "recipients": sent.recipients, "already": sent.already}, "/"
    )


def _read(web: Web) -> Any:
    number = asked.number(asked.fields(), "id")
    unread = [row.id for row in mailing.inbox(web.hive, OPERATOR, 1000) if row.id == number]
    mailing.mark_read(web.hive, unread)
    return answers.done({"read": unread}, "/")


def _redeliver(web: Web, number: str) -> Any:
    already = not mailing.redeliver(web.hive, int(number))
    return answers.done({"id": int(number), "already": already}, "/")


def _thread(web: Web, number: str) -> Iterator[bytes]:
    rows = finding.thread(web.hive, int(number))  # refused when there is no such message
    to = _other(web, rows)
    drawer = Drawer(web.hive, web.spending, number)
    return pages.show(pages.THREAD, drawer, to=to, newest=rows[-1].id, key=key())


def _other(web: Web, rows: Sequence[Message]) -> str:
    """Whom an answer in a thread is for: the agent that wrote last or was written to last; empty when it has none.

    A program in somebody's box (`alice/build`) is answered by that somebody.
    """
    said = (name for row in reversed(rows) for name in (row.sender, row.recipient))
    names = (str(name).partition("/")[0] for name in said)
    return next((name for name in names if viewing.is_live(web.hive, name)), "")


def _thread_data(web: Web, number: str) -> str:
    rows = finding.thread(web.hive, int(number))
    return answers.as_json({"messages": list(map(fields.of_message, rows))})


def _search(web: Web) -> str:
    words = bottle.request.query.getunicode("q") or ""
    rows = finding.search(web.hive, words) if words.strip() else []
    body = render("search", words=words, rows=list(map(shown, rows)))
    return document("Search", body, here="Search")


def _search_data(web: Web) -> str:
    words = bottle.request.query.getunicode("q") or ""
    rows = finding.search(web.hive, words) if words.strip() else []
    return answers.as_json({"messages": list(map(fields.of_message, rows))})
