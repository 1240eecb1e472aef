"""Schedules that wait for the operator, and what became of them."""

from hivelib.base.errors import HiveError
from hivelib.flow import scheduling
from hivelib.flow.opening import Hive
from hivelib.model.records import Approval, Caller, Reminder
from hivelib.store import approvals, reminders
from tests.support.residents import voice
from tests.support.undecided import job_of, now, quiet

MANAGER = Caller("manager", "manager", "mcp")


def ask(hive: Hive, name: str = "alice", message: str = "look", **more: object) -> Approval:
    """A pending schedule of an agent's own: hourly, unless told."""
    if not {"every", "calendar"} & more.keys():
        more["every"] = 3600.0
    caller = MANAGER if name == "manager" else voice(name)
    return now(hive, scheduling.request(hive, caller, name, message, **more))  # type: ignore[arg-type]


def work(hive: Hive, number: int) -> str:
    """The worker's part of an approved one: its note, or why it came to nothing."""
    try:
        return scheduling.carry_out(hive, job_of(hive, number, "schedule"), quiet)
    except HiveError as error:
        return error.message


def scheduled(hive: Hive) -> list[Reminder]:
    """All recurring reminders that there are."""
    return reminders.recurring(hive.db)


def all_of(hive: Hive) -> list[Approval]:
    """All approvals, oldest first."""
    return approvals.latest(hive.db, 100)
