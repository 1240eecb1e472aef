"""The real hive-egress with a hand-off socket as systemd gives it, boxes that speak to it, and far ends on loopback."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hivelib.store import agents
from tests.support.handing_over import SECONDS, Served

Handler = Callable[[socket.socket], None]


class WayOut(Served):
    """A hive's way out: `start` runs the proxy, `connect` is what a box's relay and door do together."""

    def __init__(self, where: Path, more: str = "") -> None:
        super().__init__(where, "egress", more)

    def agent(self, name: str, egress: list[str] | None) -> None:
        """Adds an agent, or gives it another allow-list; None leaves `egress` out of its agent.json."""
        config = json.dumps({} if egress is None else {"egress": egress})
        with self.hive.db.write() as db:
            if agents.get(db, name):
                agents.set_config(db, name, config, 1.0)
            else:
                agents.add(db, name, "agent", "bwrap", config, 1.0)

    def connect(self, agent: str = "alice") -> socket.socket:
        """A box's connection to its way out."""
        return self.called(agent)

    def ask(self, request: bytes, agent: str = "alice") -> bytes:
        """Sends one request over a connection of its own; gives back all that comes until the proxy closes."""
        with self.connect(agent) as box:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                box.sendall(request)
            return read_all(box)

    def get(self, url: str, agent: str = "alice", *fields: str) -> bytes:
        """What a plain GET through the proxy brings."""
        lines = [f"GET {url} HTTP/1.1", "Host: somewhere.test", *fields]
        return self.ask("\r\n".join([*lines, "", ""]).encode(), agent)

    def tunnel(self, authority: str, agent: str = "alice") -> tuple[socket.socket, bytes]:
        """A connection on which CONNECT was asked for, and the head of the answer."""
        box = self.connect(agent)
        box.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        return box, read_head(box)

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Kind, subject and payload of every event so far."""
        rows = self.hive.db.all("SELECT kind, subject, payload FROM events ORDER BY seq")
        return [(kind, subject, json.loads(payload)) for kind, subject, payload in rows]


class FarEnd:
    """A server on loopback that does to each connection what `handler` does, one thread each."""

    def __init__(self, handler: Handler, address: str = "127.0.0.1", port: int = 0) -> None:
        self._handler = handler
        self._listening = socket.create_server((address, port))
        self.port: int = self._listening.getsockname()[1]
        self.at = f"{address}:{self.port}"
        self.seen: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.settimeout(SECONDS)
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._handler(connection)

    def close(self) -> None:
        """Listens no more."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextlib.contextmanager
def far_end(handler: Handler, address: str = "127.0.0.1", port: int = 0) -> Iterator[FarEnd]:
    """A FarEnd for the length of a block."""
    server = FarEnd(handler, address, port)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def answering(answer: bytes, address: str = "127.0.0.1", port: int = 0) -> Iterator[FarEnd]:
    """A far end that keeps every request, head and body, and answers all the same."""

    def handle(connection: socket.socket) -> None:
        server.seen.append(read_message(connection))
        connection.sendall(answer)

    with far_end(handle, address, port) as server:
        yield server


def read_head(connection: socket.socket) -> bytes:
    """Reads up to and with the empty line, byte by byte so that nothing after it is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and (byte := connection.recv(1)):
        head += byte
    return head


def read_message(connection: socket.socket) -> bytes:
    """A head, and its body if it is chunked or has a Content-Length."""
    head = read_head(connection)
    length = next(
        (line[15:] for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    body = b""
    while len(body) < int(length) and (data := connection.recv(65536)):
        body += data
    if b"transfer-encoding: chunked" in head:
        while not body.endswith(b"0\r\n\r\n") and (data := connection.recv(65536)):
            body += data
    return head + body


def read_all(connection: socket.socket) -> bytes:
    """Reads until the other side ends."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            got += data
    return got
