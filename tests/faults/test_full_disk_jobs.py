"""A disk that is full, or read-only, while the operator decides and the worker deploys: all of it or nothing, later."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base.errors import NotNow
from hivelib.flow import deciding, working
from hivelib.store import jobs
from tests.support.deploy_rig import OPERATOR, DeployRig
from tests.support.small_disk import Disk, with_small_disk
from tests.support.state import make_state


def test_a_decision_is_whole_or_absent_and_comes_with_room() -> None:
    with_small_disk(decide)


def decide(disk: Disk) -> None:
    with rig(disk) as made:
        number = made.propose("alice", "{}", "spawn")
        decision = Path(made.hive.paths.decision(number))
        disk.fill()
        with pytest.raises(NotNow):
            deciding.approve(made.hive, OPERATOR, number)
        assert os.listdir(decision.parent) == [], "nor half of one"
        assert made.approval(number).status == "pending"
        disk.empty()
        assert deciding.approve(made.hive, OPERATOR, number)
        made.work()
        assert made.agrees(number) == "deployed"


def test_a_deploy_waits_for_room_and_is_not_called_a_bug() -> None:
    with_small_disk(deploy)


def deploy(disk: Disk) -> None:
    with rig(disk) as made:
        number = made.propose("alice", "{}", "spawn")
        made.approve(number)
        disk.fill()
        with pytest.raises(NotNow):
            working.run(made.hive, "approvals")
        assert len(jobs.unfinished(made.hive.db, "approvals")) == 1
        assert made.approval(number).status in ("approved", "building")
        disk.empty()
        made.work()
        assert made.agrees(number) == "deployed"


@contextlib.contextmanager
def rig(disk: Disk) -> Iterator[DeployRig]:
    """A manager, and what deploys agents, on the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIVE_CONFIG", str(disk.where / "hive.toml"))
        hive = make_state(disk.where)
        made = DeployRig(hive, disk.where, patch)
        made.ask("seed", "manager")
        with hive.db:
            yield made
