"""Building with a real systemd: the box in which a config is tried has all that it needs, and says what is missing."""

import json
import sys

from tests.conftest import RaiseHive

BUILD = """
import io, sys
from hivelib.base.config import load_settings
from hivelib.base.errors import HiveError
from hivelib.host.boxes import bwrap
settings = load_settings()
for name, command in (("good", "python3"), ("bad", "no-such-program")):
    text = '{"extra_mcp_servers": {"x": {"command": "%s"}}}' % command
    try:
        bwrap.build(settings, name, "c" * 40, {"agent.json": text}, io.StringIO())
        print("built")
    except HiveError as error:
        print(error.message)
bwrap.activate(settings, "good", "c" * 40, run=True)
print(bwrap.status(settings, "good").started)
bwrap.stop(settings, "good")
"""


def test_a_build_is_tried_in_a_unit_of_its_own(live_hive: RaiseHive) -> None:
    hive = live_hive([])
    said = hive.person.run([sys.executable, "-c", BUILD], hive.environment).stdout.splitlines()
    missing = "extra_mcp_servers.x: no program no-such-program in the box"
    assert said == ["built", missing, "True"]
    deployed = json.loads((hive.directory / "state/agents/good/agent.json").read_text())
    assert deployed["extra_mcp_servers"]["x"]["command"] == "python3"
    assert hive.systemctl("list-units", "--failed", "--plain", "--no-legend", "hive-*") == ""
