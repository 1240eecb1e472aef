"""One connection of the page's server: what is known of it, and what others may ask of its loop."""

import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol

from hivelib.face.exchange import Door, Outlet, Streaming

UNREAD_MOST = 1024 * 1024
"""Bytes that may wait for a stream's reader before it is dropped."""

State = Literal["reading", "working", "writing", "streaming", "draining"]


class Loop(Protocol):
    """The thread that reads and writes all clients."""

    def post(self, work: Callable[[], None]) -> None:
        """Lets the loop's thread do something small, in the order it was asked; from any thread."""

    def feed(self, clients: Iterable[Outlet], data: bytes) -> None:
        """Queues data of streams."""

    def end_stream(self, client: "Client") -> None:
        """Ends a stream once what was queued is written."""


class Client:
    """One connection; touched by the loop's thread only, but for `send` and `close`."""

    def __init__(self, server: Loop, door: Door, link: socket.socket, peer: str) -> None:
        self.server, self.door, self.link, self.peer = server, door, link, peer
        self.state: State = "reading"
        self.inbox = bytearray()
        self.wanted = 1  # bytes of the inbox before which no request can be whole
        self.outbox: deque[memoryview] = deque()
        self.unread = 0
        self.most = UNREAD_MOST
        self.keep = True
        self.streaming: Streaming | None = None

    def send(self, data: bytes, also: Sequence[Outlet] = ()) -> None:
        """Queues data of a stream and of others of this server, from any thread. What is sent first may be long: the
        bound counts from there."""
        self.server.post(lambda: self.server.feed((self, *also), data))

    def close(self) -> None:
        """Ends a stream, from any thread."""
        self.server.post(lambda: self.server.end_stream(self))
