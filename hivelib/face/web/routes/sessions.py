"""Getting in and out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import bottle

from hivelib.base.errors import Refused
from hivelib.face.web import answers, asked, views
from hivelib.face.web.shared import Web
from hivelib.flow import admitting

_SESSION = int(admitting.SESSION_SECONDS)


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("GET", "/login", _link),
        ("POST", "/login", partial(_login, web)),
        ("POST", "/logout", partial(_logout, web)),
        ("POST", "/api/links", partial(_invite, web)),
        ("POST", "/api/sessions/<beginning:re:[0-9a-f]{12}>/end", partial(_end, web)),
    ]


def _link() -> str:
    return views.login_page(bottle.request.query.getunicode("token") or "")


def _login(web: Web) -> Any:
    if wait := web.tries.retry_after():
        raise answers.TooMany("too many tries with a wrong link", f"wait {wait:.0f} s")
    try:
        token = asked.text(asked.fields(), "token")
        secret = admitting.admit(web.hive, token, bottle.request.environ.get("REMOTE_ADDR", ""))
    except Refused:
        web.tries.failed()
        raise
    bottle.response.set_cookie(
        web.cookie, secret, path="/", httponly=True, samesite="strict", max_age=_SESSION
    )
    return answers.done({}, "/")


def _logout(web: Web) -> Any:
    admitting.leave(web.hive, web.secret)
    web.hub.check_sessions()
    bottle.response.delete_cookie(web.cookie, path="/", httponly=True, samesite="strict")
    return answers.done({}, "/login")


def _invite(web: Web) -> Any:
    """A link for a spectator: whoever may decide comes in by a link that the shell makes."""
    url = admitting.link(web.hive, admitting.SPECTATOR)
    if asked.is_form():
        minutes = int(admitting.LOGIN_SECONDS // 60)
        return views.document("link", views.render("link_made", url=url, minutes=minutes))
    return answers.as_json({"url": url, "seconds": int(admitting.LOGIN_SECONDS)})


def _end(web: Web, beginning: str) -> Any:
    if admitting.is_own(web.secret, beginning):
        raise Refused("that is the session you are in", "log out instead")
    ended = admitting.end_session(web.hive, web.caller, beginning)
    web.hub.check_sessions()
    return answers.done({"already": not ended}, "/system")
