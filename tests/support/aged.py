"""A hive with a past: mail and events that are old enough to go, and some that are not, made by sqlite itself."""

import json
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from hivelib.base import clock
from hivelib.base.db import Database
from hivelib.flow import vacuuming
from hivelib.flow.opening import Hive
from hivelib.store import mail, search
from tests.support.residents import settle_in
from tests.support.source import ROOT
from tests.support.state import make_state

DAY = 86400.0
_SENDER = """
import itertools, json, select, sys, time
from hivelib.base.config import load_settings
from hivelib.flow import mailing
from hivelib.flow.opening import open_hive
from hivelib.model.records import Caller
hive, number, pause = open_hive(load_settings(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])
# The loop damper lets a pair send 30 messages a minute: so each message is another agent's.
callers = itertools.cycle([Caller(f"p{number * 5000 + one}", "agent", "turn") for one in range(5000)])
print("ready", flush=True)
sys.stdin.readline()
sent = []
while not select.select([0], [], [], pause)[0]:
    began = time.monotonic()
    mailing.send(hive, next(callers), "alice", "hello")
    sent.append((began, time.monotonic() - began))
print(json.dumps(sent))
"""


def age(hive: Hive, old: int, young: int, body: str = "please look at the logs of unit") -> None:
    """Adds acked messages and an event for each: `old` ones of 40 days (events: of 100) ago, then `young` ones."""
    db, now = hive.db, time.time()
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
    db.execute("PRAGMA synchronous=OFF")
    for count, mail_at, events_at in (
        (old, now - 40 * DAY, now - 100 * DAY),
        (young, now - DAY, now - DAY),
    ):
        if count:
            with db.write(durable=False):
                db.execute(
                    f"{numbers} INSERT INTO messages(sender, recipient, body, state, sent_at, acked_at, claimed_by)"
                    " SELECT 'p' || (i % 50), 'q' || (i % 47), ? || ' ' || i, 'acked', ? + i * 1e-3, ? + i * 1e-3, i"
                    " FROM n",
                    (count, body, mail_at, mail_at),
                )
                db.execute(
                    f"{numbers} INSERT INTO events(at, kind, subject, payload)"
                    """ SELECT ? + i * 1e-3, 'sent', 'q' || (i % 47), '{"id":' || i || ',"lane":"normal"}' FROM n""",
                    (count, events_at),
                )
    search.catch_up(db)
    db.all("PRAGMA wal_checkpoint(TRUNCATE)")


class Sent(NamedTuple):
    """What some senders saw: when each send began (monotonic) and how long it took."""

    each: list[tuple[float, float]]

    def p99(self, spans: list[tuple[float, float]]) -> float:
        """Milliseconds that 99 of 100 sends that began in one of these spans took at most."""
        took = sorted(
            seconds
            for began, seconds in self.each
            if any(begin <= began < end for begin, end in spans)
        )
        return took[int(len(took) * 0.99)] * 1000


class Beside(NamedTuple):
    """Milliseconds that 99 of 100 sends took at most, when hive-vacuum worked and when it paused; how many seconds it
    worked, and what is left of the file, of 1."""

    with_it: float
    without: float
    seconds: float
    left: float


def beside(where: Path, old: int, young: int, pause: float, most: float = 2.0) -> Beside:
    """Lets eight processes send beside a hive-vacuum that works at most `most` seconds on end, and then does nothing
    for as long: what else the machine does bears on both alike."""
    hive, spans, step = make_state(where), [time.monotonic()], vacuuming.Pace.step

    def in_turn(
        pace: vacuuming.Pace, db: Database, gate: AbstractContextManager[Database], count: int
    ) -> AbstractContextManager[None]:
        if time.monotonic() > spans[-1] + most:  # between two transactions
            spans.append(time.monotonic())
            time.sleep(most)
            spans.append(time.monotonic())
        return step(pace, db, gate, count)

    settle_in(hive, "alice")
    with hive.db, pytest.MonkeyPatch.context() as patch:
        age(hive, old, young)
        senders = Senders(where / "hive.toml", 8, pause)
        patch.setattr(vacuuming.Pace, "step", in_turn)
        spans[0] = time.monotonic()
        (swept,) = vacuuming.vacuum(hive)
        spans.append(time.monotonic())
        sent = senders.stop()
        assert swept.rows["messages"] == old
        assert hive.db.value("SELECT count(*) FROM messages") == young + len(sent.each)
    worked, rested = list(pairwise(spans))[::2], list(pairwise(spans))[1::2]
    seconds = sum(end - begin for begin, end in worked)
    return Beside(sent.p99(worked), sent.p99(rested), seconds, swept.after / swept.before)


class Senders:
    """Processes that send to alice one message after the other, with a pause of so many seconds between two."""

    def __init__(self, config: Path, count: int, pause: float) -> None:
        self._all = [
            subprocess.Popen(
                [sys.executable, "-c", _SENDER, str(config), str(number), str(pause)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for number in range(count)
        ]
        for one in self._all:
            assert one.stdout and one.stdout.readline() == "ready\n"
        self._say()

    def stop(self) -> Sent:
        """Ends them; gives back what they saw."""
        self._say()
        said = [json.loads(one.communicate()[0]) for one in self._all]
        return Sent([(began, took) for one in said for began, took in one])

    def _say(self) -> None:
        for one in self._all:
            assert one.stdin
            one.stdin.write("\n")
            one.stdin.flush()


def swept(hive: Hive, *, dry_run: bool = False) -> dict[str, int]:
    """How many rows went from hive.sqlite, or would, by table; tables of which none did are left out."""
    first = next(iter(vacuuming.vacuum(hive, dry_run=dry_run)))
    return {table: count for table, count in first.rows.items() if count}


def put(hive: Hive, state: str, days: float, **more: object) -> int:
    """A message that was sent, and acked if it was, so many days ago."""
    at = clock.now() - days * DAY
    with hive.db.write() as db:
        number = mail.add(db, "alice", "bob", f"a word of {state}", lane="normal", at=at)
        values = {"state": state, "acked_at": at if state == "acked" else None, **more}
        marks = ", ".join(f"{name} = ?" for name in values)
        db.execute(f"UPDATE messages SET {marks} WHERE id = ?", (*values.values(), number))
    return number


def numbers(hive: Hive) -> list[int]:
    """The numbers of all messages."""
    return [row[0] for row in hive.db.all("SELECT id FROM messages ORDER BY id")]


def whole(db: Database) -> bool:
    """Whether database and search index are whole, and the index has the words of the messages and no others."""
    search.catch_up(db)
    db.execute("INSERT INTO messages_search(messages_search, rank) VALUES('integrity-check', 1)")
    return bool(db.value("PRAGMA integrity_check") == "ok")
