"""What a box leaves behind: processes, files, links, and a disk that is full."""

import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from tests.attacks.intruder import Box
from tests.attacks.rig import DISK, Attacked, clean
from tests.support.hive import KEY
from tests.support.waiting import until

MARK = "98761"


def leave_children(box: Box, mark: str, crash: bool) -> Any:
    """Leaves children that do not want to die, in every way to get away from a parent."""
    script = "for n in range(1, 32): n in (9, 19) or signal.signal(n, signal.SIG_IGN)"
    script = f"import signal, time\n{script}\ntime.sleep({mark})"
    stubborn = [sys.executable, "-Sc", script]
    quiet: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    subprocess.Popen(stubborn, start_new_session=True, **quiet)
    subprocess.Popen(["nohup", "setsid", "sleep", mark], **quiet)
    subprocess.Popen(["sh", "-c", f"(sleep {mark} &) ; (setsid sleep {mark} & )"], **quiet)
    subprocess.Popen(["sleep", mark])  # this one keeps claude's own pipes open
    stopped = subprocess.Popen(["sleep", mark], start_new_session=True)
    os.kill(stopped.pid, 19)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", mark])
        os._exit(0)
    link = box.connect()
    os.set_inheritable(link.fileno(), True)
    subprocess.Popen(["sleep", mark], close_fds=False)  # and this one a way to the hive
    if crash:
        os.kill(os.getpid(), 11)
    return len([one for one in os.listdir("/proc") if one.isdigit()])


def children(attacked: Attacked) -> list[str]:
    """What still runs of them."""
    return [words for words in attacked.hive.processes().values() if MARK in words]


def test_no_child_outlives_its_turn(attacked: Attacked) -> None:
    attacked.spawn("parent")
    assert attacked.attack("parent", leave_children, mark=MARK, crash=False) > 8
    line = attacked.told_once("hive-exec@parent", "parent: claude ended and left ")
    assert line.endswith("processes running; they end with its box")
    until(lambda: not children(attacked), "none of them is left", 10, lambda: children(attacked))
    attacked.spawn("crasher")
    crashed = attacked.begin("crasher", leave_children, mark=MARK, crash=True)
    turn = attacked.turn_of(crashed)
    assert attacked.outcome(turn) == "lost"
    attacked.told_once("hive-exec@crasher", "crasher: claude ended and left ")
    what = f"crasher: turn {turn} lost: claude was killed by signal 11; its mail goes back"
    attacked.told_once("hive-turn@crasher", what)
    attacked.hive.tool("hive-destroy", "crasher")  # its order would be delivered again
    until(lambda: not children(attacked), "none of them is left", 10, lambda: children(attacked))


def hold_on(box: Box, mark: str) -> Any:
    """Does not let its turn end: it hears no signal, and what it has started does not either."""
    for number in (1, 2, 3, 15):
        signal.signal(number, signal.SIG_IGN)
    subprocess.Popen(["sleep", mark], start_new_session=True)
    open("/shared/holding", "w").close()
    time.sleep(300)


def test_a_box_that_hears_nothing_is_ended_all_the_same(attacked: Attacked) -> None:
    attacked.spawn("mallory")
    holding = Path(attacked.hive.hive.paths.shared) / "holding"
    turn = attacked.turn_of(attacked.begin("mallory", hold_on, mark=MARK))
    until(holding.exists, "it holds on", explain=attacked.hive.explain)
    attacked.hive.tool("hive-stop", "mallory", seconds=25)
    assert attacked.outcome(turn) in ("lost", "cancelled")
    until(lambda: not children(attacked), "nothing of it is left", 5, lambda: children(attacked))
    attacked.told_once("hive-turn@mallory", f"mallory: turn {turn} ")
    attacked.hive.tool("hive-destroy", "mallory")


def plant(box: Box, aims: list[str], most: int) -> Any:
    """Leaves links, pipes, odd names and odd shapes wherever the host might look."""
    how = {}
    for place in ("/state", "/root/.claude", "/shared"):
        top = f"{place}/planted"
        os.makedirs(top)
        for number, aim in enumerate(aims):
            os.symlink(aim, f"{top}/link{number}")
        os.symlink("/", f"{top}/root")
        os.symlink(".", f"{top}/loop")
        os.mkfifo(f"{top}/pipe")
        box.tried(socket.socket(socket.AF_UNIX).bind, f"{top}/socket")
        for name in (b"\x1b[2J\x1b]0;gone\x07", b"a\nb", b"\xff\xfe", b"-rf", "\u202ecod".encode()):
            os.mkdir(os.fsencode(top) + b"/" + name)
            os.mkfifo(os.fsencode(top) + b"/" + name + b"/pipe")
        with open(f"{top}/sparse", "wb") as file:
            how[place] = box.tried(file.truncate, most * 1000)
            file.truncate(most // 2)
        os.mkdir(f"{top}/closed", 0)
    os.symlink(aims[0], "/root/.claude/.credentials.json")
    os.symlink(aims[0], "/root/.claude/settings.json")
    return how


def test_host_tools_follow_nothing_that_a_box_planted(attacked: Attacked) -> None:
    hive, paths = attacked.hive, attacked.hive.hive.paths
    aims = [
        f"{paths.state}/api-key",
        paths.database,
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
    ]
    attacked.spawn("planter")
    told = attacked.attack("planter", plant, aims=aims, most=DISK)
    assert set(told.values()) == {
        "OSError"
    }  # no file may be larger than the whole share, not even an empty one
    for words in (["hive-doctor"], ["hive-status"], ["hive-agents"], ["hive-agents", "--json"]):
        done = hive.tool(*words, check=False, seconds=30)
        assert clean(done.stdout + done.stderr), words
    copy = hive.person.home / "copy.tar"
    done = hive.tool("hive-backup", str(copy), seconds=60)
    assert "planted" in done.stderr and clean(done.stdout + done.stderr)
    assert KEY.encode() not in copy.read_bytes()
    with tarfile.open(copy) as tar:
        links = {one.name: one.linkname for one in tar if one.issym()}
        kinds = {one.name for one in tar if not (one.issym() or one.isreg() or one.isdir())}
        # Links are only where boxes write: in agents' files, and in the configs that the manager edits.
        assert {one.split("/")[0] for one in links} <= {"agents", "proposed", "shared"}
    assert aims[0] in links.values() and kinds == set()
    back = hive.person.home / "back"
    hive.tool("hive-backup", "--restore", str(copy), "--dir", str(back), seconds=60)
    restored = back / "state/agents/planter/state/planted/link0"
    assert os.readlink(restored) == aims[0]
    hive.tool("hive-destroy", "planter")
    hive.person.run(["sh", "-c", 'chmod u+rwx "$1"/*; rm -r "$1"', "sh", f"{paths.shared}/planted"])
