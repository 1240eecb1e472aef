"""What waits for the operator's decision, on the page: what there is to see of it, and the yes and no."""

import re

from hivelib.base.errors import Misuse
from hivelib.face import fields
from hivelib.face.web import answers, asked, views
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller

_SHA = re.compile(r"[0-9a-f]{7,40}")


def waiting(hive: Hive) -> str:
    """All approvals that are not over, oldest first, as JSON."""
    from hivelib.flow import looking

    return answers.as_json({"approvals": list(map(fields.of_approval, looking.pending(hive)))})


def show(hive: Hive, number: int) -> str:
    """The page of one approval: the text of hive-show, and the forms that decide."""
    from hivelib.face import approvals
    from hivelib.flow import looking

    shown = looking.look(hive, number)
    return views.approval_page(shown.approval, approvals.shown_page(shown, stat=False))


def approve(hive: Hive, caller: Caller, number: int) -> str:
    """Yes to the commit that the request names: what was on the screen, whatever the row says by now."""
    from hivelib.flow import deciding

    sha = asked.text(asked.fields(), "sha")
    if not _SHA.fullmatch(sha):
        raise Misuse("`sha` must name the commit", "give 7 to 40 of its digits, as they were shown")
    already = not deciding.approve(hive, caller, number, sha=sha)
    return answers.done({"id": number, "verdict": "approve", "already": already}, "/")


def deny(hive: Hive, caller: Caller, number: int) -> str:
    """No, and why."""
    from hivelib.flow import deciding

    note = asked.text(asked.fields(), "note").replace("\r\n", "\n")  # what forms make of a newline
    already = not deciding.deny(hive, caller, number, note)
    return answers.done({"id": number, "verdict": "deny", "already": already}, "/")
