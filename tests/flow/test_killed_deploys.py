"""A worker that mends what a dead one left believes neither a forged row nor an old decision.

Kills at every step are in test_killed_anywhere.py.
"""

from pathlib import Path

import pytest

from hivelib.flow import jobs, working
from hivelib.flow.opening import Hive
from hivelib.host import meta, repositories
from hivelib.store import approvals
from tests.support import fault_points
from tests.support.deploy_rig import DeployRig
from tests.support.fault_points import END


@pytest.fixture
def rig(private_state: Hive, short_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeployRig:
    """A hive with a manager and alice."""
    made = DeployRig(private_state, short_path, monkeypatch)
    made.ask("seed", "manager")
    made.deploy("alice", "{}\n", "spawn")
    return made


def work(hive: Hive) -> None:
    """The approvals' worker, from its start to its end."""
    working.run(hive, "approvals")


def test_the_manager_is_made_whatever_was_killed(
    private_state: Hive, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = DeployRig(private_state, short_path, monkeypatch)
    jobs.ask(rig.hive, "seed", "manager", "system")
    point = 3
    while fault_points.killed(rig.hive, point, short_path / "points", work)[-1] != END:
        point += 2
    assert point > 7
    assert rig.log() == ["deploy manager deployed/0"]
    assert repositories.tagged(rig.hive.settings, "manager", 0)
    assert rig.agent("manager").deployed_sha == repositories.main(rig.hive.settings, "manager")
    sql = "SELECT count(*) FROM events WHERE kind = 'spawned'"
    assert rig.hive.db.value(sql) == 1


@pytest.mark.parametrize("status", ["building", "activating"])
def test_a_forged_row_deploys_nothing(rig: DeployRig, status: str) -> None:
    number = rig.propose("alice", '{"model": "forged"}\n')
    with rig.hive.db.write() as db:
        approvals.move(db, number, "pending", status)
    rig.work()
    assert repositories.main(rig.hive.settings, "alice") == rig.approval(number).base
    assert rig.box("alice") == "{}" and len(meta.log(rig.hive.settings)) == 2


def test_an_old_deploy_cannot_be_played_again(rig: DeployRig) -> None:
    old = rig.deploy("alice", '{"model": "old"}\n')
    new = rig.deploy("alice", '{"model": "new"}\n')
    with rig.hive.db.write() as db:
        db.execute(
            "UPDATE approvals SET status = 'activating', resolved_at = NULL WHERE id = ?", (old.id,)
        )
    rig.work()
    assert rig.box("alice") == '{"model": "new"}'
    assert repositories.main(rig.hive.settings, "alice") == new.fetched_sha


def test_a_row_that_names_no_agent_is_no_path(rig: DeployRig) -> None:
    number = rig.propose("alice", "{}\n")
    with rig.hive.db.write() as db:
        db.execute(
            "UPDATE approvals SET status = 'building', agent = '../../etc' WHERE id = ?", (number,)
        )
    rig.work()
    assert rig.approval(number).status == "failed" and rig.approval(number).tag == ""
