"""Many events a second, and readers of the page's streams who lose their connection again and again."""

import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any, Self

from hivelib.base import bell, clock
from hivelib.base.config import load_settings
from hivelib.flow.opening import open_hive
from hivelib.model.events import Sent
from hivelib.store import events, mail
from tests.support.page import Follower, Page

TICK = 0.02
AGENTS = ("alice", "bob", "carol", "dave")


class Torrent(threading.Thread):
    """Sends so many messages a second to the hive's agents until all are sent; `sent` has their numbers."""

    def __init__(self, page: Page, a_second: int, seconds: float) -> None:
        super().__init__()
        self._config = str(page.config)
        self._burst, self._ticks = round(a_second * TICK), round(seconds / TICK)
        self.total = self._burst * self._ticks
        self.sent: list[int] = []
        self.took = 0.0

    def run(self) -> None:
        """Keeps to its rate as far as the machine does; each burst is one transaction and one ring."""
        began = time.monotonic()
        with (hive := open_hive(load_settings(self._config))).db:
            pause = threading.Event()
            for tick in range(self._ticks):
                pause.wait(max(0.0, began + tick * TICK - time.monotonic()))
                with hive.db.write(durable=False) as db:
                    for number in range(self._burst):
                        self._send(db, AGENTS[number % len(AGENTS)])
                bell.ring(hive.paths.bell, "events")
        self.took = time.monotonic() - began

    def _send(self, db: Any, to: str) -> None:
        now = clock.now()
        id_ = mail.add(db, "operator", to, f"number {len(self.sent)}", lane="normal", at=now)
        told = {"sender": "operator", "lane": "normal", "in_reply_to": None, "broadcast_id": None}
        events.record(db, Sent(to, id=id_, recipient=to, **told), at=now)
        self.sent.append(id_)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join()


class Reader(threading.Thread):
    """Follows the first page's stream up to an event, and goes on with the last id whenever it is cut off; it cuts
    itself off after each `cut` frames (0: never). `seqs` has the number of every event that it was sent."""

    def __init__(self, page: Page, since: str, upto: int, cut: int = 0) -> None:
        super().__init__(daemon=True)
        self._page, self._since, self._upto, self._cut = page, since, upto, cut
        self.seqs: list[int] = []
        self.connections = 0
        self.resets = 0

    def run(self) -> None:
        """Reads until it has that event."""
        last = self._since
        while not self.seqs or self.seqs[-1] < self._upto:
            try:
                follower = self._page.follow("/events", last)
            except (OSError, IndexError):  # the server was killed before it answered
                continue
            self.connections += 1
            last = self._read(follower)
            follower.close()

    def _read(self, follower: Follower) -> str:
        for number, frame in zip(count(1), follower.frames(), strict=False):
            self.resets += frame.kind == "reset"
            self.seqs.append(frame.data["seq"])
            if frame.data["seq"] >= self._upto or number == self._cut:
                break
        return follower.last


def until_over(torrent: Torrent, meanwhile: Callable[[int], None], steps: int) -> None:
    """Calls `meanwhile` with 0, 1, … at as many even steps of what is sent."""
    for step in range(steps):
        while len(torrent.sent) < torrent.total * (step + 1) // (steps + 1) and torrent.is_alive():
            time.sleep(TICK)
        meanwhile(step)
