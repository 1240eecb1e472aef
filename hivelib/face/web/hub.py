"""One thread reads each new row once and gives it to everybody who follows it.

It listens to a bell only while somebody follows, and otherwise sleeps. A reader who comes is first given what it missed
up to where the others are, and from then on what they get: so nobody misses an event or gets one twice.
"""

import itertools
import os
import select
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial

from hivelib.base import bell, clock, journal
from hivelib.base.errors import Replaced
from hivelib.face import unit
from hivelib.face.exchange import Outlet
from hivelib.face.web.feeds import Feed, Position, feed_of, position
from hivelib.face.web.pages import PAGES
from hivelib.face.web.patches import frame
from hivelib.face.web.sections.base import Drawer
from hivelib.flow import admitting
from hivelib.flow.opening import Hive
from hivelib.flow.spending import Spending

HEARTBEAT_SECONDS = 60.0
REST_SECONDS = 0.05
REST_TIMES = 3.0
"""After a look at its rows a channel rests so many times as long as that took, at most REST_SECONDS: rings that come
meanwhile are answered together. So an event that comes alone is told at once, and a busy hive leaves three quarters of
the time to others, however many events that is."""
MISSED_MOST = 8 * 1024 * 1024
"""Bytes that somebody may have missed; beyond that a new snapshot is less work for both."""
BATCHES = 4
"""Batches of one page that are given out before the other pages have their turn."""
Followed = tuple[str, str]
"""The name of a page and its subject."""


class Reader:
    """Somebody who follows: what (a page and its subject), the id from which on, the secret of their session
    (None: a proxy vouches for them)."""

    def __init__(self, hub: "Hub", followed: Followed, since: str, secret: str | None) -> None:
        self.hub, self.followed, self.since, self.secret = hub, followed, since, secret
        self.outlet: Outlet | None = None

    def joined(self, outlet: Outlet) -> None:
        """The server has a client for this reader."""
        self.outlet = outlet
        self.hub.post(lambda: self.hub.add(self))

    def left(self, outlet: Outlet) -> None:
        """The client is gone."""
        self.hub.post(lambda: self.hub.remove(self))


class Channel:
    """A feed, its bells, how far it has been read, and who follows it."""

    def __init__(self, feed: Feed, at: Position, listeners: list[bell.Listener]) -> None:
        self.feed, self.at, self.listeners = feed, at, listeners
        self.readers: set[Reader] = set()
        self.rung = False
        self.rests_until = 0.0
        self.missed: tuple[tuple[Position, Position] | None, bytes | None] = (None, None)
        """What the last one who came had missed: after a restart of the server all of them missed the same."""


class Hub(threading.Thread):
    """The thread; `opener` opens a hive for it. What is known of costs is the routes' too."""

    def __init__(self, opener: Callable[[], Hive]) -> None:
        super().__init__(name="hub", daemon=True)
        self._opener = opener
        self.spending = Spending()
        self._channels: dict[Followed, Channel] = {}
        self._posted: deque[Callable[[], None]] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._stopping = False

    def post(self, work: Callable[[], None]) -> None:
        """Lets the hub's thread do something, in the order it was asked; from any thread."""
        self._posted.append(work)
        os.eventfd_write(self._wake, 1)

    def stop(self) -> None:
        """Ends the thread and removes its bells."""

        def end() -> None:
            self._stopping = True

        self.post(end)
        self.join()

    def check_sessions(self) -> None:
        """Ends the streams of sessions that are over."""
        self.post(lambda: self._guarded(self._everybody(), self._check_sessions))

    def run(self) -> None:
        """Runs until it is stopped."""
        self._hive = self._opener()
        beat_at = clock.monotonic() + HEARTBEAT_SECONDS
        while not self._stopping:
            wakers: dict[int, Channel | None] = {self._wake: None}
            for channel in self._channels.values():
                wakers.update((listener.fileno(), channel) for listener in channel.listeners)
            for fd in _readable(list(wakers), self._patience(beat_at)):
                if found := wakers[fd]:
                    found.rung = True
            if clock.monotonic() >= beat_at:
                beat_at = clock.monotonic() + HEARTBEAT_SECONDS
                self._guarded(self._everybody(), self._beat)
            for channel in self._channels.values():
                began = clock.monotonic()
                if channel.rung and channel.rests_until <= began:
                    channel.rung = False
                    self._guarded(channel.readers, partial(self._pump, channel, BATCHES))
                    ended = clock.monotonic()
                    channel.rests_until = ended + min(REST_SECONDS, REST_TIMES * (ended - began))
            while self._posted:
                self._posted.popleft()()
        for key in list(self._channels):
            self._close(key)

    def _patience(self, beat_at: float) -> float | None:
        """Seconds until there is something to do without a ring; None when there is nothing."""
        if not self._channels:
            return None
        resting = [one.rests_until for one in self._channels.values() if one.rung]
        return min([beat_at, *resting]) - clock.monotonic()

    def add(self, reader: Reader) -> None:
        """Gives a new reader what it missed, and from then on what comes."""

        def begin() -> None:
            channel = self._channels.get(reader.followed) or self._open(reader.followed)
            channel.readers.add(reader)
            self._begin(channel, reader)

        self._guarded({reader}, begin)

    def remove(self, reader: Reader) -> None:
        """Forgets a reader; the last one of a channel closes it."""
        channel = self._channels.get(reader.followed)
        if channel:
            channel.readers.discard(reader)
            if not channel.readers:
                self._close(reader.followed)

    def _open(self, key: Followed) -> Channel:
        name, subject = key
        feed = feed_of(PAGES[name], Drawer(self._hive, self.spending, subject))
        with ExitStack() as opened:
            opened.callback(feed.close)
            # Listen first, then look.
            where = self._hive.paths.bell
            bells = [opened.enter_context(bell.Listener(where, topic)) for topic in feed.topics]
            channel = self._channels[key] = Channel(feed, feed.end(), bells)
            opened.pop_all()  # `_close` does it
        return channel

    def _close(self, key: Followed) -> None:
        channel = self._channels.pop(key)
        channel.feed.close()
        for listener in channel.listeners:
            listener.close()

    def _begin(self, channel: Channel, reader: Reader) -> None:
        self._pump(channel, None, besides=reader)
        feed, at = channel.feed, position(reader.since)
        if at is None or not feed.holds_all_after(at):
            self._reset(channel, reader)
            return
        between = (at, channel.at)
        if channel.missed[0] != between:
            channel.missed = (between, _missed(feed, *between))
        if (missed := channel.missed[1]) is None:
            self._reset(channel, reader)
        else:
            _send([reader], missed)

    def _reset(self, channel: Channel, reader: Reader) -> None:
        told = {"epoch": channel.at.epoch, "seq": channel.at.seq}
        _send([reader], frame(channel.feed.name(channel.at), told, "reset"))

    def _pump(self, channel: Channel, batches: int | None, besides: Reader | None = None) -> None:
        """Reads what is new once and gives it to all readers but `besides`: all of it, or so many batches now."""
        end = channel.feed.end()
        if (
            end.epoch != channel.at.epoch or end < channel.at
        ):  # another database, or another transcript
            channel.at = end
            told = frame(channel.feed.name(end), {"epoch": end.epoch, "seq": end.seq}, "reset")
            _send(channel.readers - {besides}, told)
            return
        for batch in itertools.count():
            if batch == batches:  # who writes without end must not keep the others from being read
                channel.rung = True
                return
            data, reached = channel.feed.read(channel.at)
            if reached == channel.at:
                return
            channel.at = reached
            channel.missed = (None, None)
            if data:
                _send(channel.readers - {besides}, data)

    def _beat(self) -> None:
        """Looks whether a ring was lost; tells open streams that they live, and how far they have come."""
        try:
            self._hive.db.still_there()
        except Replaced as error:
            unit.start_anew("hive-dashboard", error)
        for channel in self._channels.values():
            self._pump(channel, BATCHES)
            told = f"id: {channel.feed.name(channel.at)}\n\n".encode()
            _send(channel.readers, told)
        self._check_sessions()

    def _check_sessions(self) -> None:
        for reader in self._everybody():
            if reader.secret is None or admitting.admitted(self._hive, reader.secret):
                continue
            if reader.outlet:
                reader.outlet.close()

    def _everybody(self) -> set[Reader]:
        return {reader for channel in self._channels.values() for reader in channel.readers}

    def _guarded(self, readers: set[Reader], work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # noqa: BLE001  one page's trouble is not the others': its readers come again
            traceback.print_exc(file=journal.ERRORS)
            for reader in readers:
                if reader.outlet:
                    reader.outlet.close()


def _missed(feed: Feed, at: Position, upto: Position) -> bytes | None:
    """What somebody missed who was there last at that position; None when it is more than MISSED_MOST."""
    parts, size = [b"retry: 1000\n\n"], 0
    while at != upto:
        data, reached = feed.read(at, upto)
        if reached == at:
            break
        parts.append(data)
        at, size = reached, size + len(data)
        if size > MISSED_MOST:
            return None
    return b"".join(parts)


def _send(readers: Iterable[Reader | None], data: bytes) -> None:
    """Gives all of them the same, in one piece of work for the server."""
    outlets = [reader.outlet for reader in readers if reader and reader.outlet]
    if outlets:
        outlets[0].send(data, outlets[1:])


def _readable(fds: list[int], seconds: float | None) -> list[int]:
    """Waits, then drains and gives back the descriptors that have something."""
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    timeout = None if seconds is None else max(0.0, seconds) * 1000
    ready = [fd for fd, _ in poller.poll(timeout)]
    for fd in ready:
        bell.drain(fd)
    return ready
