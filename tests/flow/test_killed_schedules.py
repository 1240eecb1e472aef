"""Killed between any two things that others can see: who asks for a schedule, who decides, and the worker that adds it.

There is one reminder for each approval that was approved in the end, and none for any other.
"""

from collections.abc import Callable

import pytest

from hivelib.flow import deciding, scheduling
from hivelib.flow.opening import Hive
from hivelib.store import approvals, reminders
from tests.support.deploy_rig import OPERATOR
from tests.support.kill_rig import KillRig, turns
from tests.support.schedules import MANAGER

pytestmark = pytest.mark.timeout(600)


def ask(hive: Hive) -> int:
    """Hourly, for the manager: the only one there is."""
    words = f"look {len(approvals.latest(hive.db, 999))}"
    return scheduling.request(hive, MANAGER, "manager", words, every=3600.0)


def test_ask_decide_and_schedule(rig: KillRig) -> None:
    before = 0

    def prepare_ask() -> Callable[[Hive], object]:
        nonlocal before
        before = rig.newest()
        return ask

    def prepare_approve() -> Callable[[Hive], object]:
        number = ask(rig.hive)
        return lambda hive: deciding.approve(hive, OPERATOR, number)

    def prepare_deny() -> Callable[[Hive], object]:
        number = ask(rig.hive)
        deciding.deny(rig.hive, OPERATOR, number, "no")
        return rig.worker("approvals")

    def prepare_work() -> Callable[[Hive], object]:
        deciding.approve(rig.hive, OPERATOR, ask(rig.hive))
        return rig.worker("approvals")

    def came_to() -> str:
        number = rig.newest()
        if number == before:
            return "nothing"
        return rig.end_of_newest()

    assert turns(rig.each_point(prepare_ask, came_to).ends) == ["nothing", "pending"]
    before = 0
    assert turns(rig.each_point(prepare_approve, came_to).ends) == ["pending", "deployed"]
    assert turns(rig.each_point(prepare_work, came_to).ends) == ["deployed"]
    assert turns(rig.each_point(prepare_deny, came_to).ends) == ["denied"]
    numbers = [one.id for one in approvals.latest(rig.hive.db, 999) if one.status == "deployed"]
    assert [one.approval for one in reminders.recurring(rig.hive.db)] == numbers
