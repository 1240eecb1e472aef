"""A WSGI server for one listening socket: one thread reads and writes all clients, others only ask the application.

What a client does slowly costs it a deadline and us a few bytes, never a thread: a request reaches a thread when all of
it is here, what a thread makes of an answer is the loop's to send, and a stream (`exchange.STREAM`) belongs to the loop
from its first byte. So there may be any number of open streams, and the pool of threads is only as big as the
application is slow (docs/web-ui.md has the figures).
"""

import selectors
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from hivelib.base import clock, journal
from hivelib.base.limits import files_allowed
from hivelib.face import exchange
from hivelib.face.client import Client
from hivelib.face.deadlines import Deadlines
from hivelib.face.errands import Errands
from hivelib.face.exchange import Door, Fault, Incoming, Outgoing, Outlet

REQUEST_SECONDS = 15.0
"""From a request's first byte to its last."""
IDLE_SECONDS = 60.0
"""Between two requests."""
WRITE_SECONDS = 30.0
"""Without progress while an answer is written."""
DRAIN_SECONDS = 2.0
"""To let a client read the last answer before its connection goes."""
STOP_SECONDS = 5.0
"""For answers on their way when the server is told to stop."""
FULL_SECONDS = 1.0
"""Until it is looked again who wants in, when no more files may be opened."""
THREADS = 32

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Server:
    """Serves at some doors until `stop`."""

    def __init__(self, *doors: Door) -> None:
        self._doors = doors
        self._selector = selectors.DefaultSelector()
        self._clients: set[Client] = set()
        self._deadlines: Deadlines[Client] = Deadlines()
        self._full: Deadlines[Door] = Deadlines()
        self._threads = ThreadPoolExecutor(THREADS, "page")
        self._errands = Errands()
        self._stop_at: float | None = None
        self._most = max(64, files_allowed() - 256)  # threads' databases and fifos need some too

    def stop(self) -> None:
        """Ends `serve` soon: no new requests, answers on their way are finished. From any thread or signal handler."""
        self.post(self._begin_stop)

    def post(self, work: Callable[[], None]) -> None:
        """Lets the loop's thread do something small, in the order it was asked; from any thread."""
        self._errands.add(work)

    def serve(self) -> None:
        """Runs until `stop`; sleeps whenever no client does anything."""
        for door in self._doors:
            door.listener.setblocking(False)
            self._watch_door(door)
        self._selector.register(self._errands, READ, self._errands.do)
        while self._stop_at is None or (self._clients and clock.monotonic() < self._stop_at):
            for key, events in self._selector.select(self._patience()):
                if isinstance(key.data, Client):
                    self._ready(key.data, events)
                else:
                    key.data()
            self._expire()
        for client in list(self._clients):
            self._drop(client)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._selector.close()

    def _begin_stop(self) -> None:
        self._stop_at = clock.monotonic() + STOP_SECONDS
        for door in self._doors:
            self._unwatch(door.listener)
            self._full.forget(door)
        for client in [c for c in self._clients if c.state in ("reading", "streaming")]:
            self._drop(client)

    def _patience(self) -> float | None:
        waits = [self._deadlines.patience(), self._full.patience()]
        if self._stop_at is not None:
            waits.append(max(0.0, self._stop_at - clock.monotonic()) + 0.001)
        return min((wait for wait in waits if wait is not None), default=None)

    def _expire(self) -> None:
        for client in self._deadlines.passed():
            if client.state == "reading" and client.inbox:
                self._refuse(client, Fault("408 Request Timeout", "this request took too long"))
            else:
                self._drop(client)
        for door in self._full.passed():
            self._full.forget(door)
            self._watch_door(door)

    def _watch_door(self, door: Door) -> None:
        self._selector.register(door.listener, READ, partial(self._accept, door))

    def _accept(self, door: Door) -> None:
        if self._stop_at is not None:
            return  # told to stop in this very round
        for _ in range(64):
            try:
                link, peer = door.listener.accept()
            except (BlockingIOError, ConnectionError):  # nobody there any more
                return
            except OSError:  # too many open files
                self._selector.unregister(door.listener)  # it stays readable: we would never sleep
                self._full.give(door, FULL_SECONDS)
                return
            if len(self._clients) >= self._most and not self._make_room():
                link.close()
                continue
            link.setblocking(False)
            if door.listener.family == socket.AF_INET:
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(self, door, link, peer[0] if peer else "")
            self._clients.add(client)
            self._deadlines.give(client, REQUEST_SECONDS)
            self._selector.register(link, READ, client)

    def _make_room(self) -> bool:
        """Drops one who has asked nothing yet, or nothing whole: an idle one, else the one that is at it longest."""
        reading = [c for c in self._deadlines if c.state == "reading"]
        if reading:
            self._drop(min(reading, key=lambda c: (bool(c.inbox), self._deadlines.until(c))))
        return bool(reading)

    def _ready(self, client: Client, events: int) -> None:
        if client not in self._clients:
            return  # dropped by an earlier one of this round
        if events & READ:
            self._read(client)
        if events & WRITE and client in self._clients:
            self._write(client)

    def _read(self, client: Client) -> None:
        try:
            data = client.link.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
        elif client.state == "reading":
            if not client.inbox:
                self._deadlines.give(client, REQUEST_SECONDS)
            client.inbox += data
            # Else a head would be read anew for each byte of a body that comes byte by byte.
            if len(client.inbox) >= client.wanted:
                self._look(client)

    def _look(self, client: Client) -> None:
        """Hands a whole request to a thread."""
        try:
            incoming = exchange.take(client.inbox)
        except Fault as fault:
            self._refuse(client, fault)
            return
        if isinstance(incoming, int):
            client.wanted = incoming
            return
        client.wanted = 1
        client.state = "working"
        self._deadlines.forget(client)
        self._selector.unregister(client.link)  # the next request waits in the socket
        self._threads.submit(self._work, client, incoming)

    def _work(self, client: Client, incoming: Incoming) -> None:
        def early(data: bytes) -> None:
            self.post(lambda: self._begin(client, data))

        door = client.door
        outgoing = exchange.answer(door.app, incoming, door.address, client.peer, early)
        self.post(lambda: self._answer(client, outgoing))

    def _begin(self, client: Client, data: bytes) -> None:
        """Sends the beginning of an answer while its rest is made. What does not go out at once goes with that."""
        sent = 0
        if not client.outbox:
            with suppress(OSError):  # who has gone is found gone then
                sent = client.link.send(data)
        if sent < len(data):
            client.outbox.append(memoryview(data)[sent:])
            client.unread += len(data) - sent

    def _refuse(self, client: Client, fault: Fault) -> None:
        self._selector.unregister(client.link)
        self._answer(client, exchange.refusal(fault))

    def _answer(self, client: Client, outgoing: Outgoing) -> None:
        client.keep = outgoing.keep and self._stop_at is None
        client.streaming = outgoing.streaming
        client.state = "streaming" if outgoing.streaming else "writing"
        self._selector.register(client.link, READ if client.streaming else WRITE, client)
        self._queue(client, outgoing.data)
        if (
            len(client.outbox) > 1
        ):  # what went before it has not gone out yet: from here on that has a deadline
            self._write(client)
        if client.streaming and client in self._clients:
            client.streaming.joined(client)
            if self._stop_at is not None:
                self._drop(client)

    def feed(self, clients: Iterable[Outlet], data: bytes) -> None:
        """Queues data of streams, one after the other; drops who lets too much lie unread."""
        for client in clients:
            if isinstance(client, Client):
                self._feed(client, data)

    def _feed(self, client: Client, data: bytes) -> None:
        if client.state != "streaming" or client not in self._clients:
            return
        if client.unread > client.most:
            journal.note("hive-dashboard", f"dropped a reader with {client.unread} bytes unread")
            self._drop(client)
            return
        client.most = max(client.most, len(data))
        self._queue(client, data)

    def end_stream(self, client: Client) -> None:
        """Ends a stream once what was queued is written."""
        if client.state == "streaming" and client in self._clients:
            self._left(client)
            client.state = "writing"
            self._write(client)

    def _queue(self, client: Client, data: bytes) -> None:
        client.outbox.append(memoryview(data))
        client.unread += len(data)
        if len(client.outbox) == 1:
            self._write(client)

    def _write(self, client: Client) -> None:
        while client.outbox:
            try:
                count = client.link.send(client.outbox[0])
            except BlockingIOError:
                count = 0
            except OSError:
                self._drop(client)
                return
            client.unread -= count
            if count < len(client.outbox[0]):
                client.outbox[0] = client.outbox[0][count:]
                break
            client.outbox.popleft()
        if client.state == "streaming":
            self._watch(client, READ | WRITE if client.outbox else READ)
        elif client.outbox:
            self._deadlines.give(client, WRITE_SECONDS)
            self._watch(client, WRITE)
        else:
            self._written(client)

    def _written(self, client: Client) -> None:
        self._watch(client, READ)
        if client.keep and self._stop_at is None:
            client.state = "reading"
            self._deadlines.give(client, REQUEST_SECONDS if client.inbox else IDLE_SECONDS)
            if client.inbox:
                self._look(client)
            return
        # Closing with bytes unread would reset the connection and could take the answer with it.
        client.state = "draining"
        self._deadlines.give(client, DRAIN_SECONDS)
        with suppress(OSError):
            client.link.shutdown(socket.SHUT_WR)

    def _watch(self, client: Client, events: int) -> None:
        if self._selector.get_key(client.link).events != events:
            self._selector.modify(client.link, events, client)

    def _unwatch(self, link: socket.socket) -> None:
        with suppress(KeyError):
            self._selector.unregister(link)

    def _left(self, client: Client) -> None:
        streaming, client.streaming = client.streaming, None
        if streaming:
            streaming.left(client)

    def _drop(self, client: Client) -> None:
        self._clients.discard(client)
        self._deadlines.forget(client)
        self._unwatch(client.link)
        client.link.close()
        self._left(client)
