"""How the page's routes answer: JSON for a script, a redirect for a form."""

import json
from http import HTTPStatus
from typing import Any

import bottle

from hivelib.base.errors import HiveError, Misuse, NotNow, Refused
from hivelib.face.web import asked


class Missing(Refused):
    """There is nothing at this address."""


class TooMany(NotNow):
    """It was tried too often."""


_STATUS: dict[type[HiveError], HTTPStatus] = {
    Misuse: HTTPStatus.BAD_REQUEST,
    Missing: HTTPStatus.NOT_FOUND,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    NotNow: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: HiveError) -> HTTPStatus:
    """What a foreseen failure is in HTTP; a rule that says no is a conflict."""
    return _STATUS.get(type(error), HTTPStatus.CONFLICT)


def as_json(data: Any) -> str:
    """The body of an answer that is JSON; sets its type."""
    bottle.response.content_type = "application/json"
    return json.dumps(data, separators=(",", ":"))


def done(data: dict[str, Any], page: str) -> str:
    """JSON for a script; back to `page` for a form."""
    if not asked.is_form():
        return as_json(data)
    bottle.response.status = HTTPStatus.SEE_OTHER
    bottle.response.set_header("Location", page)
    return ""
