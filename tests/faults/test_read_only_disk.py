"""A file system that became read-only: agents, the page and what runs say it in a line, reading goes on, and all goes
on by itself when it can be written again."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from hivelib.face import unit
from hivelib.flow import working
from hivelib.flow.opening import open_hive
from tests.faults.test_full_disk_jobs import rig
from tests.support.mcp_rig import McpRig
from tests.support.page import open_page
from tests.support.residents import settle_in
from tests.support.small_disk import Disk, with_small_disk
from tests.support.state import make_state


def outside(disk: Disk) -> Path:
    """A log beside the disk, where it can be written."""
    return disk.where.with_suffix(".log")


def test_agents_are_told_in_a_refusal() -> None:
    with_small_disk(agents_on_a_read_only_disk)


def agents_on_a_read_only_disk(disk: Disk) -> None:
    rig = McpRig(disk.where)
    rig.post("alice", "to take")
    turn = rig.begin("alice")
    rig.start()
    with contextlib.closing(rig.connect("alice").greet(turn.id)) as box:
        assert not box.call("history")["isError"]
        rig.hive.db.close()
        rig.stop(signal.SIGKILL)  # what is the last to go takes the log with it
    rig.log = outside(disk)
    disk.read_only(True)
    rig.start()
    with contextlib.closing(rig.connect("alice").greet(turn.id)) as box:
        calls = {
            "send": {"to": "bob", "body": "x"},
            "recv": {},
            "ask": {"question": "which?"},
            "remind": {"message": "look", "delay_seconds": 60},
            "wake": {"label": "make", "body": "done"},
        }
        for tool, said in calls.items():
            result = box.call(tool, said)
            text = result["content"][0]["text"]
            assert result["isError"] and "read-only" in text and "\n" not in text, (tool, text)
        for tool in ("history", "loose_ends", "whoami"):
            assert not box.call(tool)["isError"], "reading goes on"
        disk.read_only(False)
        refused = box.call("send", {"to": "bob", "body": "again"})
        assert refused["isError"] and "can be written again" in refused["content"][0]["text"]
        assert rig.process and rig.process.wait(20) == 0, "the next one opens it anew"
    rig.start()  # as its socket does
    with contextlib.closing(rig.connect("alice").greet(turn.id)) as box:
        assert not box.call("send", {"to": "bob", "body": "again"})["isError"]
        assert box.call("recv")["structuredContent"]["messages"][0]["body"] == "to take"
    rig.stop()
    assert "Traceback" not in rig.log.read_text()


def test_the_page_is_there_and_says_it() -> None:
    with_small_disk(page_on_a_read_only_disk)


def page_on_a_read_only_disk(disk: Disk) -> None:
    hive = make_state(disk.where)
    settle_in(hive, "manager", "alice")
    with open_page(hive, disk.where / "hive.toml") as page:
        hive.db.close()
        page.kill()  # what is the last to go takes the log with it
        page.log = outside(disk)
        disk.read_only(True)
        page.start()
        for path in ("/", "/agent/alice", "/history", "/statistics", "/system", "/search?q=x"):
            assert page.ask("GET", path).status == 200, (path, "reading goes on")
        changes = {
            "/api/send": {"to": "alice", "body": "x"},
            "/api/questions": {"to": "alice", "question": "which?"},
            "/api/reminders": {"name": "alice", "message": "look", "when": "+1h"},
            "/api/links": {},
        }
        for path, said in changes.items():
            refused = page.ask("POST", path, said)
            assert refused.status == 503 and "read-only" in refused.json["error"], (path, refused)
        disk.read_only(False)
        refused = page.ask("POST", "/api/send", {"to": "alice", "body": "x"})
        assert refused.status == 503 and "can be written again" in refused.json["error"], refused
        assert page.process.wait(20) == 0, "the next one opens it anew"
        page.start()  # as its socket does
        assert page.ask("POST", "/api/send", {"to": "alice", "body": "x"}).status == 200


def test_a_deploy_waits_and_is_not_called_a_bug() -> None:
    with_small_disk(deploy)


def deploy(disk: Disk) -> None:
    with rig(disk) as made:
        number = made.propose("alice", "{}", "spawn")
        made.approve(number)
        made.hive.db.close()
        leave_the_log(made.hive.paths.database)
        disk.read_only(True)
        with open_hive().db as db:
            hive = made.hive._replace(db=db)
            assert unit.run("hive-work", lambda: working.run(hive, "approvals")) == 75
        disk.read_only(False)
        made.hive = open_hive()
        assert made.approval(number).status == "approved"
        made.work()
        assert made.agrees(number) == "deployed"
        made.hive.db.close()


def leave_the_log(path: str) -> None:
    """What the last one to have the database open leaves when it does not get to close it."""
    code = "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1])"
    code += "; db.execute('SELECT count(*) FROM jobs').fetchall(); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, path], check=True)
