"""Messages: written, and read."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hivelib.face.web import answers, asked
from hivelib.face.web.routes.reading import NUMBER
from hivelib.face.web.shared import Web
from hivelib.flow import mailing
from hivelib.model.names import OPERATOR


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
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
        lane=asked.text(given, "lane") if given.get("lane") else None,
        key=asked.text(given, "key") if given.get("key") else None,
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
