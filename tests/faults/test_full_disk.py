"""A disk without a byte left, or read-only: what cannot be kept is refused in a line, reading goes on, nothing is
corrupted, and afterwards all goes on."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from hivelib.base import bell
from hivelib.base.db import Database
from hivelib.base.errors import NotNow
from hivelib.flow import jobs, mailing
from tests.bin.conftest import give
from tests.faults.conftest import PLACES, Beside
from tests.support.mcp_rig import McpRig
from tests.support.page import open_page
from tests.support.residents import settle_in
from tests.support.small_disk import Disk, with_small_disk
from tests.support.state import make_state
from tests.support.waiting import until

FULL = ("the disk is full", "no space left on device", "the disk answered with an error")
READS = [
    ["hive-agents"],
    ["hive-events"],
    ["hive-pending"],
    ["hive-recv", "--peek"],
    ["hive-search", "first"],
    ["hive-status"],
    ["hive-thread", "1"],
    ["hive-tombstones"],
]
WRITES = [
    ["hive-backup", "copy.tar"],
    ["hive-dashboard-url"],
    ["hive-migrate"],
    ["hive-reconcile"],
    ["hive-recv"],
    ["hive-request-spawn", "carol"],
    ["hive-send", "alice", "x"],
    ["hive-spawn", "carol"],
    ["hive-turn", "alice"],
    ["hive-work", "lifecycle"],
]


def test_tools_refuse_to_write_and_go_on_reading_and_the_broker_stays_up() -> None:
    with_small_disk(tools_on_a_full_disk)


def tools_on_a_full_disk(disk: Disk) -> None:
    shell = raised(disk)
    with broker(shell) as process:
        accepted = filled_up(disk, shell)
        readable(shell)
        for tool, *words in WRITES:
            ran = shell.run(tool, *words)
            assert ran.status == 75 and any(part in ran.err for part in FULL), (tool, ran)
            assert ran.err.count("\n") == 1 and ran.err.startswith(f"{tool}: "), (tool, ran)
        bell.ring(f"{disk.where}/run/hyperhive/bell", "broker")
        whole(shell, accepted)
        disk.empty()
        assert shell.run("hive-send", "alice", "room again").status == 0
        parked = "UPDATE agents SET parked_kind = 'brake', parked_until = 1 WHERE name = 'bob'"
        with Database(str(shell.database)) as db, db.write():
            db.execute(parked)
        bell.ring(f"{disk.where}/run/hyperhive/bell", "broker")
        with Database(str(shell.database)) as db:
            until(
                lambda: db.value("SELECT parked_kind FROM agents WHERE name = 'bob'") is None,
                "the broker goes on",
            )
        assert process.poll() is None
        whole(shell, accepted + 1)


def test_on_a_read_only_disk_tools_refuse_to_write_and_go_on_reading() -> None:
    with_small_disk(tools_on_a_read_only_disk)


def tools_on_a_read_only_disk(disk: Disk) -> None:
    shell = raised(disk)
    shell.run("hive-send", "alice", "leaves the log behind")
    disk.read_only(True)
    readable(shell)
    for tool, *words in WRITES:
        ran = shell.run(tool, *words)
        assert ran.status == 75 and "read-only" in ran.err, (tool, ran)
        assert ran.err.count("\n") == 1 and ran.err.startswith(f"{tool}: "), (tool, ran)
    disk.read_only(False)
    assert shell.run("hive-send", "alice", "again").status == 0
    whole(shell, 4)


def test_agents_are_told_in_a_refusal() -> None:
    with_small_disk(agents_on_a_full_disk)


def agents_on_a_full_disk(disk: Disk) -> None:
    rig = McpRig(disk.where)
    rig.start()
    with contextlib.closing(rig.box("alice")) as box:
        rig.post("alice", "to take")
        disk.fill()
        for _ in range(3000):
            result = box.call("send", {"to": "bob", "body": "x" * 4000})
            if result["isError"]:
                break
        assert "the disk is full" in result["content"][0]["text"], result
        took = box.call("recv")
        assert took["isError"] and "the disk is full" in took["content"][0]["text"], took
        assert not box.call("history")["isError"], "reading goes on"
        assert "Traceback" not in rig.log.read_text()
        disk.empty()
        assert not box.call("send", {"to": "bob", "body": "again"})["isError"]
        assert box.call("recv")["structuredContent"]["messages"][0]["body"] == "to take"
        assert rig.hive.db.all("PRAGMA integrity_check") == [("ok",)]
    rig.stop()


def test_the_page_is_there_and_says_it() -> None:
    with_small_disk(page_on_a_full_disk)


def page_on_a_full_disk(disk: Disk) -> None:
    hive = make_state(disk.where)
    settle_in(hive, "manager", "alice")
    with hive.db, open_page(hive, disk.where / "hive.toml") as page:
        assert page.ask("GET", "/").status == 200
        disk.fill()
        with contextlib.suppress(NotNow):
            while True:
                mailing.send(hive, mailing.SHELL, "alice", "x" * 4000)
        assert page.ask("GET", "/").status == 200, "reading goes on"
        refused = page.ask("POST", "/api/send", {"to": "alice", "body": "x" * 4000})
        assert refused.status == 503 and "the disk is full" in refused.text, refused
        disk.empty()
        assert page.ask("POST", "/api/send", {"to": "alice", "body": "x"}).status == 200
        assert "Traceback" not in page.log.read_text()


def raised(disk: Disk) -> Beside:
    """A hive on the disk with manager, alice, bob, some mail and a job; nobody has its database open."""
    hive = make_state(disk.where)
    for folder in (*PLACES, "agents"):
        os.makedirs(f"{hive.paths.state}/{folder}")
    os.makedirs(hive.paths.bell)
    os.makedirs(hive.paths.slots)
    settle_in(hive, "manager", "alice", "bob")
    with hive.db.write():
        mailing.notify(hive, "alice", "the first")
        mailing.notify(hive, "operator", "to read")
    jobs.ask(hive, "stop", "bob", "operator")
    hive.db.close()
    give(disk.where)
    return Beside(disk.where)


@contextlib.contextmanager
def broker(shell: Beside) -> Iterator[subprocess.Popen[str]]:
    """hive-broker as a process, which keeps the database open as in every hive."""
    process = shell.start("hive-broker")
    fifo = f"{shell.where}/run/hyperhive/bell/broker"
    until(lambda: os.path.exists(fifo), "the broker listens")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def filled_up(disk: Disk, shell: Beside) -> int:
    """Fills the disk and sends until that is refused; gives back how many messages were accepted in all."""
    disk.fill()
    for number in range(3000):
        ran = shell.run("hive-send", "alice", f"{number} " + "x" * 3000)
        if ran.status:
            break
    assert ran.status == 75 and any(words in ran.err for words in FULL), ran
    assert ran.err.count("\n") == 1 and ran.out == ""
    return number + 2


def readable(shell: Beside) -> None:
    """All that only reads does so."""
    for tool, *words in READS:
        ran = shell.run(tool, *words)
        assert ran.status == 0, (tool, ran)


def whole(shell: Beside, messages: int) -> None:
    """The database is whole and holds so many messages."""
    with Database(str(shell.database)) as db:
        assert db.all("PRAGMA integrity_check") == [("ok",)]
        assert db.value("SELECT count(*) FROM messages") == messages
