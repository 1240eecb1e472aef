"""Documents and templates: one set of templates for the first load of a page and for every change sent to it later.

Whatever is put into a template is untrusted: `{{…}}` writes control, bidirectional and zero-width characters as escapes
and escapes HTML. `{{!…}}` is for HTML made here, nothing else.
"""

import html
import os
import re
from functools import cache
from typing import Any

from bottle import SimpleTemplate, request

from hivelib.base import clock
from hivelib.base.errors import HiveError
from hivelib.base.text import shortened, visible
from hivelib.face.web.keeping import LARGE, kept
from hivelib.model.names import OPERATOR
from hivelib.model.records import Caller

TEMPLATES = os.path.join(os.path.dirname(__file__), "templates")


def render(template: str, /, **values: Any) -> str:
    """The template `templates/TEMPLATE.html` with these values, every one of them escaped where it is shown."""
    return "".join(pieces(template, **values))


def pieces(template: str, /, **values: Any) -> list[str]:
    """As `render`, in the pieces it is made of: HTML that `values` hold comes out as the very object that it is."""
    made: list[str] = []
    given = {
        "clock": clock,
        "shortened": shortened,
        "quoted": quoted,
        "render": render,
        "OPERATOR": OPERATOR,
        **values,
    }
    _template(template).execute(made, given)
    while made and not made[-1].strip():
        made.pop()
    if made:
        made[-1] = made[-1].rstrip()
        made[0] = made[0].lstrip()
    return made


@cache
def _template(name: str) -> SimpleTemplate:
    return SimpleTemplate(name=f"{name}.html", lookup=[TEMPLATES], escape_func=escape)


def escape(text: str) -> str:
    """Untrusted text for use in HTML, in an element or in a quoted attribute."""
    return html.escape(visible(text))


def quoted(text: str) -> str:
    """Untrusted words as HTML in which what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


@kept(1_200_000, 4)
def _encoded(piece: str) -> bytes:
    return piece.encode()


def encoded(piece: str) -> bytes:
    """A piece of a page in UTF-8; a large one that was encoded before is the same object again."""
    return piece.encode() if len(piece) < LARGE else _encoded(piece)


NAV: list[tuple[str, str]] = []
"""Paths and names of the pages that every page leads to; pages.py fills it."""


END = "\n</main>\n</body>\n</html>"
"""What follows a document's body."""


def document(title: str, body: str, *, here: str = "") -> str:
    """A whole document around a body of ours, for whoever asked; `here` is which page of the navigation it is."""
    return begun(title, here=here) + body + END


def begun(title: str, *, script: str = "", here: str = "") -> str:
    """What comes before a document's body."""
    caller: Caller | None = request.environ.get("hive.caller")
    return render(
        "layout",
        title=title,
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
    return document("not possible", refused(error))


def refused(error: HiveError) -> str:
    """The same as the body of a document."""
    inside = "hive.caller" in request.environ
    return render("refused", message=error.message, hint=error.hint, inside=inside)
