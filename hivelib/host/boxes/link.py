"""The host's end of exec.sock: JSON lines to hive-exec and back. What comes back is hostile and held to bounds."""

import json
import select
import socket
from collections import deque
from typing import Any, Self

from hivelib.base import clock
from hivelib.base.errors import HiveError, NotNow
from hivelib.host.boxes.exec_socket import connected

LINE_MOST = 64 << 20
"""Bytes of a line of the box: hive-exec cuts claude's at 8 MiB, and JSON may write a byte as six."""


class Link:
    """One connection to a box; use as a context manager: when it closes, all that runs in the box ends."""

    def __init__(self, path: str) -> None:
        """Connects to a box's exec.sock. Raises OSError when nobody listens there, or it is no socket."""
        self.socket = connected(path)
        self._rest = bytearray()
        self._messages: deque[dict[str, Any]] = deque()

    def fileno(self) -> int:
        """For poll: readable when `receive` would not wait long."""
        return self.socket.fileno()

    def send(self, **message: Any) -> None:
        """Sends one line. Raises NotNow when the box is gone."""
        try:
            self.socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise NotNow(f"the box is gone: {error.strerror}", "try again") from None

    def receive(self, seconds: float | None = None) -> dict[str, Any] | None:
        """The next line; None when the box has closed. Raises NotNow when none came in time (None: wait for ever),
        HiveError for a line that is no JSON object or is too long.
        """
        until = None if seconds is None else clock.monotonic() + seconds
        while not self._messages:
            left = None if until is None else max(0.0, until - clock.monotonic()) * 1000
            if not _readable(self.socket, left):
                raise NotNow("the box is silent", "try again")
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._take(data)
        return self._messages.popleft()

    def waiting(self) -> bool:
        """Whether a line is here already, so that `receive` gives it at once."""
        return bool(self._messages)

    def _take(self, data: bytes) -> None:
        self._rest += data
        if b"\n" not in data:
            if len(self._rest) > LINE_MOST:
                raise HiveError(f"the box sent a line of over {LINE_MOST} bytes")
            return
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        self._messages += map(_parsed, lines)

    def close(self) -> None:
        """Hangs up."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _readable(link: socket.socket, milliseconds: float | None) -> bool:
    poller = select.poll()
    poller.register(link, select.POLLIN)
    return bool(poller.poll(milliseconds))


def _parsed(line: bytes | bytearray) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise HiveError("the box sent what is no JSON object")
    return message
