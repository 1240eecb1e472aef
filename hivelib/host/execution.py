"""The host's end of exec.sock: asks the box to run claude, and hears what comes out of it.

What comes is hostile: a line is cut off at LINE_MOST bytes, JSON that is not of the protocol is dropped, and text is
made valid UTF-8 before anybody sees it.
"""

import errno
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Self

LINE_MOST = 20 << 20
"""Bytes of a line of hive-exec; it cuts claude's at 8 MiB, and JSON doubles some of them. Longer ones are dropped."""

CALL_SECONDS = 10.0
"""How long a call may wait in a backlog that is full: the box is being called by others."""

_CHUNK = 1 << 18


class Said(NamedTuple):
    """One thing that the box said: `kind` is started, out, err, raw, exit or dropped; `text` for out, err and raw (a
    chunk, where that was asked for), `number` the pid, the exit code (negative: a signal),
    or how many bytes were dropped."""

    kind: str
    text: str = ""
    number: int = 0


class Execution:
    """One connection to exec.sock, which is one run of claude; `fileno()` makes it fit for poll."""

    def __init__(self, path: str) -> None:
        """Connects to a box's exec.sock. OSError when nobody listens there, or it is no socket."""
        self._socket = _connected(path, CALL_SECONDS)
        self._socket.setblocking(False)
        self._unsent, self._rest = bytearray(), bytearray()
        self._dropped = 0

    def fileno(self) -> int:
        """The descriptor to poll: for reading always, for writing while `unsent`."""
        return self._socket.fileno()

    @property
    def unsent(self) -> bool:
        """Whether the box has not taken yet all that it was told."""
        return bool(self._unsent)

    def say(self, **message: Any) -> None:
        """Tells the box: a request, or `in`, `eof`, `signal`. Silent when it has gone; reading finds that out."""
        self._unsent += json.dumps(message).encode() + b"\n"
        self.send()

    def say_to_claude(self, line: dict[str, Any]) -> None:
        """Gives claude's stdin a line of JSON."""
        self.say(**{"in": json.dumps(line)})

    def send(self) -> None:
        """Sends what the box takes now."""
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent[:_CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent.clear()

    def hear(self) -> list[Said] | None:
        """What the box has said since; None when it has closed the connection. Never blocks."""
        try:
            data = self._socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            data = b""
        return list(self._lines(data)) if data else None

    def _lines(self, data: bytes) -> Iterator[Said]:
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._keep(part)
            if self._dropped:
                yield Said("dropped", number=self._dropped)
            elif said := _understood(bytes(self._rest)):
                yield said
            self._rest.clear()
            self._dropped = 0
        self._keep(rest)

    def _keep(self, part: bytes) -> None:
        if self._dropped or len(self._rest) + len(part) > LINE_MOST:
            self._dropped += len(self._rest) + len(part)
            self._rest.clear()
        else:
            self._rest += part

    def close(self) -> None:
        """Ends the connection: whatever runs in the box for it is killed."""
        with suppress(OSError):
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connected(path: str, seconds: float) -> socket.socket:
    """A connection to exec.sock, which lies where a box may write: no link is followed, and what was looked at is what
    is connected to."""
    place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    link = socket.socket(socket.AF_UNIX)
    try:
        kind = os.fstat(place).st_mode
        if not stat.S_ISSOCK(kind):
            what = "a link, which is not followed" if stat.S_ISLNK(kind) else "no socket"
            raise OSError(errno.ENOTSOCK, f"its {os.path.basename(path)} is {what}")
        link.settimeout(seconds)
        link.connect(f"/proc/self/fd/{place}")
    except OSError:
        link.close()
        raise
    finally:
        os.close(place)
    return link


def _understood(line: bytes) -> Said | None:
    """A line of the protocol, None when it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or len(message) != 1:
        return None
    ((kind, value),) = message.items()
    if kind in ("out", "err", "raw") and isinstance(value, str):
        return Said(kind, text=_valid(value))
    if kind in ("started", "exit") and type(value) is int and -128 <= value < 2**31:
        return Said(kind, number=value)
    return None


def _valid(text: str) -> str:
    """Without lone surrogates, which JSON can spell and UTF-8 and sqlite cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def wake(handoff: str) -> None:
    """Rings an on-demand server awake before its first caller comes, through its hand-off socket.

    A datagram without a byte and without a descriptor says just that: "wake up". A door's datagram always carries a
    name and a descriptor, so the server reads this one and lets it be. Silent when nobody can be rung.
    """
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(b"", handoff)
