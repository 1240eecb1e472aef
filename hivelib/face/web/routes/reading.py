"""What is only looked at: the pages, their streams, and the same as JSON."""

import os
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import bottle

from hivelib.base.errors import Misuse
from hivelib.face import fields, reminders
from hivelib.face.exchange import STREAM
from hivelib.face.web import answers, pages, patches
from hivelib.face.web.hub import Reader
from hivelib.face.web.pages import Page
from hivelib.face.web.sections.agents import state
from hivelib.face.web.sections.base import Drawer
from hivelib.face.web.shared import Web
from hivelib.flow import overall, viewing
from hivelib.flow.mailing import names_shown

STATIC = os.path.join(os.path.dirname(os.path.dirname(__file__)), "static")
NAME = "<name:re:[a-z][a-z0-9-]{0,8}>"
"""An agent's name in a path."""
NUMBER = "<number:re:[1-9][0-9]{0,17}>"
"""The number of a row in a path."""


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    stacked = [
        route
        for page in pages.STACKED
        for route in (
            ("GET", page.path, partial(_stacked, web, page)),
            ("GET", page.stream(""), partial(follow, web, page)),
        )
    ]
    return [
        *stacked,
        ("GET", "/", partial(_hive, web)),
        ("GET", "/events", partial(follow, web, pages.HIVE)),
        ("GET", f"/agent/{NAME}", partial(_agent, web)),
        ("GET", f"/agent/{NAME}/events", lambda name: follow(web, pages.AGENT, name)),
        ("GET", "/api/state", partial(_state, web)),
        ("GET", "/api/events", partial(_events, web)),
        ("GET", "/static/<path:re:[a-z]+[.](?:css|js|svg)>", _static),
    ]


def _hive(web: Web) -> Iterator[bytes]:
    query = bottle.request.query
    to, reply = query.getunicode("to") or "", query.getunicode("reply") or ""
    drawer = Drawer(web.hive, web.spending)
    return pages.show(pages.HIVE, drawer, to=to, reply=reply, key=key())


def _stacked(web: Web, page: Page) -> Iterator[bytes]:
    return pages.show(page, Drawer(web.hive, web.spending))


def _agent(web: Web, name: str) -> Iterator[bytes]:
    if not viewing.is_live(web.hive, name):
        raise answers.Missing(
            f"no agent is called {names_shown(name)}", "the first page lists them"
        )
    return pages.show(pages.AGENT, Drawer(web.hive, web.spending, name), key=key())


def key() -> str:
    """What makes a message that is sent twice the same one."""
    return secrets.token_urlsafe(12)


def follow(web: Web, page: Page, subject: str = "") -> str:
    """Makes this answer the stream of a page."""
    headers = bottle.request.headers
    since = headers.get("Last-Event-ID") or bottle.request.query.get("after") or ""
    bottle.response.content_type = "text/event-stream"
    secret = None if bottle.request.environ.get("hive.proxied") else web.secret
    reader = Reader(web.hub, (page.name, subject), since, secret)
    bottle.request.environ[STREAM](reader)
    return ""


def _state(web: Web) -> str:
    view = overall.hive_view(web.hive, web.spending)
    agents = [
        {
            "name": shown.agent.name,
            "role": shown.agent.role,
            "state": state(shown),
            "parked": shown.agent.parked_why,
            "parked_until": shown.agent.parked_until,
            "model": shown.agent.model,
            "turn": shown.running.id if shown.running else None,
            "queued": shown.queued,
            "cost_usd": round(shown.spent, 6),
            "context_percent": shown.context,
            "deployed_sha": shown.agent.deployed_sha,
            "needs_login": bool(shown.agent.needs_login),
            "stale": shown.stale,
        }
        for shown in view.agents
    ]
    return answers.as_json(
        {
            "epoch": view.epoch,
            "seq": view.seq,
            "agents": agents,
            "messages": [row._asdict() for row in view.messages],
            "mail": [row._asdict() for row in view.mail],
            "approvals": list(map(fields.of_approval, view.approvals)),
            "questions": list(map(fields.of_question, view.questions)),
            "reminders": list(map(reminders.data, view.reminders)),
            "jobs": list(map(fields.of_job, view.jobs)),
            "tombstones": [
                {"name": one.name, "incarnation": one.incarnation, "destroyed_at": one.changed_at}
                for one in view.tombstones
            ],
            "warnings": [row._asdict() for row in view.warnings],
        }
    )


def _events(web: Web) -> str:
    try:
        after = int(bottle.request.query.get("after") or 0)
    except ValueError:
        hint = "leave it out to begin with the oldest"
        raise Misuse("`after` is the seq of an event", hint) from None
    rows = viewing.events_after(web.hive, min(max(after, 0), 2**62))
    stream = viewing.stream(web.hive)
    told = {"epoch": stream.epoch, "first": stream.first, "last": stream.last}
    return answers.as_json(told | {"events": [patches.event(row) for row in rows]})


def _static(path: str) -> Any:
    return bottle.static_file(path, STATIC, headers={"Cache-Control": "no-cache"})
