"""Reminders as the operator's tools show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from hivelib.base import clock
from hivelib.base.errors import Misuse
from hivelib.face import tool
from hivelib.flow import reminding
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Reminder
from hivelib.model.schedules import span

FIELDS = {
    "id": "the reminder",
    "owner": "whom it reminds",
    "body": "its words",
    "file_path": "the file it was asked to become, or empty",
    "due_at": "UTC seconds; of a recurring one: its next time",
    "every": "seconds between two, or null",
    "calendar": "systemd's calendar expression, or empty",
    "state": "pending, fired, failed (it waits for you) or cancelled",
    "attempts": "how often it failed",
    "not_before": "UTC seconds before which it is not tried again",
    "error": "why the last attempt failed, or empty",
    "created_at": "UTC seconds",
    "created_by": "who set it",
    "approval": "the approval of a recurring one, or null",
    "fired_at": "UTC seconds of the last delivery, or null",
    "fired": "how often it was delivered",
    "skipped": "how many of its times passed without a delivery",
}
HEADS = ("ID", "FOR", "DUE", "AGAIN", "STATE", "BY", "MESSAGE")


def data(reminder: Reminder) -> dict[str, Any]:
    """The fields of FIELDS."""
    return {name: value for name, value in reminder._asdict().items() if name in FIELDS}


def cells(reminder: Mapping[str, Any]) -> list[object]:
    """A line of the table under HEADS, from the fields of FIELDS."""
    every = reminder["every"]
    period = f"every {span(every) if isinstance(every, float) else repr(every)}"
    state = reminder["state"]
    return [
        reminder["id"],
        reminder["owner"],
        clock.local(reminder["due_at"]),
        reminder["calendar"] or (period if every is not None else ""),
        f"{state} ({reminder['error']})" if reminder["error"] else state,
        reminder["created_by"],
        reminder["body"],
    ]


def by_operator(
    hive: Hive, name: str, words: Sequence[str], every: str, calendar: str, path: str
) -> Reminder:
    """Sets what hive-remind was told: `words` are when and message, or of a recurring one the message alone."""
    *when, message = words
    if len(when) > 1 or (calendar and (when or every)) or not (every or calendar or when):
        raise Misuse(
            "hive-remind takes NAME, WHEN and MESSAGE",
            "with --every WHEN may be left out, with --calendar it is",
        )
    message = tool.text_or_stdin(message, hive.settings.reminders.body_limit)
    return reminding.remind(
        hive,
        SHELL,
        name,
        message,
        due_at=reminding.when(when[0]) if when else None,
        every=reminding.span(every) if every else None,
        calendar=calendar,
        file_path=path,
    )
