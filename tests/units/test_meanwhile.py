"""What happens between look and decision, and during a build, with real units: another deploy, a destroy."""

import fcntl
import json
import os
import time
from pathlib import Path

from hivelib.host import flake, meta, repositories
from tests.conftest import RaiseHive
from tests.support.hive import LiveHive
from tests.support.waiting import until

GIT = ["git", "-c", "user.name=manager", "-c", "user.email=m@hive"]


def propose(hive: LiveHive, branch: str, begin: str, config: str) -> int:
    """What the manager does: a commit with this agent.json on a branch that begins at `begin`, then the request."""
    place = hive.hive.paths.proposed("alice")
    git = [*GIT, "-C", place]
    hive.person.run([*git, "fetch", "--quiet", hive.hive.paths.applied("alice"), "main"])
    hive.person.run([*git, "checkout", "--quiet", "-B", branch, begin])
    hive.person.run(["tee", f"{place}/agent.json"], stdin=config)
    hive.person.run([*git, "commit", "--quiet", "--all", "--message", branch])
    hive.tool("hive-request-apply-commit", "alice", branch)
    number = int(hive.db.value("SELECT max(id) FROM approvals"))
    hive.until_value("SELECT status = 'pending' FROM approvals WHERE id = ?", number)
    return number


def status(hive: LiveHive, number: int) -> str:
    return str(hive.db.value("SELECT status FROM approvals WHERE id = ?", number))


def refused(hive: LiveHive, number: int) -> str:
    done = hive.tool("hive-approve", str(number), check=False)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def config(hive: LiveHive) -> str:
    return Path(hive.hive.paths.agent_config("alice")).read_text()


def another_deploy_comes_between_look_and_decision(hive: LiveHive) -> None:
    first = propose(hive, "one", "FETCH_HEAD", '{"model": "opus"}\n')
    assert "opus" in hive.tool("hive-show", str(first)).stdout
    beside = propose(hive, "two", "FETCH_HEAD", '{"model": "haiku"}\n')
    hive.tool("hive-approve", str(beside), "--follow")
    assert f"approval {first} is over: superseded; have it proposed again" in refused(hive, first)
    assert json.loads(config(hive)) == {"model": "haiku"}
    below = propose(hive, "three", "FETCH_HEAD", '{"model": "opus"}\n')
    above = propose(hive, "four", "three", '{"model": "sonnet"}\n')
    assert "next:" in hive.tool("hive-show", str(above)).stdout
    hive.tool("hive-approve", str(below), "--follow")
    assert f"look again: hive-show {above}" in refused(hive, above)
    assert status(hive, above) == "pending"
    assert "MOVED since the last look" in hive.tool("hive-show", str(above)).stdout
    hive.tool("hive-approve", str(above), "--follow")
    assert json.loads(config(hive)) == {"model": "sonnet"}


def a_destroy_comes_during_a_build(hive: LiveHive) -> None:
    settings, gate = hive.hive.settings, hive.directory / "gate"
    hold = hive.directory / "config/systemd/user/hive-trial@alice.service.d/99-held.conf"
    hive.person.run(["mkdir", "-p", str(hold.parent)])
    hold.write_text(f"[Service]\nExecStartPre=/usr/bin/flock {gate} /bin/true\n")
    hive.systemctl("daemon-reload")
    main, before = repositories.main(settings, "alice"), config(hive)
    number = propose(hive, "five", "FETCH_HEAD", '{"model": "opus"}\n')
    hive.person.run(["touch", str(gate)])
    with open(gate, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        hive.tool("hive-approve", str(number))
        hive.until_unit("hive-trial@alice.service", "activating")
        began = time.monotonic()
        hive.tool("hive-destroy", "alice")
        assert time.monotonic() - began < 40  # the trial would be given up after 60
        assert status(hive, number) == "building"
        assert hive.unit("hive-trial@alice.service") == "activating"
    hive.until_value("SELECT status = 'failed' FROM approvals WHERE id = ?", number)
    row = "SELECT note FROM approvals WHERE id = ?"
    assert hive.db.value(row, number) == "alice was destroyed meanwhile"
    hive.until_value("SELECT NOT EXISTS(SELECT 1 FROM jobs WHERE ended_at IS NULL)")
    tags = repositories.tagged(settings, "alice", number)
    assert "failed" in tags and "deployed" not in tags
    assert repositories.main(settings, "alice") == main and config(hive) == before
    assert "alice" not in flake.agents_of(meta.lock(settings))
    assert os.listdir(hive.hive.paths.candidates) == ["lock"]
    until(lambda: hive.unit("hive-agent@alice.target") == "inactive", "alice is down")
    assert hive.systemctl("list-units", "--failed", "--plain", "--no-legend", "hive-*") == ""
    sql = (
        "SELECT body FROM messages WHERE recipient = 'manager' AND body LIKE '%approval_resolved%'"
    )
    told = [json.loads(body) for (body,) in hive.db.all(sql)]
    assert [one["status"] for one in told if one["id"] == number] == ["failed"]


def test_what_happens_meanwhile(live_hive: RaiseHive) -> None:
    hive = live_hive([])
    hive.tool("hive-spawn", "alice")
    another_deploy_comes_between_look_and_decision(hive)
    a_destroy_comes_during_a_build(hive)
