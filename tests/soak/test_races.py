"""A thousand times two operators decide the same approval in the same moment: each is one decision and one deploy."""

from pathlib import Path

import pytest

from hivelib.flow.opening import Hive
from tests.support import deciders
from tests.support.deploy_rig import DeployRig


@pytest.mark.timeout(24 * 3600)
def test_shell_and_page_decide_at_once_a_thousand_times(
    request: pytest.FixtureRequest,
    private_state: Hive,
    short_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = DeployRig(private_state, short_path, monkeypatch)
    rig.ask("seed", "manager")
    rig.deploy("alice", "{}\n", "spawn")
    count = request.config.getoption("--races")
    won = deciders.race(rig, count)
    assert won.total() == count
    print(f"{count} races, won by {dict(won)}")
