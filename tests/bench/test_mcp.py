"""How soon an agent has its tools, and an answer: door, hand-off and warm hive-mcp against the plain SDK."""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO, Any

import pytest

from tests.bench.rig import pairs, report
from tests.support.mcp_rig import HELLO, McpRig, mcp_rig
from tests.support.source import ROOT

CALLS = 20
PAUSE = 0.025  # hive-mcp lets an agent have 50 lines a second looked at, on average


class Client:
    """Speaks MCP by lines."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of a request."""
        self.tell({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        answer = json.loads(self.incoming.readline())
        result: dict[str, Any] = answer["result"]
        return result

    def tell(self, message: dict[str, Any]) -> None:
        """Sends one message."""
        self.outgoing.write(json.dumps(message).encode() + b"\n")
        self.outgoing.flush()

    def initialize(self) -> None:
        """The handshake."""
        assert self.ask("initialize", HELLO)["serverInfo"]
        self.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str) -> float:
        """Median milliseconds of some calls."""
        taken = []
        for _ in range(CALLS):
            began = time.perf_counter()
            assert not self.ask("tools/call", {"name": tool, "arguments": {}}).get("isError")
            taken.append(time.perf_counter() - began)
            time.sleep(PAUSE)
        return statistics.median(taken) * 1000


@pytest.fixture
def rig() -> Iterator[tuple[McpRig, str]]:
    """hive-mcp and alice's hive-door as systemd starts them; gives the path of alice's mcp.sock too."""
    with mcp_rig() as rig:
        path = rig.hive.paths.socket("alice", "mcp")
        os.makedirs(os.path.dirname(path))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(64)
            rig.start()
            held = listener.fileno()
            take = f'exec 3<&{held} {held}<&-; exec "$0" "$@"'
            words = [str(ROOT / "bin/hive-door"), rig.hive.settings.runtime_dir, "alice", "600"]
            argv = ["bash", "-c", take, *words]
            door = subprocess.Popen(argv, pass_fds=(held,), env=rig.environment)
            yield rig, path
            door.kill()
            door.wait()


@contextlib.contextmanager
def through_the_door(path: str, turn: int | None) -> Iterator[Client]:
    """A connection as the pump in a box makes it."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        with link.makefile("rb") as incoming, link.makefile("wb") as outgoing:
            client = Client(incoming, outgoing)
            client.tell({"hive": 1, "turn": turn, "nonce": os.urandom(16).hex()})
            client.initialize()
            yield client


@contextlib.contextmanager
def own_process() -> Iterator[Client]:
    """A server of its own, as an MCP client starts it."""
    argv = [sys.executable, str(ROOT / "tests/bench/sdk_server.py")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        client = Client(process.stdout, process.stdin)
        client.initialize()
        yield client
        process.kill()


def spent(entering: contextlib.AbstractContextManager[Client]) -> float:
    """Milliseconds until the answer to `initialize` is there."""
    began = time.perf_counter()
    with entering:
        return (time.perf_counter() - began) * 1000


def test_connecting(rig: tuple[McpRig, str]) -> None:
    measured = pairs(
        lambda: statistics.median(spent(through_the_door(rig[1], None)) for _ in range(5)),
        lambda: spent(own_process()),
    )
    report(
        "MCP: connect and initialize",
        measured,
        unit="ms",
        against="cold SDK process",
        at_most=1 / 15,
    )


def test_calling(rig: tuple[McpRig, str]) -> None:
    turn = rig[0].begin("alice")
    with through_the_door(rig[1], turn.id) as ours, own_process() as control:
        measured = pairs(lambda: ours.call("whoami"), lambda: control.call("nothing"))
    report(
        "MCP: call a tool, warm, p50", measured, unit="ms", against="SDK process of its own, warm"
    )
