"""What the broker does about units that fail: it starts them again and says so for as long as it lasts."""

import pytest

from hivelib.base.db import Database
from tests.support.raising import Upped
from tests.support.waiting import until_event

UNIT = "hive-mcp.service"


@pytest.mark.parametrize("restart", ["no", "on-failure"])
def test_a_unit_that_fails_is_told_of_until_it_is_well(hive: Upped, restart: str) -> None:
    directory = hive.directory / f"config/systemd/user/{UNIT}.d"
    directory.mkdir(exist_ok=True)
    with Database(f"{hive.directory}/state/hive.sqlite", read_only=True) as db:
        warned = "SELECT count(*) FROM events WHERE kind = 'warning_raised'"
        assert db.value(warned) == 0
        (directory / "90-broken.conf").write_text(
            f"[Service]\nExecStart=\nExecStart=false\nRestart={restart}\nRestartSec=1h\n"
        )
        hive.systemctl("daemon-reload")
        hive.systemctl("start", "--no-block", UNIT)
        hive.systemctl("restart", "hive-broker.service")  # it looks around when it starts
        until_event(db, "warning_raised", UNIT)
        assert UNIT in hive.tool("hive-status")
        (directory / "90-broken.conf").unlink()
        hive.systemctl("daemon-reload")
        hive.systemctl("restart", UNIT)
        hive.systemctl("restart", "hive-broker.service")
        until_event(db, "warning_cleared", UNIT)
        assert db.value(warned) == 1
        assert db.value("SELECT count(*) FROM warnings") == 0
