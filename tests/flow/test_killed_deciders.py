"""Killed between any two things that others can see: who proposes, who looks, who decides (test_killed_anywhere.py)."""

from collections.abc import Callable

import pytest

from hivelib.flow import deciding, submitting
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.host import git, repositories, templates
from hivelib.model.records import Caller
from tests.support.deploy_rig import OPERATOR
from tests.support.kill_rig import KillRig, config, turns
from tests.support.sandbox import sandbox

MANAGER = Caller("manager", "manager", "mcp")
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("kind", ["apply_commit", "spawn", "init_config"])
def test_submit(rig: KillRig, kind: str) -> None:
    """Who asks dies: the row is there with its job, or nothing; then the worker that looks at what was proposed."""
    if kind == "apply_commit":
        rig.deploy("alice", config(0), "spawn")
        place = f"{rig.hive.paths.proposed('alice')}/.git"
        files = {**templates.files("alice", "agent"), "agent.json": config(1)}
        main = repositories.main(rig.hive.settings, "alice")
        git.move(place, repositories.MAIN, git.write_commit(place, files, main, "more"), main)
    before = 0

    def ask(hive: Hive) -> None:
        name = f"a{before}"
        if kind == "apply_commit":
            submitting.request_apply_commit(hive, MANAGER, "alice", "main", "more")
        elif kind == "spawn":
            submitting.request_spawn(hive, SHELL, name, "a helper", config(before))
        else:
            submitting.request_init_config(hive, MANAGER, name, "a helper")

    def prepare_ask() -> Callable[[Hive], object]:
        nonlocal before
        before = rig.newest()
        return ask

    def prepare_fetch() -> Callable[[Hive], object]:
        prepare_ask()(rig.hive)
        return rig.worker("submissions")

    def came_to() -> str:
        return rig.end_of_newest() if rig.newest() > before else "nothing"

    with sandbox(rig.hive):
        came = rig.each_point(prepare_ask, came_to)
        assert turns(came.ends) == ["nothing", "pending"]
        came = rig.each_point(prepare_fetch, came_to)
        assert turns(came.ends) == ["pending"]


def test_approve(rig: KillRig) -> None:
    rig.deploy("alice", config(0), "spawn")

    def prepare() -> Callable[[Hive], object]:
        rig.propose("alice", config(rig.newest()))  # is superseded by the next that is approved
        number = rig.propose("alice", config(rig.newest()))
        return lambda hive: deciding.approve(hive, OPERATOR, number)

    came = rig.each_point(prepare, rig.end_of_newest)
    assert turns(came.ends) == ["pending", "deployed"]


def test_deny(rig: KillRig) -> None:
    rig.deploy("alice", config(0), "spawn")

    def prepare() -> Callable[[Hive], object]:
        number = rig.propose("alice", config(rig.newest()))
        return lambda hive: deciding.deny(hive, OPERATOR, number, "no")

    def prepare_worker() -> Callable[[Hive], object]:
        prepare()(rig.hive)
        return rig.worker("approvals")

    came = rig.each_point(prepare, rig.end_of_newest)
    assert turns(came.ends) == ["pending", "denied"]
    came = rig.each_point(prepare_worker, rig.end_of_newest)
    assert turns(came.ends) == ["denied"]
