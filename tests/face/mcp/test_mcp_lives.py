"""hive-mcp comes and goes: nothing is done twice, nothing is lost, and what the box never got is never acked."""

import contextlib
import os
import random
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hivelib.base.errors import HiveError
from hivelib.flow import mailing
from hivelib.model.records import Caller, Request
from hivelib.store import turns
from tests.support.handing_over import SECONDS
from tests.support.mcp_rig import Box, McpRig, mcp_rig
from tests.support.waiting import until


class Persistent:
    """A box that asks again under the same nonce and id, as the pump does, through whatever happens on the way."""

    def __init__(self, rig: McpRig, seed: int, kills: int) -> None:
        self.rig, self.random, self.kills = rig, random.Random(seed), kills
        self.turn = rig.begin("alice")
        self.nonce = os.urandom(16).hex()
        self.again = 0
        self.box = self._connect()

    def _connect(self) -> Box:
        return self.rig.box("alice", self.turn, self.nonce)

    def _trouble(self) -> None:
        """Something breaks, perhaps: the connection, or all of hive-mcp."""
        chance = self.random.random()
        if chance < 0.04 and self.kills:
            self.kills -= 1
            self.rig.again()
        elif chance < 0.3:
            self.box.close()
        else:
            return
        with contextlib.suppress(OSError, ValueError):
            self.box.close()
        self.box = self._connect()
        self.again += 1
        raise ConnectionError

    def call(self, tool: str, arguments: Any, number: int) -> dict[str, Any]:
        """The answer, confirmed when it has to be; an answer that came twice is the same word for word."""
        known: dict[str, Any] | None = None
        while True:
            with contextlib.suppress(ConnectionError):
                self._trouble()
                asked = self.box.ask(tool, arguments, number)
                self._trouble()
                answer = self.box.hear()["result"]
                assert known in (None, answer)
                known = answer
                self._trouble()
                if "_meta" in answer:
                    assert self.box.confirm(asked)["result"] == {}
                return dict(answer)


@pytest.fixture
def rig() -> Iterator[McpRig]:
    with mcp_rig("[mail]\npair_limit = 100000\n") as rig:
        rig.start()
        yield rig


@pytest.mark.parametrize("seed", [1, 2])
def test_a_send_is_never_doubled(rig: McpRig, seed: int) -> None:
    box = Persistent(rig, seed, kills=4)
    given = [
        box.call("send", {"to": "bob", "body": f"b{n}"}, n)["structuredContent"]["id"]
        for n in range(60)
    ]
    assert box.again > 10 and not box.kills
    assert [body for body, _ in rig.states("bob")] == [f"b{n}" for n in range(60)]
    assert given == sorted(set(given))


@pytest.mark.parametrize("seed", [4, 5])
def test_a_recv_never_loses_what_it_claimed(rig: McpRig, seed: int) -> None:
    for n in range(60):
        rig.post("alice", f"b{n}")
    box = Persistent(rig, seed, kills=4)
    seen: list[str] = []
    number = 0
    while len(seen) < 60:
        number += 1
        most = box.random.randint(1, 3)
        found = box.call("recv", {"max": most}, number)["structuredContent"]["messages"]
        seen += [message["body"] for message in found]
    assert seen == [f"b{n}" for n in range(60)]
    rig.end(box.turn)
    assert {state for _, state in rig.states("alice")} == {"acked"}


def test_what_was_not_confirmed_goes_back_and_comes_again(rig: McpRig) -> None:
    for n in range(4):
        rig.post("alice", f"b{n}")
    turn = rig.begin("alice")
    box = rig.box("alice", turn)
    for number in range(4):
        box.ask("recv", request_id=number)
        box.hear()
        if number % 2 == 0:
            box.confirm(number)
    rig.again(signal.SIGKILL)
    rig.end(turn)
    assert [state for _, state in rig.states("alice")] == ["acked", "queued", "acked", "queued"]


def test_the_next_turn_does_not_get_the_old_ones_answers(rig: McpRig) -> None:
    rig.post("alice", "once")
    nonce = "1" * 32
    turn = rig.begin("alice")
    rig.box("alice", turn, nonce).call("recv", request_id=1)
    rig.end(turn)
    later = rig.begin("alice")
    box = rig.box("alice", later, "2" * 32)
    message = box.call("recv", request_id=1)["structuredContent"]["messages"][0]
    assert message["body"] == "once" and not message["redelivered"]
    box.confirm(1)
    rig.end(later)
    assert rig.states("alice") == [("once", "acked")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_waiting_recv_survives_a_restart(rig: McpRig, number: int) -> None:
    turn, nonce = rig.begin("alice"), "3" * 32
    box = rig.box("alice", turn, nonce)
    box.ask("recv", {"wait_seconds": 60}, 1)
    bell = rig.where / "run/hyperhive/bell/mail.alice"
    until(lambda: bell.exists() and list(bell.iterdir()), "recv listens")
    code = rig.stop(number)
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    assert box.ended(), "no answer, not even an error: the pump asks again"
    if number == signal.SIGTERM:
        assert not list(bell.iterdir())
    rig.start()
    box = rig.box("alice", turn, nonce)
    box.ask("recv", {"wait_seconds": 60}, 1)
    rig.post("alice", "after all")
    assert box.hear()["result"]["structuredContent"]["messages"][0]["body"] == "after all"
    rig.post("alice", "rings the dead listener's fifo")


def test_one_id_for_two_tools_is_two_calls(rig: McpRig) -> None:
    rig.post("alice", "mail")
    box = rig.box("alice")
    assert not box.call("send", {"to": "bob", "body": "x"}, 7)["isError"]
    assert box.call("recv", {}, 7)["structuredContent"]["messages"][0]["body"] == "mail"
    assert not box.call("wake", {"label": "x", "body": "y"}, 7)["isError"]
    assert not box.call("send", {"to": "bob", "body": "y"}, "7")["isError"], "not the same as 7"
    assert [body for body, _ in rig.states("bob")] == ["x", "y"]


def test_an_answer_is_anothers_under_another_name(rig: McpRig) -> None:
    """Nonces are kept per agent: who learns another's nonce learns nothing else."""
    nonce, turn = "4" * 32, rig.begin("alice")
    rig.post("alice", "secret")
    rig.box("alice", turn, nonce).call("recv", request_id=1)
    thief = rig.box("bob", None, nonce)
    assert thief.call("recv", request_id=1)["structuredContent"]["messages"] == []
    assert "error" in thief.confirm(1)
    assert rig.box("bob", turn, nonce).call("recv", request_id=1)["isError"], "not bob's turn"
    rig.end(turn)
    assert rig.states("alice") == [("secret", "queued")]


def test_idle_exits_lose_no_connection() -> None:
    with mcp_rig("[idle]\nmcp_seconds = 0.05\n") as rig:
        over, starts = threading.Event(), []

        def be_systemd() -> None:
            """A socket unit: starts the service when a datagram waits and none runs."""
            while not over.is_set():
                if rig.waits(0.05):
                    starts.append(rig.start())
                    starts[-1].wait(SECONDS)

        manager = threading.Thread(target=be_systemd)
        manager.start()
        try:
            for n in range(25):
                box = rig.connect("alice").greet(None)
                assert not box.call("whoami")["isError"]
                box.close()
                if n % 3 == 0:
                    until(lambda: starts[-1].poll() is not None, "an idle exit")
        finally:
            over.set()
            manager.join()
        assert len(starts) >= 8
        assert {one.returncode for one in starts} == {0}
        assert rig.complaints() == []


def test_without_its_socket_or_hive_it_says_so(rig: McpRig) -> None:
    rig.stop()
    os.rename(rig.hive.paths.database, f"{rig.hive.paths.database}.away")
    assert rig.start().wait(SECONDS) == 1
    assert "does not exist" in rig.complaints()[-1]
    assert len(rig.complaints()) == 1


def test_flow_refuses_what_hive_mcp_would_never_ask(rig: McpRig) -> None:
    """The rule lies below the face: also a broken hive-mcp takes no mail for a turn that does not run."""
    rig.post("alice", "mail")
    turn = rig.begin("alice")
    rig.end(turn)
    caller = Caller("alice", "agent", "mcp", turn.id)
    with pytest.raises(HiveError, match="not running"):
        mailing.take(rig.hive, caller, 1, request=Request("alice", turn.id, "5" * 32, "1"))
    assert turns.running(rig.hive.db) == []
    assert rig.states("alice") == [("mail", "queued")]
