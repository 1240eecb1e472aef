"""The service: takes connections from the hand-off socket, serves them, writes down the sums, exits when idle.

A datagram is the agent's name and one connected descriptor, put together by hive-door. What has not been taken yet
stays in the socket that systemd holds, so exiting loses nothing once a last look at it says that it is empty.
"""

import asyncio
import logging
import os
import resource
import signal
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus

from hivelib.base import clock, sd
from hivelib.base.errors import HiveError, Misuse, Replaced
from hivelib.base.text import shortened
from hivelib.face import unit
from hivelib.face.egress import answers
from hivelib.face.egress.naming import Names, system_resolve
from hivelib.face.egress.serving import HEAD_BYTES, Way, serve
from hivelib.flow import leaving
from hivelib.flow.opening import Hive, open_hive
from hivelib.model.egress import Entry
from hivelib.model.events import Event
from hivelib.model.names import MANAGER, why_not_agent_name

log = logging.getLogger("hive-egress")

EACH = 64
"""Connections of one box at once; a box that wants more only slows itself."""

MOST = 2000
UNSAVED = 1000  # events kept for later while the disk is full
_TAKEN_AT_ONCE = 64


class Service:
    """The proxy of one hive. `reading` and `writing` are the same hive opened twice, one connection a thread."""

    def __init__(self, reading: Hive, writing: Hive, handoff: socket.socket, most: int) -> None:
        self._reading, self._writing, self._handoff, self._most = reading, writing, handoff, most
        self._way = Way(self._allowed, Names(system_resolve), reading.settings.api, self._note)
        self._tally = leaving.Tally()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="events")
        self._unsaved: list[Event] = []
        self._live: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._saving: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._moved = clock.monotonic()

    async def run(self, idle_seconds: float) -> None:
        """Serves until nothing was going on for `idle_seconds`, or until SIGTERM; then all sums are written."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_reader(self._handoff, self._take_some)
        summing = loop.create_task(self._sum_up())
        while not self._stop.is_set():
            quiet = clock.monotonic() - self._moved
            if not self._tasks and quiet >= idle_seconds:
                await self._flush()
                # No await between this look and the end: what comes later, systemd starts the service for.
                if not self._tasks and not self._tally and not self._take():
                    break
                continue
            wait = idle_seconds if self._tasks else idle_seconds - quiet
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), max(wait, 0.01))
        loop.remove_reader(self._handoff)
        summing.cancel()
        await self._flush()

    def _take_some(self) -> None:
        for _ in range(_TAKEN_AT_ONCE):
            if not self._take():
                break

    def _take(self) -> bool:
        """Takes one datagram and begins to serve it; False when none is waiting."""
        try:
            name, fds, flags, _ = socket.recv_fds(self._handoff, 256, 1)
        except BlockingIOError:
            return False
        self._moved = clock.monotonic()
        agent = name.decode("ascii", "replace")
        if len(fds) != 1 or flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
            for fd in fds:
                os.close(fd)
            log.warning("a hand-off for %s without its one descriptor", shortened(agent, 40))
            return True
        near = socket.socket(fileno=fds[0])
        if why_not_agent_name(agent) and agent != MANAGER:
            log.warning("a hand-off for %s, which is no agent's name", shortened(agent, 40))
            near.close()
        elif why := self._why_not_now(agent):
            self._turn_away(agent, near, why)
        else:
            self._live[agent] += 1
            task = asyncio.get_running_loop().create_task(self._serve(agent, near))
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._ended(agent, done))
        return True

    def _why_not_now(self, agent: str) -> str | None:
        if self._live[agent] >= EACH:
            return f"{EACH} connections of this box are open already"
        return "too many connections are open" if len(self._tasks) >= self._most else None

    def _turn_away(self, agent: str, near: socket.socket, why: str) -> None:
        self._note(agent, answers.NOWHERE, why)
        with near, suppress(OSError):
            text = answers.answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{why}; try again")
            near.send(text, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    async def _serve(self, agent: str, near: socket.socket) -> None:
        try:
            near.setblocking(False)
            streams = await asyncio.open_connection(sock=near, limit=HEAD_BYTES)
        except (OSError, ValueError) as error:
            log.warning("%s: the hand-off is no connection: %s", agent, error)
            near.close()
            return
        await serve(self._way, agent, streams)

    def _ended(self, agent: str, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._moved = clock.monotonic()
        self._live[agent] -= 1
        if not self._live[agent]:
            del self._live[agent]
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: a connection ended by a bug", agent, exc_info=error)

    def _allowed(self, agent: str) -> tuple[Entry, ...]:
        try:
            self._reading.db.still_there()
            return leaving.allowed(self._reading, agent)
        except HiveError as error:
            log.error("%s: %s; its way out is closed", agent, error)
            if isinstance(error, Replaced):
                unit.start_anew("hive-egress", error)
            raise answers.no_list(agent) from None

    def _note(self, agent: str, host: str, why: str | None) -> None:
        told = self._tally.note(agent, host, why, clock.now())
        if told:
            log.warning("%s: refused %s: %s", agent, host, why)
            saving = asyncio.get_running_loop().create_task(self._save([told]))
            self._saving.add(saving)
            saving.add_done_callback(self._saving.discard)

    async def _sum_up(self) -> None:
        while True:
            await asyncio.sleep(leaving.MINUTE)
            if self._tally or self._unsaved:
                await self._flush()

    async def _flush(self) -> None:
        """Writes all there is; what was told at once is written before the sums."""
        if self._saving:
            await asyncio.wait(self._saving)
        await self._save(self._tally.take())

    async def _save(self, told: list[Event]) -> None:
        """Writes in the one thread that does, so in order; what cannot be written now is kept for the next time."""
        told, self._unsaved = self._unsaved + told, []
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writer, leaving.record, self._writing, told)
        except HiveError as error:
            self._unsaved = (self._unsaved + told)[-UNSAVED:]
            log.error("events could not be written: %s", error)


def main() -> int:
    """Runs the service on the inherited hand-off socket; gives back the exit code."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        fds = sd.inherited()
        if len(fds) != 1:
            raise Misuse("got no hand-off socket", "let hive-egress.socket start it")
        reading, writing = open_hive(), open_hive()
        handoff = socket.socket(fileno=fds[0])
        handoff.setblocking(False)  # recv_fds takes flags but does not pass them on (CPython 3.11)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_run(reading, writing, handoff))
    except HiveError as error:
        log.error("hive-egress: %s", error)
        return error.exit_code
    return 0


async def _run(reading: Hive, writing: Hive, handoff: socket.socket) -> None:
    service = Service(reading, writing, handoff, min(MOST, (_descriptors() - 64) // 2))
    await service.run(reading.settings.idle.egress_seconds)


def _descriptors() -> int:
    """Raises this process's limit of open files as far as it may; gives back what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * MOST if hard == resource.RLIM_INFINITY else min(hard, 3 * MOST)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft
