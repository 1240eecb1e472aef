"""Two operators decide the same approval in the same moment: one decision, one deploy."""

from pathlib import Path

import pytest

from hivelib.flow.opening import Hive
from tests.support import deciders
from tests.support.deploy_rig import DeployRig


def test_shell_and_page_at_once_make_one_decision_and_one_deploy(
    private_state: Hive, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = DeployRig(private_state, short_path, monkeypatch)
    rig.ask("seed", "manager")
    rig.deploy("alice", "{}\n", "spawn")
    won = deciders.race(rig, 50)
    assert won.total() == 50
