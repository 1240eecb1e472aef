"""Mail against what a user would pick instead: Redis streams and PostgreSQL, both durable."""

import sqlite3
import time
from pathlib import Path

import pytest

from hivelib.base.db import Database
from hivelib.flow.opening import Hive
from hivelib.store import mail
from tests.bench.rig import latency, pairs, rate, report

HiveAt = tuple[Hive, str]
pytestmark = pytest.mark.timeout(1800)  # ten million rows take minutes to write


def test_durable_send_by_one_producer(hive: HiveAt, redis: str, postgres: str) -> None:
    for kind, address, against in (("redis", redis, "Redis"), ("postgres", postgres, "PostgreSQL")):
        measured = pairs(
            lambda: rate("hive", hive[1], 1, 2000),
            lambda kind=kind, address=address: rate(kind, address, 1, 2000),  # type: ignore[misc]
        )
        report("durable send, 1 producer", measured, unit="/s", against=against, at_least=1.2)


def test_durable_send_by_eight_producers(hive: HiveAt, redis: str, postgres: str) -> None:
    for kind, address, against in (("redis", redis, "Redis"), ("postgres", postgres, "PostgreSQL")):
        measured = pairs(
            lambda: rate("hive", hive[1], 8, 400),
            lambda kind=kind, address=address: rate(kind, address, 8, 400),  # type: ignore[misc]
        )
        report("durable send, 8 producers", measured, unit="/s", against=against)


def test_time_from_send_to_receive(hive: HiveAt, redis: str, postgres: str) -> None:
    for kind, address, against, bar in (
        ("redis", redis, "Redis", 0.9),
        ("postgres", postgres, "PostgreSQL", None),
    ):
        drain(hive[0])
        measured = pairs(
            lambda: latency("hive", hive[1], 300),
            lambda kind=kind, address=address: latency(kind, address, 300),  # type: ignore[misc]
        )
        report("send → receive, p50", measured, unit="ms", against=against, at_most=bar)


def drain(hive: Hive) -> None:
    """Empties the sink's inbox, so that a measurement begins with none waiting."""
    with hive.db.write() as db:
        db.execute("UPDATE messages SET state = 'acked' WHERE recipient = 'sink'")


def test_claim_does_not_depend_on_history(hive: HiveAt, disk: Path) -> None:
    """The same claim in a table of a thousand rows and in one of ten million."""
    small, big = hive[0], disk / "hive" / "state" / "big.sqlite"
    with sqlite3.connect(big) as copy:
        small.db.connection.backup(copy)
    fill(small.db.path, 1_000)
    fill(str(big), 10_000_000)
    with Database(str(big)) as large:

        def claims(db: Database) -> float:
            began = time.perf_counter()
            for index in range(300):
                with db.write() as open_db:
                    mail.add(open_db, "p0", "sink", f"x {index}", lane="normal", at=time.time())
                    assert (
                        len(
                            mail.claim(
                                open_db,
                                mail.ready(open_db, "sink", time.time(), 1),
                                1,
                                time.time(),
                            )
                        )
                        == 1
                    )
            return (time.perf_counter() - began) / 300 * 1000

        measured = pairs(lambda: claims(large), lambda: claims(small.db))
    report("claim at 10 million rows", measured, unit="ms", against="at 1 thousand", at_most=1.3)


def fill(path: str, rows: int) -> None:
    """Puts that many acked messages into a database, as years of use would."""
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("BEGIN")
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO messages(sender, recipient, body, lane, state, sent_at, acked_at, claimed_by)"
            " SELECT 'p' || (i % 2000), CASE i % 3 WHEN 0 THEN 'sink' ELSE 'p' || (i % 7) END,"
            " 'an old message ' || i, 'normal', 'acked', i, i, i / 10 FROM n",
            (rows,),
        )
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
