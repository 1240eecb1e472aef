"""The whole way: the SDK's own client, the real pump, the real door, the real hive-mcp."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from hivelib.model.records import Turn
from tests.support.mcp_rig import McpRig, mcp_rig
from tests.support.source import ROOT


class Door:
    """alice's door as systemd starts it."""

    def __init__(self, rig: McpRig) -> None:
        self.path = rig.hive.paths.socket("alice", "mcp")
        os.makedirs(os.path.dirname(self.path))
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.path)
            listening.listen(16)
            held = listening.fileno()
            words = [str(ROOT / "bin/hive-door"), rig.hive.settings.runtime_dir, "alice", "60"]
            script = f'exec 3<&{held} {held}<&-; LISTEN_PID=$$ exec "$@"'
            self.process = subprocess.Popen(
                ["bash", "-c", script, "door", *words], pass_fds=(held,), env=rig.environment
            )

    def close(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def rig() -> Iterator[McpRig]:
    with mcp_rig("[mail]\npair_limit = 100000\n") as rig:
        rig.start()
        yield rig


@pytest.fixture
def door(rig: McpRig) -> Iterator[Door]:
    door = Door(rig)
    yield door
    door.close()


@asynccontextmanager
async def client(door: Door, turn: Turn) -> AsyncIterator[ClientSession]:
    pump = StdioServerParameters(
        command=str(ROOT / "bin/hive-mcp-pump"), args=[door.path, str(turn.id)]
    )
    async with stdio_client(pump) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def call(session: ClientSession, tool: str, **said: Any) -> dict[str, Any]:
    """The structured part of an answer that is no refusal."""
    result = await session.call_tool(tool, said)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return dict(result.structured_content)


def test_the_tools_over_the_whole_way(rig: McpRig, door: Door) -> None:
    turn = rig.begin("alice")
    rig.post("alice", "question")

    async def talk() -> None:
        async with client(door, turn) as session:
            assert "send" in [tool.name for tool in (await session.list_tools()).tools]
            assert (await call(session, "whoami"))["name"] == "alice"
            [message] = (await call(session, "recv"))["messages"]
            await call(session, "send", to="operator", body="answer", in_reply_to=message["id"])
            refused = await session.call_tool("send", {"to": "nobody", "body": "x"})
            assert refused.is_error

    anyio.run(talk)
    rig.end(turn)
    assert rig.states("alice") == [("question", "acked")], "the pump has confirmed it"
    assert rig.states("operator") == [("answer", "queued")]


def test_recv_waits_through_a_restart_and_is_woken(rig: McpRig, door: Door) -> None:
    turn = rig.begin("alice")
    found: list[dict[str, Any]] = []

    async def talk() -> None:
        async def wait(session: ClientSession) -> None:
            found.extend((await call(session, "recv", wait_seconds=60))["messages"])

        async with client(door, turn) as session, anyio.create_task_group() as group:
            group.start_soon(wait, session)
            await anyio.to_thread.run_sync(rig.again)
            with anyio.fail_after(30):
                await call(session, "whoami")  # the pump asks all again in order
            rig.post("alice", "after the restart")

    anyio.run(talk)
    rig.end(turn)
    assert [message["body"] for message in found] == ["after the restart"]
    assert rig.states("alice") == [("after the restart", "acked")]


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_nothing_is_doubled_or_lost(rig: McpRig, door: Door, seed: int) -> None:
    rand = random.Random(seed)
    for n in range(30):
        rig.post("alice", f"in {n}")
    turn = rig.begin("alice")
    seen: list[str] = []

    async def kill_now_and_then() -> None:
        while True:
            await anyio.sleep(rand.random() * 0.4)
            number = rand.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
            await anyio.to_thread.run_sync(rig.again, number)
            await anyio.to_thread.run_sync(until_serving, rig)

    async def talk() -> None:
        async with anyio.create_task_group() as group:
            async with client(door, turn) as session:
                group.start_soon(kill_now_and_then)
                for n in range(30):
                    await call(session, "send", to="bob", body=f"out {n}")
                    seen.extend(
                        message["body"] for message in (await call(session, "recv"))["messages"]
                    )
                    await anyio.sleep(rand.random() * 0.1)
            group.cancel_scope.cancel()

    anyio.run(talk)
    rig.end(turn)
    assert seen == [f"in {n}" for n in range(30)]
    assert {state for _, state in rig.states("alice")} == {"acked"}
    assert [body for body, _ in rig.states("bob")] == [f"out {n}" for n in range(30)]


def until_serving(rig: McpRig) -> None:
    """A server that is killed before it serves anybody would prove nothing."""
    rig.connect("bob").greet(None)
    rig.hang_up()


def test_hive_wake_speaks_the_same(rig: McpRig, door: Door) -> None:
    script = (
        Path(ROOT / "bin/hive-wake")
        .read_text()
        .replace('"/run/hive/mcp/mcp.sock"', repr(door.path))
    )
    copy = rig.where / "hive-wake"
    copy.write_text(script)
    done = subprocess.run(
        ["python3", "-IS", str(copy), "--from", "nightly", "--body", "red"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.strip()
    assert rig.states("alice") == [("red", "queued")]
