"""The service: takes connections from the hand-off socket, serves them all, and exits when idle.

A datagram is an agent's name and one connected descriptor, put together by hive-door. What has not been taken yet
stays in the socket that systemd holds, so exiting loses nothing once a last look at it says that it is empty.
"""

import logging
import os
import resource
import signal
import socket

import anyio
import anyio.lowlevel

from hivelib.base import clock, sd
from hivelib.base.errors import HiveError, Misuse
from hivelib.base.text import shortened
from hivelib.face.mcp import limits
from hivelib.face.mcp.connection import Connection
from hivelib.face.mcp.limits import Guest, Journal, log
from hivelib.face.mcp.serving import serve, server_for
from hivelib.flow import mailing, telling
from hivelib.flow.opening import Hive, open_hive
from hivelib.model.names import MANAGER, why_not_agent_name
from hivelib.model.records import Caller, Request

_FILES = 8192


class Service:
    """All connections of all agents."""

    def __init__(self, hive: Hive, handoff: socket.socket) -> None:
        self._hive, self._handoff = hive, handoff
        self._servers = {role: server_for(hive, role) for role in ("agent", MANAGER)}
        self._journal = Journal()
        self._guests: dict[str, Guest] = {}
        self._live: set[Connection] = set()
        self._moved = clock.monotonic()
        self._nap = anyio.CancelScope()

    async def run(self) -> None:
        """Serves until there was no connection for as long as the settings say, or until SIGTERM.

        What is on its way when it ends is asked again by the pumps; a transaction is never cut in two.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self._stop_on_signal, group.cancel_scope)
            while True:
                while self._take(group):
                    await anyio.lowlevel.checkpoint()
                # No await between the look that found nothing and the end.
                left = self._hive.settings.idle.mcp_seconds - (clock.monotonic() - self._moved)
                if not self._live and left <= 0:
                    break
                self._nap = anyio.CancelScope(deadline=self._wake_at(left))
                with self._nap:
                    await anyio.wait_readable(self._handoff)
            group.cancel_scope.cancel()

    def _wake_at(self, left: float) -> float:
        return float("inf") if self._live else anyio.current_time() + left

    async def _stop_on_signal(self, scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                for connection in self._live:
                    connection.break_off()  # first: or each call in flight would be answered with an error
                scope.cancel()

    def _take(self, group: anyio.abc.TaskGroup) -> bool:
        """Takes one datagram and begins to serve it; False when none is waiting."""
        try:
            data, fds, flags, _ = socket.recv_fds(self._handoff, 256, 4)
        except BlockingIOError:
            return False
        self._moved = clock.monotonic()
        if not data and not fds:
            return True  # hive-turn rings it awake, so that the import is over when claude comes
        for fd in fds:
            os.set_inheritable(fd, False)
        name = data.decode("ascii", "replace")
        wrong = why_not_agent_name(name) and name != MANAGER
        if wrong or len(fds) != 1 or flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
            for fd in fds:
                os.close(fd)
            self._journal.complain(
                shortened(name, 40), "a hand-off without a name or its descriptor"
            )
            return True
        link, guest = _stream(fds[0]), self._guests.setdefault(name, Guest(name))
        if link is None:
            self._journal.complain(name, "the hand-off is no connection; closed")
        elif guest.connections >= limits.CONNECTIONS:
            self._journal.complain(
                name, f"has {limits.CONNECTIONS} connections; one more was closed"
            )
            link.close()
        else:
            link.setblocking(False)
            guest.connections += 1
            caller = Caller(name, "", "mcp")
            connection = Connection(link, caller, guest, self._journal, self._confirm)
            self._live.add(connection)
            group.start_soon(self._serve, connection, link)
        return True

    async def _serve(self, connection: Connection, link: socket.socket) -> None:
        try:
            if await connection.greet() and self._admit(connection):
                await serve(self._servers[connection.caller.role], connection)
        except HiveError as error:
            connection.complain(f"{error}; closed")
        except Exception:  # noqa: BLE001 - one connection must not end the others
            connection.complain("a connection ended by a bug", bug=True)
        finally:
            connection.break_off()
            link.close()
            self._live.discard(connection)
            connection.guest.connections -= 1
            self._moved = clock.monotonic()
            if not self._live:  # the wait for idleness begins
                self._nap.cancel()

    def _admit(self, connection: Connection) -> bool:
        known = telling.caller(self._hive, connection.caller.name, connection.caller.turn)
        if known is None:
            connection.complain("there is no such agent; closed")
            return False
        connection.caller = known
        return True

    def _confirm(self, caller: Caller, request: Request) -> bool:
        mailing.refuse_stray_turn(self._hive, caller)
        return mailing.confirm(self._hive, request)


def _stream(fd: int) -> socket.socket | None:
    """The connection behind a descriptor; None, and closed, when it is none."""
    try:
        link = socket.socket(fileno=fd)
    except OSError:
        os.close(fd)
        return None
    if link.family != socket.AF_UNIX or link.type != socket.SOCK_STREAM:
        link.close()
        return None
    return link


class _OncePerMinute(logging.Filter):
    """What the SDK logs may be caused by a box: each kind of line once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is shown."""
        if record.name == log.name:  # ours are counted where they are made
            return True
        kind, now = f"{record.name} {record.msg}", clock.monotonic()
        if now - self._said.get(kind, -limits.COMPLAINT_SECONDS) < limits.COMPLAINT_SECONDS:
            return False
        self._said[kind] = now
        return True


def main() -> int:
    """Runs the service on the inherited hand-off socket; gives back the exit code."""
    handler = logging.StreamHandler()
    handler.addFilter(_OncePerMinute())
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING, handlers=[handler])
    try:
        fds = sd.inherited()
        if len(fds) != 1:
            raise Misuse("got no hand-off socket", "let hive-mcp.socket start it")
        hive = open_hive()
        handoff = socket.socket(fileno=fds[0])
        handoff.setblocking(False)  # recv_fds takes flags but does not pass them on (CPython 3.11)
        _raise_file_limit()
        anyio.run(_run, hive, handoff)
        hive.db.close()
    except HiveError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


async def _run(hive: Hive, handoff: socket.socket) -> None:
    await Service(hive, handoff).run()


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
