"""What waits for the operator's decision, on the page: what there is to see of it, and the yes and no."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from hivelib.base.errors import Misuse
from hivelib.face import fields
from hivelib.face.web import answers, asked
from hivelib.face.web.routes.reading import NUMBER
from hivelib.face.web.sections.approvals import forms
from hivelib.face.web.shared import Web
from hivelib.face.web.views import document, render

_SHA = re.compile(r"[0-9a-f]{7,40}")


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("GET", f"/approval/{NUMBER}", partial(_show, web)),
        ("GET", "/api/approvals", partial(_waiting, web)),
        ("POST", f"/api/approvals/{NUMBER}/approve", partial(_approve, web)),
        ("POST", f"/api/approvals/{NUMBER}/deny", partial(_deny, web)),
    ]


def _waiting(web: Web) -> str:
    """All approvals that are not over, oldest first, as JSON."""
    from hivelib.flow import looking

    return answers.as_json({"approvals": list(map(fields.of_approval, looking.pending(web.hive)))})


def _show(web: Web, number: str) -> str:
    """The page of one approval: the text of hive-show, and the forms that decide."""
    from hivelib.face import approvals
    from hivelib.flow import looking

    shown = looking.look(web.hive, int(number))
    text = approvals.shown_page(shown, stat=False)
    row = shown.approval
    body = render("approval_page", row=row, text=text, forms=forms(row))
    return document(f"approval {number}", body)


def _approve(web: Web, number: str) -> str:
    """Yes to the commit that the request names: what was on the screen, whatever the row says by now."""
    from hivelib.flow import deciding

    sha = asked.text(asked.fields(), "sha")
    if not _SHA.fullmatch(sha):
        raise Misuse("`sha` must name the commit", "give 7 to 40 of its digits, as they were shown")
    already = not deciding.approve(web.hive, web.caller, int(number), sha=sha)
    return answers.done({"id": int(number), "verdict": "approve", "already": already}, "/")


def _deny(web: Web, number: str) -> str:
    """No, and why."""
    from hivelib.flow import deciding

    note = asked.text(asked.fields(), "note").replace("\r\n", "\n")  # what forms make of a newline
    already = not deciding.deny(web.hive, web.caller, int(number), note)
    return answers.done({"id": int(number), "verdict": "deny", "already": already}, "/")
