"""Reminders: listed, set by the operator, taken back, tried again."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hivelib.face import reminders
from hivelib.face.web import answers, asked
from hivelib.face.web.routes.reading import NUMBER
from hivelib.face.web.shared import Web
from hivelib.flow import reminding


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("GET", "/api/reminders", partial(_listed, web)),
        ("POST", "/api/reminders", partial(_set, web)),
        ("POST", f"/api/reminders/{NUMBER}/cancel", partial(_change, web, reminding.cancel)),
        ("POST", f"/api/reminders/{NUMBER}/retry", partial(_change, web, reminding.retry)),
    ]


def _listed(web: Web) -> str:
    rows = map(reminders.data, reminding.listed(web.hive, over=False))
    return answers.as_json({"reminders": list(rows)})


def _set(web: Web) -> Any:
    """`when`, `every` and `calendar` as hive-remind takes them."""
    given = asked.fields()
    said = {name: asked.optional(given, name) for name in ("when", "every", "calendar", "file")}
    made = reminding.remind(
        web.hive,
        web.caller,
        asked.text(given, "name"),
        asked.text(given, "message").replace("\r\n", "\n"),
        due_at=reminding.when(said["when"]) if said["when"] else None,
        every=reminding.span(said["every"]) if said["every"] else None,
        calendar=said["calendar"],
        file_path=said["file"],
    )
    return answers.done({"id": made.id, "due_at": made.due_at}, "/system")


def _change(web: Web, change: Callable[..., bool], number: str) -> Any:
    already = not change(web.hive, web.caller, int(number))
    return answers.done({"id": int(number), "already": already}, "/system")
