"""One box takes all it can get; the others must not feel it, and the hive must not grow."""

import fcntl
import os
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.intruder import HELLO, MCP, NET, Box
from tests.attacks.rig import MEMORY, TASKS, Attacked
from tests.support.waiting import until

TIMES = 40


def measure(box: Box, times: int) -> Any:
    """How long each of some sends takes, in seconds, over one connection that is open already."""
    took = []
    with box.connect() as link:
        hello = {"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": HELLO}
        box.speak(link, box.preamble(), hello)
        box.heard(link, 1)
        box.speak(link, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        for number in range(times):
            ask = {"name": "send", "arguments": {"to": "operator", "body": f"measured {number}"}}
            began = time.monotonic()
            box.speak(link, {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": ask})
            answer = box.heard(link, 1)[0]["result"]
            took.append(time.monotonic() - began)
            assert not answer["isError"], answer
            time.sleep(0.02)
    return took


def flood(box: Box, sign: str) -> Any:  # noqa: C901  one attack is one function: its text goes into the box
    """Connections, garbage and endless lines on both sockets, until the sign is taken away."""
    from threading import Thread

    open(sign, "w").close()
    counts = {"lines": 0, "held": 0, "asked": 0, "endless": 0}
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}

    def connect(path: str) -> None:
        held = []
        while os.path.exists(sign):
            with suppress(OSError):
                link = socket.socket(socket.AF_UNIX)
                link.settimeout(1)
                link.connect(path)
                held.append(link)
                counts["held"] += 1
            if len(held) > 200:
                held.clear()
            time.sleep(0.002)

    def babble(first: object, line: bytes, kind: str) -> None:
        while os.path.exists(sign):
            with suppress(OSError), box.connect() as link:
                box.speak(link, first, hello)
                while os.path.exists(sign):
                    box.speak(link, line)
                    counts[kind] += 1
            time.sleep(0.01)

    def never_end() -> None:
        while os.path.exists(sign):
            with suppress(OSError), box.connect() as link:
                box.speak(link, box.preamble())
                for _ in range(100):
                    link.sendall(b"x" * (1 << 20))
            counts["endless"] += 1
            time.sleep(0.05)

    ask = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "history", "arguments": {}}}'
    deep = (
        b'{"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"x": '
        + b"[" * 4000
        + b"]" * 4000
        + b"}}"
    )
    work: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        (connect, (MCP,)),
        (connect, (NET,)),
        (babble, (box.preamble(), os.urandom(3000).replace(b"\n", b""), "lines")),
        (babble, (box.preamble(), deep, "lines")),
        (babble, (box.preamble(), ask, "asked")),
        (never_end, ()),
    ]
    threads = [Thread(target=one, args=given, daemon=True) for one, given in work]
    for thread in threads:
        thread.start()
    until_then = time.monotonic() + 60
    while os.path.exists(sign) and time.monotonic() < until_then:
        time.sleep(0.05)
    return counts


@pytest.mark.alone
def test_a_flood_slows_its_own_box_only(attacked: Attacked) -> None:
    hive, sign = attacked.hive, Path(attacked.hive.hive.paths.shared) / "flooding"
    quiet = attacked.attack("bob", measure, times=TIMES)
    pid = hive.main_pid("hive-mcp.service")
    flooding = attacked.begin("alice", flood, sign="/shared/flooding")
    until(sign.exists, "the flood", explain=hive.explain)
    attacked.journal("hive-mcp", "alice: has 8 connections; one more was closed")
    loud = attacked.attack("bob", measure, times=TIMES)
    sign.unlink()
    counts = attacked.report("alice", flooding)
    quiet += attacked.attack("bob", measure, times=TIMES)  # before and after: the machine has moods
    assert min(counts.values()) > 0, counts
    middle, worst = statistics.median(quiet), statistics.median(loud)
    figures = f"a send takes {middle * 1000:.1f} ms, in a flood {worst * 1000:.1f} ms; {counts}"
    assert worst <= 2 * middle, figures
    attacked.journal("hive-mcp", "alice: a line of over 1048576 bytes; connection closed")
    attacked.journal("hive-mcp", "alice: a line that is no message")
    attacked.journal("hive-mcp", "alice: more than 50 lines a second; slowed down")
    for name in ("mcp", "net"):
        attacked.journal("hive-door@alice", f"alice: over 25 connections a second on {name}.sock")
    assert hive.main_pid("hive-mcp.service") == pid  # it did not die of it
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert peak and int(peak[1]) < 250_000
    # A flood of calls is no flood of lines.
    assert len(attacked.log("hive-mcp").splitlines()) < 50
    assert len(attacked.log("hive-door@alice").splitlines()) < 10


def wake_without_end(box: Box, times: int) -> Any:
    """Wakes itself, each time under another label and over one connection; then takes what came of it."""
    with box.connect() as link:
        hello = {"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": HELLO}
        box.speak(link, box.preamble(), hello)
        box.heard(link, 1)
        box.speak(link, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        told = []
        for number in range(times):
            ask = {"name": "wake", "arguments": {"label": f"cron-{number}", "body": "again"}}
            box.speak(link, {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": ask})
            told.append(box.heard(link, 1)[0]["result"]["content"][0]["text"])
    taken = box.call("recv", {"max": 32})["structuredContent"]["messages"]
    return {"told": told, "taken": len(taken)}


def test_a_box_that_wakes_itself_without_end_is_slowed_down(attacked: Attacked) -> None:
    attacked.spawn("restless")
    found = attacked.attack("restless", wake_without_end, times=40)
    refused = [text for text in found["told"] if "woken too often" in text]
    assert len(refused) == 10 and all("try again in" in text for text in refused), found["told"]
    assert found["taken"] == 30
    attacked.told_once("hive-mcp", "restless: ‘wake’ refused: you are woken too often")
    assert len(attacked.events("dampened", "restless")) == 1, "the operator is told once"
    attacked.hive.tool("hive-destroy", "restless")


def hoard(box: Box, sign: str) -> Any:
    """Takes all there is of what the kernel counts for a uid, whatever box its processes are in.

    Descriptors sent and never taken come last: with too many of them nothing else could be tried.
    """
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    counts = {"watchers": 0, "pipes": 0, "signals": 0, "in flight": 0}
    while box.syscall(294, 0) == "ok" and counts["watchers"] < 1000:
        counts["watchers"] += 1
    kept: list[object] = [socket.socketpair()]
    with suppress(OSError):
        while counts["pipes"] < 128:
            fcntl.fcntl(os.pipe()[1], fcntl.F_SETPIPE_SZ, 1 << 20)
            counts["pipes"] += 1
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
    info = struct.pack("iii", signal.SIGRTMIN, 0, -1) + bytes(116)
    while (
        box.syscall(129, os.getpid(), int(signal.SIGRTMIN), info) == "ok"
        and counts["signals"] < 200_000
    ):
        counts["signals"] += 1
    with suppress(OSError):
        while counts["in flight"] < 60_000:
            pair = socket.socketpair()
            kept.append(pair)
            pair[0].setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    socket.send_fds(pair[0], [b"x"], [0] * 250)
                    counts["in flight"] += 250
    open(sign, "w").close()
    until_then = time.monotonic() + 30
    while os.path.exists(sign) and time.monotonic() < until_then:
        time.sleep(0.05)
    return counts


def whoami(box: Box) -> Any:
    """Says who it is."""
    return box.text("whoami", {})


@pytest.mark.alone
def test_what_the_kernel_counts_by_uid_is_not_used_up_for_others(attacked: Attacked) -> None:
    sign = Path(attacked.hive.hive.paths.shared) / "hoarding"
    hoarding = attacked.begin("alice", hoard, sign="/shared/hoarding")
    until(sign.exists, "the hoard", explain=attacked.hive.explain)
    assert attacked.attack("bob", whoami).startswith("you are bob")
    attacked.hive.tool("hive-stop", "bob")
    attacked.hive.tool("hive-start", "bob")
    assert attacked.attack("bob", whoami).startswith("you are bob")
    sign.unlink()
    counts = attacked.report("alice", hoarding)
    assert min(counts.values()) > 0, counts
    assert counts["in flight"] > 1024  # what a service may have by default


def counted(pid: int, what: str) -> bool:
    """Whether a controller has this file for the units of the manager that runs process `pid`."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if Path(f"/sys/fs/cgroup/{controllers}{os.path.dirname(group)}/{what}").exists():
            return True
    return False


def multiply(box: Box, most: int) -> Any:
    """Forks until it may not any more, at most so often."""
    children = []
    try:
        for _ in range(most):
            children.append(subprocess.Popen(["/bin/sleep", "600"]))
    except OSError as error:
        return {"made": len(children), "stopped": type(error).__name__}
    return {"made": len(children), "stopped": ""}


def test_a_fork_bomb_ends_at_its_share(attacked: Attacked) -> None:
    attacked.spawn("forker")
    told = attacked.attack("forker", multiply, most=3 * TASKS)
    assert told["stopped"] == "BlockingIOError" and told["made"] < TASKS
    assert attacked.attack("bob", multiply, most=10) == {"made": 10, "stopped": ""}
    attacked.told_once("hive-exec@forker", f"forker: claude ended and left {told['made']} ")
    if counted(attacked.hive.main_pid("hive-broker.service"), "pids.events"):
        attacked.told_once("hive-turn@forker", "forker: its box was refused a process or thread")
    gone = "not a process of it"
    until(
        lambda: not any("sleep 600" in words for words in attacked.hive.processes().values()), gone
    )


def hog(box: Box, most: int) -> Any:
    """Takes memory in a child of its own until that is killed, at most so many bytes."""
    script = f"kept = []\nfor _ in range({most} >> 20): kept.append(b'x' * (1 << 20))"
    return subprocess.run([sys.executable, "-ISc", script], check=False).returncode


def test_a_memory_hog_ends_at_its_share(attacked: Attacked) -> None:
    hive = attacked.hive
    assert hive.systemctl("show", "-p", "MemoryMax", "--value", "hive-exec@alice").strip() == str(
        MEMORY
    )
    pid = hive.main_pid("hive-broker.service")
    if not (counted(pid, "memory.current") or counted(pid, "memory.limit_in_bytes")):
        pytest.skip("no memory controller for the hive's manager here")
    assert attacked.attack("alice", hog, most=2 * MEMORY) == -9
    assert attacked.attack("alice", whoami).startswith("you are alice")
