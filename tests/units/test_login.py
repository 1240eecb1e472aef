"""A login through the box: the address comes out, a code goes in, `auth status` decides."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.base.toml import changed
from tests.support.hive import LiveHive

pytestmark = pytest.mark.timeout(180)

# Speaks as `claude auth` was seen to speak (facts): prompt without newline, a wrong code asks again.
CLAUDE = """#!/usr/bin/python3 -IS
import json, os, sys
LOGIN = "/root/.claude/.credentials.json"
if sys.argv[1:] == ["auth", "status"]:
    print(json.dumps({"loggedIn": os.path.exists(LOGIN), "authMethod": "claude.ai"}))
    sys.exit(not os.path.exists(LOGIN))
assert sys.argv[1:] == ["auth", "login"], sys.argv
print("Opening browser to sign in\\u2026\\nIf it didn't open, visit: https://sign.in/x?state=7", flush=True)
sys.stdout.write("Paste code here if prompted > "); sys.stdout.flush()
for line in sys.stdin:
    if line.strip() == "refused":
        sys.exit("Login failed: no")
    if "#" in line:
        open(LOGIN, "w").write("{}")
        print("Login successful.")
        break
    print("Invalid code. Please make sure the full code was copied.", file=sys.stderr, flush=True)
else:
    import time; time.sleep(600)  # as seen: the end of stdin does not end it
"""


@pytest.fixture
def hive(live_hive: Callable[..., LiveHive]) -> LiveHive:
    """A hive whose boxes have the claude above; alice is parked because her login does not work."""
    hive = live_hive([])
    hive.tool("hive-spawn", "alice")
    program = hive.directory / "claude"
    program.write_text(CLAUDE)
    program.chmod(0o755)
    config = hive.directory / "hive.toml"
    config.write_text(changed(config.read_text(), {"claude.path": str(program)}, keep=False))
    return hive


def park(hive: LiveHive) -> None:
    script = (
        "from hivelib.flow import settling; from hivelib.flow.opening import open_hive\n"
        "hive = open_hive()\n"
        "with hive.db.write(): settling.park(hive, 'alice', 'auth_failed', None, '401')"
    )
    from tests.support.source import ROOT

    hive.person.run([ROOT / ".venv/bin/python3", "-c", script], hive.environment)


def test_a_login_that_works_ends_the_parking(hive: LiveHive) -> None:
    park(hive)
    done = hive.tool("hive-login", "alice", stdin="wrong\ncode#state\n")
    assert done.stdout.splitlines() == ["https://sign.in/x?state=7", "alice is logged in"]
    assert "Invalid code" in done.stderr and "Login successful" in done.stderr
    row = hive.db.one("SELECT parked_kind, needs_login FROM agents WHERE name = 'alice'")
    assert row == (None, 0)
    kinds = [row["kind"] for row in hive.rows("hive-events", "--subject", "alice")]
    assert kinds.count("logged_in") == 1 and "agent_unparked" in kinds
    assert Path(hive.hive.paths.agent_claude("alice"), ".credentials.json").exists()
    assert not Path(hive.hive.paths.agent_claude("manager"), ".credentials.json").exists()


REFUSED = {"": "no code was given", "wrong\n": "Invalid code", "refused\n": "Login failed: no"}


def test_a_login_without_a_good_code_is_refused_and_leaves_nothing_running(hive: LiveHive) -> None:
    park(hive)
    for typed, said in REFUSED.items():
        done = hive.tool("hive-login", "alice", stdin=typed, check=False)
        assert (done.returncode, said in done.stderr.splitlines()[-1]) == (1, True), done.stderr
        assert hive.db.value("SELECT parked_kind FROM agents WHERE name = 'alice'") == "auth_failed"
        hive.until_unit("hive-exec@alice.service", "inactive")


def test_an_interrupted_login_leaves_nothing_running(hive: LiveHive) -> None:
    login = hive.start_tool(
        "hive-login", "alice", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert login.stdout and login.stdout.readline() == "https://sign.in/x?state=7\n"
    os.kill(login.pid, signal.SIGINT)
    login.communicate()
    assert login.returncode == 130
    hive.until_unit("hive-exec@alice.service", "inactive")


def test_a_stopped_agent_says_how_to_start_it(hive: LiveHive) -> None:
    hive.tool("hive-stop", "alice")
    done = hive.tool("hive-login", "alice", check=False)
    assert done.returncode == 1 and "hive-start alice" in done.stderr


def test_the_real_claude_gives_an_address_and_can_be_left(
    live_hive: Callable[..., LiveHive],
) -> None:
    hive = live_hive([])
    hive.tool("hive-spawn", "alice")
    done = hive.tool("hive-login", "alice", stdin="no-such-code\n", check=False)
    assert done.returncode == 1 and "Invalid code" in done.stderr
    assert done.stdout.startswith("https://") and "oauth/authorize" in done.stdout
    hive.until_unit("hive-exec@alice.service", "inactive")
