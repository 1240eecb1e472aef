"""The page as an application: who may ask, which route answers, and how a refusal looks."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIApplication

import bottle

from hivelib.base.errors import HiveError, Refused
from hivelib.face.web import answers, asked, views
from hivelib.face.web.compressing import compressed
from hivelib.face.web.guard import Site, guarded, loopback
from hivelib.face.web.hub import Hub
from hivelib.face.web.routes import (
    agents,
    approvals,
    mail,
    questions,
    reading,
    reminders,
    sessions,
    system,
)
from hivelib.face.web.shared import Web
from hivelib.flow import admitting
from hivelib.flow.opening import Hive
from hivelib.model.names import OPERATOR
from hivelib.model.records import Caller
from hivelib.model.settings import Proxy

ROUTES = (reading, mail, approvals, questions, reminders, agents, system, sessions)
"""The modules that have routes: each has `routes(web)`, a list of (method, path, handler)."""
_PUBLIC = ("/login", "/static/")


def make_app(opener: Callable[[], Hive], hub: Hub, port: int) -> WSGIApplication:
    """The dashboard as a WSGI application for 127.0.0.1:`port`; `opener` opens a hive for each of its threads."""
    web = Web(opener, hub, port)
    return guarded(_application(web, lambda: _by_session(web)), loopback(port))


def make_proxied(opener: Callable[[], Hive], hub: Hub, proxy: Proxy) -> WSGIApplication:
    """The same for a reverse proxy that says in a header whom it let in; for a socket that nobody else can reach."""
    web = Web(opener, hub, 0)
    site = Site(frozenset({proxy.host}), "https")
    return guarded(_application(web, lambda: _by_proxy(proxy)), site)


def _application(web: Web, who: Callable[[], Caller | None]) -> WSGIApplication:
    app = bottle.Bottle()
    app.add_hook("before_request", lambda: _admit(web, who))
    app.install(_plainly)
    for module in ROUTES:
        for method, path, handler in module.routes(web):
            app.route(path, method, handler)
    app.default_error_handler = _failed
    return compressed(app)


def _by_session(web: Web) -> Caller | None:
    return admitting.admitted(web.hive, web.secret) if web.secret else None


def _by_proxy(proxy: Proxy) -> Caller | None:
    name = bottle.request.headers.get(proxy.header) or ""
    if "," in name:  # given twice: one of them came from outside
        return None
    bottle.request.environ["hive.proxied"] = name
    return Caller(OPERATOR, "operator", "web") if name else None


def _admit(web: Web, who: Callable[[], Caller | None]) -> None:
    """Runs before each route, also before one that is not there."""
    path = bottle.request.path
    if path == _PUBLIC[0] or path.startswith(_PUBLIC[1]):
        return
    try:
        caller = who()
    except HiveError as error:
        raise _failure(error, HTTPStatus.SERVICE_UNAVAILABLE) from None
    if caller is None:
        raise _failure(Refused("you are not logged in", "run `hive-dashboard-url`"), 401)
    may_act = caller.role != admitting.SPECTATOR or path == "/logout"
    if bottle.request.method not in ("GET", "HEAD") and not may_act:
        why = Refused("you came by a link that can only read", "ask whoever gave it to you")
        raise _failure(why, HTTPStatus.FORBIDDEN)
    bottle.request.environ["hive.caller"] = caller
    bottle.request.environ["hive.demo"] = web.hive.settings.claude.demo


def _plainly(route: Callable[..., Any]) -> Callable[..., Any]:
    """Foreseen failures are answered with their words."""

    def answered(*args: Any, **named: Any) -> Any:
        try:
            return route(*args, **named)
        except HiveError as error:
            return _failure(error, answers.status_of(error))

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
    page = views.refused_page(error)
    return bottle.HTTPResponse(page, status, content_type="text/html; charset=utf-8")


def _wants_json() -> bool:
    path = bottle.request.path
    return (path.startswith("/api/") or path.endswith("/events")) and not asked.is_form()
