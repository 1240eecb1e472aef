"""How the page's routes answer: JSON for a script, a redirect for a form."""

import json
import math
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
    try:
        return json.dumps(data, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError):  # a row that holds what its record does not allow
        return json.dumps(_plain(data), separators=(",", ":"))


def _plain(data: Any) -> Any:
    """The same with text in the place of what JSON cannot say."""
    if isinstance(data, dict):
        return {str(name): _plain(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return list(map(_plain, data))
    if isinstance(data, float) and not math.isfinite(data):
        return str(data)
    return data if data is None or isinstance(data, str | int | float) else repr(data)


def done(data: dict[str, Any], page: str) -> str:
    """JSON for a script; back to `page` for a form."""
    if not asked.is_form():
        return as_json(data)
    bottle.response.status = HTTPStatus.SEE_OTHER
    bottle.response.set_header("Location", page)
    return ""
