"""How the page's routes answer: JSON for a script, a redirect for a form."""

import json
from http import HTTPStatus
from typing import Any

import bottle

from hivelib.face.web import asked


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
