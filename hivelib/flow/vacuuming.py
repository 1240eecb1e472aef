"""Takes away what is old enough (SPEC section 11) and gives the room back to the disk, while everybody works.

In many short transactions: what goes in one is chosen so that it lasts a few milliseconds, and between two the gate
is free for eight times as long, so who sends waits little more than for another sender. Killed anywhere, the next run
goes on where it was.
"""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from hivelib.base import clock
from hivelib.base.db import Database
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow.opening import Hive, all_transcripts
from hivelib.model.settings import Retention
from hivelib.store import retention, room, schema, search
from hivelib.store.retention import Rule

LONGEST = 0.002
"""Seconds that a transaction should take at most."""
REST = 8.0
"""How much longer than a transaction the gate is left alone after it."""
LEAST = 3600.0
"""Nothing goes that is younger, whatever the settings say: the brakes look back an hour."""
SPARE = 256
"""Free pages that stay: what the next mail takes need not be asked of the disk again."""
_COPY_EVERY = 64
"""After how many transactions the log is copied into the file: a sender's own sync waits for the disk then."""


class Swept(NamedTuple):
    """What went from one database (relative to the state directory), or would: rows by table, bytes before and after.

    `left` says why room that is free stays in the file, `fault` why nothing was done; empty when all went well.
    """

    database: str
    rows: dict[str, int]
    before: int
    after: int
    left: str = ""
    fault: str = ""


class Pace:
    """How much goes in the next transaction (`size`, rows or pages), so that it takes about as long as it may."""

    def __init__(self, begin: int, most: int) -> None:
        """Begins with `begin`, and never takes more than `most`."""
        self.size, self._most, self._done = begin, most, 0

    @contextmanager
    def step(
        self, db: Database, gate: AbstractContextManager[Database], count: int
    ) -> Iterator[None]:
        """Lets `count` go inside of `gate`; afterwards that is left alone for a while."""
        with gate:
            began = clock.monotonic()
            yield
        took = clock.monotonic() - began
        self._done += 1
        if self._done % _COPY_EVERY == 0:
            room.keep_log_short(db)
        time.sleep(REST * took)
        # By no more than twice or half at once: one that had to wait for a processor says little about the next.
        fits = int(count * LONGEST / max(took, 1e-6))
        self.size = min(self._most, max(1, self.size // 2, min(2 * self.size, fits)))


def vacuum(hive: Hive, *, dry_run: bool = False) -> Iterator[Swept]:
    """Sweeps hive.sqlite and then each transcript, also those of agents that are gone; gives back what went from each.

    A database that cannot be swept is told of in `fault`, and the others are. Raises NotNow when the disk is full.
    """
    yield _sweep(hive, hive.db, retention.HIVE, dry_run)
    for path in all_transcripts(hive):
        try:
            with Database(path) as db:
                if schema.version(db) == 0:
                    continue  # its maker is not done yet, or died over it
                schema.refuse_newer(db, schema.TRANSCRIPT)
                yield _sweep(hive, db, retention.TRANSCRIPT, dry_run)
        except NotNow:
            raise
        except HiveError as error:
            if os.path.exists(path):  # else it was purged meanwhile
                yield Swept(_name(hive, path), {}, 0, 0, fault=str(error))


def _sweep(hive: Hive, db: Database, rules: tuple[Rule, ...], dry_run: bool) -> Swept:
    before, now, rows = room.size(db), clock.now(), {}
    for rule in rules:
        cutoff = now - _age(rule, hive.settings.retention)
        rows[rule.table] = (
            retention.count(db, rule, cutoff, now) if dry_run else remove_old(db, rule, cutoff)
        )
    name = _name(hive, db.path)
    if dry_run:
        return Swept(name, rows, before, before)
    left = give_back(db)
    return Swept(name, rows, before, room.size(db), left)


def _age(rule: Rule, ages: Retention) -> float:
    days = getattr(ages, rule.age) if isinstance(rule.age, str) else rule.age
    return max(LEAST, days * 86400)


def remove_old(db: Database, rule: Rule, cutoff: float) -> int:
    """Deletes what a rule says is older than `cutoff`, in short transactions; gives back how many rows."""
    room.leave_checkpoints(db)
    indexed = rule.table == "messages"
    after: retention.Key = ()
    upto, done, pace = retention.horizon(db, rule, cutoff, clock.now()), 0, Pace(32, 4096)
    while keys := retention.old(db, rule, cutoff, upto, after, pace.size):
        with pace.step(db, db.write(durable=False), len(keys)):
            done += retention.remove(db, rule, cutoff, keys)
        after = keys[-1]
        if indexed:
            _merge(db, 4)
    if done and indexed:
        # Most of the index is of what has gone: only merging all of it sets that free.
        _merge(db, 1 << 30, all_of_it=done > int(db.value("SELECT count(*) FROM messages")))
    return done


def _merge(db: Database, most: int, *, all_of_it: bool = False) -> None:
    """Merges the search index in at most so many short transactions."""
    pace, more = Pace(4, 64), True
    while more and most:
        with pace.step(db, db.write(durable=False), pace.size):
            more = search.merge(db, pace.size, all_of_it=all_of_it)
        most, all_of_it = most - 1, False


def give_back(db: Database) -> str:
    """Gives free pages back to the disk, in short transactions; why not in words, empty when it did."""
    room.leave_checkpoints(db)
    if room.free_pages(db) <= SPARE:
        return ""
    if not room.can_shrink(db):
        return (
            "free room stays in it: the next start of the hive makes it over, if the disk has room"
        )
    pace = Pace(32, 4096)
    while (free := room.free_pages(db) - SPARE) > 0:
        pages = min(free, pace.size)
        with pace.step(db, db.alone(), pages):
            room.give_back(db, pages)
    room.shorten_log(db)
    return ""


def _name(hive: Hive, path: str) -> str:
    return os.path.relpath(path, hive.paths.state)
