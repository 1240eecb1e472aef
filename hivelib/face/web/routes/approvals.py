"""What waits for the operator's decision, on the page: what there is to see of it, and the yes and no."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import bottle

from hivelib.base.errors import Misuse
from hivelib.face import fields
from hivelib.face.web import answers, asked, pages
from hivelib.face.web.routes.reading import NUMBER, follow
from hivelib.face.web.sections.base import Drawer
from hivelib.face.web.shared import Web
from hivelib.face.web.views import document, loaded
from hivelib.model.names import OPERATOR

_SHA = re.compile(r"[0-9a-f]{7,40}")


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("GET", f"/approval/{NUMBER}", web.spared(partial(_page, web))),
        ("GET", f"/approval/{NUMBER}/look", web.spared(partial(_look, web))),
        (
            "GET",
            f"/approval/{NUMBER}/events",
            lambda number: follow(web, pages.APPROVAL, number),
        ),
        ("GET", f"/approval/{NUMBER}/tags", web.spared(partial(_tags, web))),
        ("GET", "/api/approvals", partial(_waiting, web)),
        ("POST", "/api/approvals/spawn", partial(_spawn, web)),
        ("POST", "/api/approvals/init-config", partial(_init_config, web)),
        ("POST", "/api/approvals/apply-commit", partial(_apply_commit, web)),
        ("POST", f"/api/approvals/{NUMBER}/approve", partial(_approve, web)),
        ("POST", f"/api/approvals/{NUMBER}/deny", partial(_deny, web)),
    ]


def _waiting(web: Web) -> str:
    """All approvals that are not over, oldest first, as JSON."""
    from hivelib.flow import looking

    return answers.as_json({"approvals": list(map(fields.of_approval, looking.pending(web.hive)))})


def _page(web: Web, number: str) -> Iterator[bytes]:
    """The page of one approval: all that hive-show shows, and the forms that decide."""
    look = _looked(web, int(number))
    drawer = Drawer(web.hive, web.spending, number)
    return pages.show(pages.APPROVAL, drawer, look=look)


def _look(web: Web, number: str) -> str:
    """The same without a page around it, for a card that is opened."""
    return document(f"Approval {number}", _looked(web, int(number)))


def _tags(web: Web, number: str) -> str:
    """Each tag that says what happened to it: the audit trail, whatever the row says."""
    from hivelib.flow import deployed

    return loaded(f"Tags of {number}", "tags", words=deployed.said_of(web.hive, int(number)))


def _looked(web: Web, number: int) -> str:
    from hivelib.face.web import looked
    from hivelib.flow import looking

    against = bottle.request.query.getunicode("against") or "running"
    # To look is what moves a base, so that what is decided was seen: only by who may decide, and with the answer shown.
    moving = web.caller.role == OPERATOR and bottle.request.method == "GET"
    return looked.look(looking.look(web.hive, number, against, moving=moving))


def _spawn(web: Web) -> str:
    """Proposes a new agent made of the template as it is; it is looked at and decided like any other."""
    from hivelib.flow import submitting

    given = asked.fields()
    words = asked.optional(given, "description")
    number = submitting.request_spawn(web.hive, web.caller, asked.text(given, "name"), words)
    return answers.done({"id": number}, "/")


def _init_config(web: Web) -> str:
    """Asks for the config repository of a new agent."""
    from hivelib.flow import submitting

    given = asked.fields()
    words = asked.optional(given, "description")
    number = submitting.request_init_config(web.hive, web.caller, asked.text(given, "name"), words)
    return answers.done({"id": number}, "/")


def _apply_commit(web: Web) -> str:
    """Proposes a commit of the repository that the manager edits."""
    from hivelib.flow import submitting

    given = asked.fields()
    name, ref = asked.text(given, "agent"), asked.text(given, "ref")
    words = asked.optional(given, "description")
    number = submitting.request_apply_commit(web.hive, web.caller, name, ref, words)
    return answers.done({"id": number}, "/")


def _approve(web: Web, number: str) -> str:
    """Yes to the commit that the request names: what was on the screen, whatever the row says by now."""
    from hivelib.flow import deciding

    given = asked.fields()
    sha = asked.text(given, "sha")
    base = asked.text(given, "base") if "base" in given else None
    if not _SHA.fullmatch(sha):
        raise Misuse("`sha` must name the commit", "give 7 to 40 of its digits, as they were shown")
    already = not deciding.approve(web.hive, web.caller, int(number), sha=sha, base=base)
    return answers.done({"id": int(number), "verdict": "approve", "already": already}, "/")


def _deny(web: Web, number: str) -> str:
    """No, and why."""
    from hivelib.flow import deciding

    note = asked.text(asked.fields(), "note").replace("\r\n", "\n")  # what forms make of a newline
    already = not deciding.deny(web.hive, web.caller, int(number), note)
    return answers.done({"id": int(number), "verdict": "deny", "already": already}, "/")
