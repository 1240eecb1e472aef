"""Documents and templates: one set of templates for the first load of a page and for every change sent to it later.

Whatever is put into a template is untrusted: `{{…}}` writes control, bidirectional and zero-width characters as escapes
and escapes HTML. `{{!…}}` is for HTML made here, nothing else.
"""

import html
import os
from functools import cache
from typing import Any

from bottle import SimpleTemplate, request

from hivelib.base import clock
from hivelib.base.errors import HiveError
from hivelib.base.text import shortened, visible
from hivelib.model.names import OPERATOR
from hivelib.model.records import Caller

TEMPLATES = os.path.join(os.path.dirname(__file__), "templates")


def render(template: str, /, **values: Any) -> str:
    """The template `templates/TEMPLATE.html` with these values, every one of them escaped where it is shown."""
    parts: list[str] = []
    given = {"clock": clock, "shortened": shortened, "OPERATOR": OPERATOR, **values}
    _template(template).execute(parts, given)
    # Its ends are made neat before it is joined: a page is long, and each copy of it costs as much as a query.
    while parts and not parts[-1].strip():
        parts.pop()
    if parts:
        parts[-1] = parts[-1].rstrip()
        parts[0] = parts[0].lstrip()
    return "".join(parts)


@cache
def _template(name: str) -> SimpleTemplate:
    return SimpleTemplate(name=f"{name}.html", lookup=[TEMPLATES], escape_func=escape)


def escape(text: str) -> str:
    """Untrusted text for use in HTML, in an element or in a quoted attribute."""
    return html.escape(visible(text))


NAV: list[tuple[str, str]] = []
"""Paths and names of the pages that every page leads to; pages.py fills it."""


def document(title: str, body: str, *, script: str = "", here: str = "") -> str:
    """A whole document around a body of ours, for whoever asked; `here` is which page of the navigation it is."""
    caller: Caller | None = request.environ.get("hive.caller")
    return render(
        "layout",
        title=title,
        body=body,
        script=script,
        caller=caller,
        demo=request.environ.get("hive.demo"),
        proxied=request.environ.get("hive.proxied"),
        nav=NAV,
        here=here,
    )


def loaded(title: str, template: str, **values: Any) -> str:
    """What a fold loads when it is opened: a document for whoever has no script, the fold takes its main part."""
    return document(title, render(template, **values))


def login_page(token: str) -> str:
    """What a one-time link opens: one button."""
    return document("log in", render("login", token=token))


def refused_page(error: HiveError) -> str:
    """Says why not, and what to do."""
    inside = "hive.caller" in request.environ
    body = render("refused", message=error.message, hint=error.hint, inside=inside)
    return document("not possible", body)
