"""hive-door with real sockets: the test plays systemd (it holds the listeners), the servers and the callers."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source import ROOT
from tests.support.waiting import until

# What systemd does: the listening sockets become descriptors 3, 4, …
AS_SYSTEMD = """
import fcntl, os, sys
numbers = [int(word) for word in sys.argv[1].split(",")]
copies = [fcntl.fcntl(number, fcntl.F_DUPFD, 3 + len(numbers)) for number in numbers]  # where nothing is
for place, copy in enumerate(copies): os.dup2(copy, 3 + place)
os.environ.update(LISTEN_FDS=str(len(numbers)))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Gate:
    """One agent's two listening sockets, and a door on them."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.listeners = []
        for kind in ("mcp", "net"):
            (where / "agents/alice" / kind).mkdir(parents=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(where / "agents/alice" / kind / f"{kind}.sock"))
            listener.listen(512)
            self.listeners.append(listener)

    def door(self, linger: float) -> subprocess.Popen[str]:
        numbers = [one.fileno() for one in self.listeners]
        words = ",".join(map(str, numbers))
        command = ["/usr/bin/python3", "-IS", "-c", AS_SYSTEMD, words, str(ROOT / "bin/hive-door")]
        arguments = [str(self.where), "alice", str(linger)]
        return subprocess.Popen(
            [*command, *arguments], pass_fds=numbers, stderr=subprocess.PIPE, text=True
        )

    def server(self, name: str) -> socket.socket:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        server.bind(str(self.where / f"{name}.handoff"))
        server.settimeout(10)
        return server

    def call(self, kind: str) -> socket.socket:
        caller = socket.socket(socket.AF_UNIX)
        caller.settimeout(10)
        caller.connect(str(self.where / "agents/alice" / kind / f"{kind}.sock"))
        return caller


@pytest.fixture
def gate(short_path: Path) -> Iterator[Gate]:
    gate = Gate(short_path)
    yield gate
    for one in gate.listeners:
        one.close()


def received(server: socket.socket) -> tuple[bytes, socket.socket]:
    """One datagram: the name, and the connection that came with it."""
    name, numbers, _, _ = socket.recv_fds(server, 100, 4)
    assert len(numbers) == 1
    return name, socket.socket(fileno=numbers[0])


@pytest.mark.parametrize(("kind", "server"), [("mcp", "mcp"), ("net", "egress")])
def test_a_connection_arrives_with_the_agents_name(gate: Gate, kind: str, server: str) -> None:
    handoff, caller = gate.server(server), gate.call(kind)
    door = gate.door(0.1)
    name, connection = received(handoff)
    assert name == b"alice"
    caller.sendall(b"hello")
    connection.sendall(b"hello back")
    assert connection.recv(10) == b"hello" and caller.recv(10) == b"hello back"
    assert door.communicate(timeout=10)[1] == "" and door.returncode == 0


def test_all_that_waited_is_handed_over_by_one_door(gate: Gate) -> None:
    handoff = gate.server("mcp")
    callers = [gate.call("mcp") for _ in range(40)]
    door = gate.door(0.1)
    for caller in callers:
        caller.sendall(b"me")
        assert received(handoff)[1].recv(2) == b"me"
    assert door.wait(10) == 0


def test_a_missing_server_costs_only_its_own_callers(gate: Gate) -> None:
    handoff = gate.server("egress")
    lost, kept = [gate.call("mcp") for _ in range(3)], gate.call("net")
    door = gate.door(0.2)
    assert [caller.recv(1) for caller in lost] == [b""] * 3
    _, connection = received(handoff)
    kept.sendall(b"still open")
    assert connection.recv(10) == b"still open"
    _, said = door.communicate(timeout=10)
    assert door.returncode == 0
    first, total = said.splitlines()  # one line at once, and how many it was in the end
    assert "mcp.handoff: No such file" in first and "3 connections" in total


def test_a_server_that_was_made_anew_is_found(gate: Gate) -> None:
    old = gate.server("mcp")
    door = gate.door(1.0)
    gate.call("mcp")
    received(old)
    old.close()
    os.unlink(gate.where / "mcp.handoff")
    new = gate.server("mcp")
    gate.call("mcp")
    assert received(new)[0] == b"alice"
    assert door.wait(10) == 0


def test_a_slow_server_makes_callers_wait_and_loses_none(gate: Gate) -> None:
    handoff, other = gate.server("mcp"), gate.server("egress")
    callers = [gate.call("mcp") for _ in range(40)]  # more than a datagram socket's queue holds
    door = gate.door(0.1)
    outgoing = gate.call("net")
    received(other)  # the way out is not held up
    outgoing.close()
    assert door.poll() is None
    for caller in callers:
        caller.sendall(b"x")
        assert received(handoff)[1].recv(1) == b"x"
    assert door.wait(10) == 0


def test_a_flood_is_let_in_slowly_and_does_not_hold_up_the_other_socket(gate: Gate) -> None:
    handoff, other = gate.server("mcp"), gate.server("egress")
    flood = [gate.call("mcp") for _ in range(90)]
    door, began = gate.door(0.1), time.monotonic()
    for _ in range(50):
        received(handoff)[1].close()
    gate.call("net")
    received(other)
    for _ in range(40):
        received(handoff)[1].close()
    assert time.monotonic() - began >= 40 / 25 * 0.9
    assert len(flood) == 90 and door.poll() is None  # else it would forget that it has told
    door.terminate()
    line = "hive-door: alice: over 25 connections a second on mcp.sock; the rest wait\n"
    assert door.communicate(timeout=10)[1] == line


def test_a_caller_that_left_again_is_nothing(gate: Gate) -> None:
    handoff = gate.server("mcp")
    gate.call("mcp").close()
    door = gate.door(0.1)
    assert received(handoff)[1].recv(1) == b""
    assert door.wait(10) == 0


def test_it_waits_for_the_next_caller_before_it_leaves(gate: Gate) -> None:
    handoff, door = gate.server("mcp"), gate.door(60)
    gate.call("mcp")
    received(handoff)
    state = Path(f"/proc/{door.pid}/stat")
    until(lambda: state.read_text().rpartition(")")[2].split()[0] == "S", "the door sleeps")
    gate.call("net").close()
    gate.call("mcp")
    assert received(handoff)[0] == b"alice"
    door.terminate()
    door.communicate()


def test_without_sockets_it_says_who_starts_it() -> None:
    done = subprocess.run(
        [ROOT / "bin/hive-door", "/x", "alice", "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "systemd" in done.stderr
