"""The processes that a measurement starts: producers and consumers of ours, of Redis streams and of PostgreSQL.

usage: python -m tests.bench.workers produce|ping|consume KIND ADDRESS COUNT [NUMBER]. Each says `ready` and waits for a
line. Redis is run with appendfsync always and PostgreSQL with synchronous_commit on: what they accept is on the disk,
as ours.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

AGENTS = 2000
BODY = "please look at the logs of unit {} and tell me what you think of them"


class Hive:
    """Ours: flow.mailing.send with events and every rule on, between agents, in the same way as a tool does it."""

    def __init__(self, address: str, number: int = 0) -> None:
        from hivelib.base.bell import Listener
        from hivelib.base.config import load_settings
        from hivelib.flow import mailing
        from hivelib.flow.opening import open_hive
        from hivelib.model.records import Caller
        from hivelib.store import turns

        self.hive, self.mailing, self.turns = open_hive(load_settings(address)), mailing, turns
        # The loop damper lets a pair send 30 messages a minute: so each message is another agent's.
        names = [f"p{(number * 251 + index) % AGENTS}" for index in range(AGENTS)]
        self.callers = itertools.cycle([Caller(name, "agent", "turn") for name in names])
        self.listener = Listener(self.hive.paths.bell, "mail.sink") if number < 0 else None

    def send(self, body: str) -> None:
        self.mailing.send(self.hive, next(self.callers), "sink", body)

    def receive(self) -> None:
        """Claims one message for a turn, and ends that turn well, which acks it."""
        from hivelib.flow import settling
        from hivelib.model.records import Caller

        with self.hive.db.write(durable=False) as db:
            turn = self.turns.begin(db, "sink", 1, "none", time.time())
        caller = Caller("sink", "agent", "turn", turn)
        while not self.mailing.take(self.hive, caller, 1)["messages"]:
            assert self.listener
            self.listener.wait(30)
        self.got = time.time()
        row = self.turns.get(self.hive.db, turn)
        assert row
        assert settling.end_turn(self.hive, row, settling.Outcome("ok", "measured"))


class Redis:
    """A Redis stream with a consumer group."""

    def __init__(self, address: str, number: int = 0) -> None:
        import redis

        self.client = redis.Redis(port=int(address))
        if number < 0:
            self.client.delete("mail")
            self.client.xgroup_create("mail", "readers", mkstream=True)

    def send(self, body: str) -> None:
        self.client.xadd("mail", {"sender": "a", "recipient": "b", "body": body})

    def receive(self) -> None:
        found: Any = self.client.xreadgroup("readers", "me", {"mail": ">"}, count=1, block=30000)
        self.got = time.time()
        self.client.xack("mail", "readers", found[0][1][0][0])


class Postgres:
    """A PostgreSQL table with LISTEN and NOTIFY, claimed with SKIP LOCKED."""

    def __init__(self, address: str, number: int = 0) -> None:
        import psycopg

        self.db = psycopg.connect(address, autocommit=True)
        self.insert = (
            "WITH row AS (INSERT INTO mail(sender, recipient, body) VALUES('a', 'b', %s) RETURNING 1)"
            " SELECT pg_notify('mail', '') FROM row"
        )
        if number < 0:
            self.db.execute("TRUNCATE mail")
            self.db.execute("LISTEN mail")

    def send(self, body: str) -> None:
        self.db.execute(self.insert, (body,))

    def receive(self) -> None:
        claim = (
            "UPDATE mail SET state = 'claimed' WHERE id = (SELECT id FROM mail WHERE state = 'queued'"
            " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
        )
        while not (row := self.db.execute(claim).fetchone()):
            next(iter(self.db.notifies(timeout=30, stop_after=1)), None)
        self.got = time.time()
        self.db.execute("UPDATE mail SET state = 'acked' WHERE id = %s", row)


KINDS: dict[str, Callable[[str, int], Any]] = {"hive": Hive, "redis": Redis, "postgres": Postgres}


def main(work: str, kind: str, address: str, count: int, number: int = 0) -> None:
    """Does one piece of work of a measurement."""
    client = KINDS[kind](address, -1 if work == "consume" else number)
    print("ready", flush=True)
    sys.stdin.readline()
    times = []
    for index in range(count):
        if work == "consume":
            client.receive()
            times.append(client.got)
        else:
            times.append(time.time())
            client.send(BODY.format(index))
        if work == "ping":
            time.sleep(0.004)  # one message at a time: latency, not throughput
    print(f"done {count}" if work == "produce" else json.dumps(times), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), *map(int, sys.argv[5:6]))
