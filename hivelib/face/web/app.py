"""The page's routes. Each reads the request, calls one verb or view of flow, and shows what came of it."""

import json
import os
import secrets
import threading
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIApplication

import bottle

from hivelib.base.errors import HiveError, Misuse, NotNow, Refused
from hivelib.face.exchange import STREAM
from hivelib.face.web import answers, approving, asked, patches, views
from hivelib.face.web.guard import Tries, guarded
from hivelib.face.web.hub import Hub, Reader
from hivelib.flow import admitting, interrupting, mailing, viewing
from hivelib.flow.opening import Hive, open_transcript
from hivelib.model.names import OPERATOR
from hivelib.model.records import Caller

STATIC = os.path.join(os.path.dirname(__file__), "static")
_NAME = "<name:re:[a-z][a-z0-9-]{0,8}>"
_NUMBER = "<number:re:[1-9][0-9]{0,17}>"
_PUBLIC = ("/login", "/static/")
_SESSION = admitting.SESSION_SECONDS


class Web:
    """What the routes share: a hive for each thread, the hub, and what is known of costs."""

    def __init__(self, opener: Callable[[], Hive], hub: Hub, port: int) -> None:
        self._opener, self.hub, self.port = opener, hub, port
        self._threads = threading.local()
        self.spending: viewing.Spending = {}
        self.tries = Tries()
        self.cookie = f"hive-{port}"  # cookies know no ports: two hives must not take each other's

    @property
    def hive(self) -> Hive:
        """This thread's open hive."""
        if not hasattr(self._threads, "hive"):
            self._threads.hive = self._opener()
        hive: Hive = self._threads.hive
        return hive

    @property
    def secret(self) -> str:
        """The secret of this request's session; empty without one."""
        return str(bottle.request.get_cookie(self.cookie) or "")

    @property
    def caller(self) -> Caller:
        """Who speaks; only routes behind the login are called with one."""
        caller: Caller = bottle.request.environ["hive.caller"]
        return caller


def make_app(opener: Callable[[], Hive], hub: Hub, port: int) -> WSGIApplication:
    """The dashboard as a WSGI application for 127.0.0.1:`port`; `opener` opens a hive for each of its threads."""
    web = Web(opener, hub, port)
    app = bottle.Bottle()
    app.add_hook("before_request", lambda: _admit(web))
    app.install(_plainly)
    for method, path, handler in _routes(web):
        app.route(path, method, handler)
    app.default_error_handler = _failed
    return guarded(app, port)


def _routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    return [
        ("GET", "/", lambda: _hive_page(web)),
        ("GET", f"/agent/{_NAME}", lambda name: _agent_page(web, name)),
        ("GET", f"/approval/{_NUMBER}", lambda number: approving.show(web.hive, int(number))),
        ("GET", "/events", lambda: _follow(web, "")),
        ("GET", f"/agent/{_NAME}/events", lambda name: _follow(web, name)),
        ("GET", "/api/state", lambda: _state(web)),
        ("GET", "/api/events", lambda: _events(web)),
        ("GET", "/api/approvals", lambda: approving.waiting(web.hive)),
        ("POST", f"/api/approvals/{_NUMBER}/<verdict:re:approve|deny>", partial(_decide, web)),
        ("POST", "/api/send", lambda: _send(web)),
        ("POST", "/api/read", lambda: _read(web)),
        ("POST", "/api/interrupt", lambda: _interrupt(web)),
        ("GET", "/login", lambda: views.login_page(bottle.request.query.getunicode("token") or "")),
        ("POST", "/login", lambda: _login(web)),
        ("POST", "/logout", lambda: _logout(web)),
        ("GET", "/static/<path:re:[a-z]+[.](?:css|js|svg)>", _static),
    ]


def _admit(web: Web) -> None:
    """Runs before each route, also before one that is not there."""
    path = bottle.request.path
    if path == _PUBLIC[0] or path.startswith(_PUBLIC[1]):
        return
    try:
        caller = admitting.admitted(web.hive, web.secret) if web.secret else None
    except HiveError as error:
        raise _failure(error, HTTPStatus.SERVICE_UNAVAILABLE) from None
    if caller is None:
        raise _failure(Refused("you are not logged in", "run `hive-dashboard-url`"), 401)
    bottle.request.environ["hive.caller"] = caller


def _plainly(route: Callable[..., Any]) -> Callable[..., Any]:
    """Foreseen failures are answered with their words."""

    def answered(*args: Any, **named: Any) -> Any:
        try:
            return route(*args, **named)
        except HiveError as error:
            kinds = {Misuse: HTTPStatus.BAD_REQUEST, NotNow: HTTPStatus.SERVICE_UNAVAILABLE}
            return _failure(error, kinds.get(type(error), HTTPStatus.CONFLICT))

    return answered


def _failed(error: bottle.HTTPError) -> str:
    """What bottle itself refuses: no such page, wrong method, a bug (its traceback is on stderr)."""
    words = str(error.body or error.status_line)
    shown = _failure(HiveError(words), error.status_code)
    bottle.response.content_type = shown.content_type
    return str(shown.body)


def _failure(error: HiveError, status: int) -> bottle.HTTPResponse:
    if _wants_json():
        body = json.dumps({"error": error.message, "hint": error.hint})
        return bottle.HTTPResponse(body, status, content_type="application/json")
    inside = "hive.caller" in bottle.request.environ
    page = views.refused_page(error, inside=inside)
    return bottle.HTTPResponse(page, status, content_type="text/html; charset=utf-8")


def _wants_json() -> bool:
    path = bottle.request.path
    return (path.startswith("/api/") or path.endswith("/events")) and not asked.is_form()


def _hive_page(web: Web) -> str:
    query = bottle.request.query
    to, reply = query.getunicode("to") or "", query.getunicode("reply") or ""
    view = viewing.hive_view(web.hive, web.spending)
    return views.hive_page(view, to=to, reply=reply, key=secrets.token_urlsafe(12))


def _agent_page(web: Web, name: str) -> str:
    transcript = open_transcript(web.hive, name)
    try:
        view = viewing.transcript_view(web.hive, transcript, name, web.spending)
    except Refused as error:
        raise _failure(error, HTTPStatus.NOT_FOUND) from None
    finally:
        if transcript:
            transcript.close()
    return views.transcript_page(view)


def _follow(web: Web, agent: str) -> str:
    headers = bottle.request.headers
    since = headers.get("Last-Event-ID") or bottle.request.query.get("after") or ""
    bottle.response.content_type = "text/event-stream"
    bottle.request.environ[STREAM](Reader(web.hub, agent, since, web.secret))
    return ""


def _state(web: Web) -> str:
    view = viewing.hive_view(web.hive, web.spending)
    agents = [
        {
            "name": shown.agent.name,
            "role": shown.agent.role,
            "state": views.state(shown),
            "parked": shown.agent.parked_why,
            "parked_until": shown.agent.parked_until,
            "model": shown.agent.model,
            "turn": shown.running.id if shown.running else None,
            "queued": shown.queued,
            "cost_usd": round(shown.spent, 6),
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
            "warnings": [row._asdict() for row in view.warnings],
        }
    )


def _events(web: Web) -> str:
    try:
        after = int(bottle.request.query.get("after") or 0)
    except ValueError:
        raise Misuse(
            "`after` is the seq of an event", "leave it out to begin with the oldest"
        ) from None
    rows = viewing.events_after(web.hive, min(max(after, 0), 2**62))
    stream = viewing.stream(web.hive)
    told = {"epoch": stream.epoch, "first": stream.first, "last": stream.last}
    return answers.as_json(told | {"events": [patches.event(row) for row in rows]})


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


def _interrupt(web: Web) -> Any:
    name = asked.text(asked.fields(), "agent")
    turn, already = interrupting.interrupt(web.hive, web.caller, name)
    return answers.done({"turn": turn, "already": already}, f"/agent/{name}")


def _decide(web: Web, number: str, verdict: str) -> Any:
    decide = approving.approve if verdict == "approve" else approving.deny
    return decide(web.hive, web.caller, int(number))


def _login(web: Web) -> Any:
    if wait := web.tries.retry_after():
        raise _failure(NotNow("too many tries with a wrong link", f"wait {wait:.0f} s"), 429)
    try:
        token = asked.text(asked.fields(), "token")
        secret = admitting.admit(web.hive, token, bottle.request.environ.get("REMOTE_ADDR", ""))
    except Refused:
        web.tries.failed()
        raise
    bottle.response.set_cookie(
        web.cookie, secret, path="/", httponly=True, samesite="strict", max_age=int(_SESSION)
    )
    return answers.done({}, "/")


def _logout(web: Web) -> Any:
    admitting.leave(web.hive, web.secret)
    web.hub.check_sessions()
    bottle.response.delete_cookie(web.cookie, path="/", httponly=True, samesite="strict")
    return answers.done({}, "/login")


def _static(path: str) -> Any:
    return bottle.static_file(path, STATIC, headers={"Cache-Control": "no-cache"})
