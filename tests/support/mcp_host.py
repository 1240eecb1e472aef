"""A small MCP server on a unix socket that can die at any byte: it keeps what a hive must keep, and counts.

Like hive-mcp it commits an outcome under (nonce, request id) before it answers, and answers the same again.
"""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Message = dict[str, Any]


class Cut(NamedTuple):
    """How many bytes one connection lives: so many read, or so many written. -1: for ever."""

    read: int = -1
    written: int = -1


class Died(Exception):
    """The connection has used up its bytes."""


class Connection:
    """One connection, cut where the test said."""

    def __init__(self, link: socket.socket, cut: Cut) -> None:
        self.link, self.cut, self.rest = link, cut, b""
        self.bytes_read = self.bytes_written = 0

    def line(self) -> bytes:
        """The next line; Died at the cut, or when the other side has gone."""
        while b"\n" not in self.rest:
            left = 1 << 16 if self.cut.read < 0 else min(1 << 16, self.cut.read - self.bytes_read)
            data = self.link.recv(left) if left else b""
            if not data:
                raise Died
            self.bytes_read += len(data)
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def say(self, message: Message | bytes) -> None:
        """Write one line, or as much of it as the cut leaves."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        left = len(data) if self.cut.written < 0 else self.cut.written - self.bytes_written
        self.link.sendall(data[:left])
        self.bytes_written += min(left, len(data))
        if left < len(data):
            raise Died


class Host:
    """The server: `cuts` are for the connections to come, in order; after them each lives for ever."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cuts: list[Cut] = []
        self.outcomes: dict[tuple[str, str], Message] = {}
        self.sent: list[str] = []
        self.confirmed: set[str] = set()
        self.seen: list[Message] = []
        self.preambles: list[Message] = []
        self.tools: dict[str, Callable[[Connection, Message], Message | None]] = {}
        self.changed = threading.Condition()
        self.live: list[Connection] = []
        self.listener: socket.socket | None = None

    def listen(self) -> "Host":
        """Be there."""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(64)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def leave(self) -> None:
        """Be gone: the socket too."""
        if self.listener is not None:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            os.unlink(self.path)
            self.listener = None
        self.drop()

    def drop(self) -> None:
        """Close every connection there is."""
        with self.changed:
            live, self.live = self.live, []
        for one in live:
            with contextlib.suppress(OSError):  # it may be dying of itself
                one.link.shutdown(socket.SHUT_RDWR)

    def wait(self, fact: Callable[[], object]) -> None:
        """Until `fact` is true of what was seen; AssertionError after 20 s."""
        with self.changed:
            assert self.changed.wait_for(fact, 20), f"seen: {self.seen[-5:]}"

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            with self.changed:
                one = Connection(link, self.cuts.pop(0) if self.cuts else Cut())
                self.live.append(one)
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: Connection) -> None:
        try:
            preamble = json.loads(one.line())
            with self.changed:
                self.preambles.append(preamble)
            while True:
                message = json.loads(one.line())
                with self.changed:
                    self.seen.append(message)
                    answer = self._answer(one, preamble["nonce"], message)
                    self.changed.notify_all()
                if answer is not None:
                    one.say(answer)
        except (Died, OSError):
            pass
        finally:
            with self.changed:
                if one in self.live:
                    self.live.remove(one)
            one.link.close()

    def _answer(self, one: Connection, nonce: str, message: Message) -> Message | None:
        if "method" not in message or "id" not in message:
            return None
        number, method = message["id"], message["method"]
        if method == "initialize":
            result: Message = {"protocolVersion": "2025-06-18", "capabilities": {}}
            return {"jsonrpc": "2.0", "id": number, "result": result}
        if method == "hive/confirm":
            self.confirmed.add(json.dumps(message["params"]["id"]))
            return {"jsonrpc": "2.0", "id": number, "result": {}}
        key = (nonce, json.dumps(number))
        if key not in self.outcomes:
            name, arguments = message["params"]["name"], message["params"].get("arguments", {})
            if name in self.tools:
                return self.tools[name](one, message)
            self.sent.append(arguments["text"])
            meta = {"hive/confirm": True} if name == "recv" else {}
            text = f"{name} {arguments['text']}"
            result = {"content": [{"type": "text", "text": text}], "_meta": meta}
            self.outcomes[key] = {"jsonrpc": "2.0", "id": number, "result": result}
        return self.outcomes[key]
