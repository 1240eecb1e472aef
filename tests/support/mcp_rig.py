"""The real hive-mcp with a hand-off socket as systemd gives it, and boxes that speak to it by raw lines."""

import contextlib
import itertools
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from hivelib.base import clock
from hivelib.flow import mailing, settling
from hivelib.model.names import MANAGER
from hivelib.model.records import Turn
from hivelib.store import agents, turns
from tests.support.handing_over import Served
from tests.support.state import short_directory

HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


class Box:
    """One connection of an agent's box, after the door: lines out, lines in."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.lines = link.makefile("rb")
        self._ids = itertools.count(1)

    def line(self, data: bytes) -> None:
        """Sends bytes as they are, and a line end."""
        self.link.sendall(data + b"\n")

    def say(self, **message: Any) -> None:
        """Sends one JSON-RPC message."""
        self.line(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def hear(self) -> dict[str, Any]:
        """The next message; EOFError when the other side has hung up."""
        line = self.lines.readline()
        if not line:
            raise EOFError
        found: dict[str, Any] = json.loads(line)
        return found

    def greet(self, turn: int | None, nonce: str = "") -> Self:
        """Preamble and handshake."""
        preamble = {"hive": 1, "turn": turn, "nonce": nonce or os.urandom(16).hex()}
        self.line(json.dumps(preamble).encode())
        self.say(id="hello", method="initialize", params=HELLO)
        assert self.hear()["result"]["serverInfo"]["name"] == "hyperhive"
        self.say(method="notifications/initialized")
        return self

    def ask(self, tool: str, arguments: Any = None, request_id: Any = None) -> Any:
        """Sends a call and gives back its id."""
        request_id = next(self._ids) if request_id is None else request_id
        params = {"name": tool, "arguments": {} if arguments is None else arguments}
        self.say(id=request_id, method="tools/call", params=params)
        return request_id

    def call(self, tool: str, arguments: Any = None, request_id: Any = None) -> dict[str, Any]:
        """The result of a call."""
        asked = self.ask(tool, arguments, request_id)
        answer = self.hear()
        assert answer["id"] == asked, answer
        result: dict[str, Any] = answer["result"]
        return result

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to any request."""
        request_id = next(self._ids)
        self.say(id=request_id, method=method, params=params)
        answer = self.hear()
        assert answer["id"] == request_id, answer
        return answer

    def confirm(self, request_id: Any) -> dict[str, Any]:
        """What the pump does when an answer with mail has arrived."""
        own = f"hive-confirm-{next(self._ids)}"
        self.say(id=own, method="hive/confirm", params={"id": request_id})
        answer = self.hear()
        assert answer["id"] == own, answer
        return answer

    def ended(self) -> bool:
        """Whether the other side hangs up without another word."""
        with contextlib.suppress(ConnectionResetError):
            return not self.lines.read()
        return True

    def close(self) -> None:
        """Hangs up."""
        self.lines.close()
        self.link.close()


class McpRig(Served):
    """A hive with alice, bob and the manager, and its hive-mcp."""

    def __init__(self, where: Path, more: str = "") -> None:
        super().__init__(where, "mcp", more)
        self._boxes: list[Box] = []
        with self.hive.db.write() as db:
            for name, role in (("alice", "agent"), ("bob", "agent"), (MANAGER, "manager")):
                agents.add(db, name, role, "bwrap", "{}", clock.now())

    def again(self, number: int = signal.SIGKILL) -> None:
        """Ends it and starts it anew."""
        self.stop(number)
        self.start()

    def connect(self, agent: str = "alice") -> Box:
        """A box's connection, which has not said anything yet."""
        self._boxes.append(Box(self.called(agent)))
        return self._boxes[-1]

    def box(self, agent: str = "alice", turn: Turn | None = None, nonce: str = "") -> Box:
        """A box's connection that has shaken hands; without a turn it begins one."""
        turn = turn or self.begin(agent)
        return self.connect(agent).greet(turn.id, nonce)

    def begin(self, agent: str) -> Turn:
        """Starts a turn, as hive-turn would."""
        found = agents.get(self.hive.db, agent)
        assert found
        with self.hive.db.write() as db:
            number = turns.begin(db, agent, found.incarnation, "sonnet", clock.now())
            turn = turns.get(db, number)
        assert turn
        return turn

    def end(self, turn: Turn, kind: str = "ok") -> None:
        """Ends a turn, as hive-turn would."""
        assert settling.end_turn(self.hive, turn, settling.Outcome(kind, "test"))

    def post(self, to: str, body: str, lane: str = "normal") -> int:
        """A message from the operator."""
        return mailing.send(self.hive, mailing.SHELL, to, body, lane=lane).id

    def states(self, recipient: str) -> list[tuple[str, str]]:
        """Body and state of every message to somebody, oldest first."""
        sql = "SELECT body, state FROM messages WHERE recipient = ? ORDER BY id"
        return [(body, state) for body, state in self.hive.db.all(sql, recipient)]

    def complaints(self) -> list[str]:
        """What it has written to the journal."""
        return self.log.read_text().splitlines()

    def hang_up(self) -> None:
        """Closes every box's connection."""
        while self._boxes:
            self._boxes.pop().close()

    def close(self) -> None:
        """Ends what this started."""
        self.hang_up()
        super().close()


@contextlib.contextmanager
def mcp_rig(more: str = "") -> Iterator[McpRig]:
    """A rig whose hive-mcp has not been started yet."""
    with short_directory() as where:
        rig = McpRig(where, more)
        try:
            yield rig
        finally:
            rig.close()
