"""hive-vacuum holds up nobody for long, goes on when it was killed, and the file shrinks."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base import clock
from hivelib.base.db import Database
from hivelib.flow import mailing, preparing, vacuuming
from hivelib.flow.opening import Hive
from hivelib.store import room
from tests.support.aged import Senders, age, numbers, put, swept, whole
from tests.support.residents import settle_in
from tests.support.source import ROOT


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    settle_in(private_state, "alice", "bob")
    return private_state


def test_the_file_shrinks_and_no_transaction_takes_much(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200,000 messages. How long a transaction lasts the machine says too (tests/bench), how much one does we alone."""
    age(hive, 195_000, 5_000)
    waits = put(hive, "dead", 200)
    done: list[int] = []
    write = hive.db.write

    def counted(*, durable: bool = True) -> "Iterator[Database]":
        assert not durable, "nobody waits for the disk because of a deletion"
        before = hive.db.connection.total_changes
        with write(durable=False) as db:
            yield db
        done.append(hive.db.connection.total_changes - before)

    monkeypatch.setattr(hive.db, "write", contextlib.contextmanager(counted))
    monkeypatch.setattr(vacuuming, "REST", 0.0)
    monkeypatch.setattr(vacuuming, "LONGEST", 0.03)  # as on a machine ten times as fast
    before = room.size(hive.db)
    assert swept(hive) == {"messages": 195_000, "events": 195_000}
    assert len(numbers(hive)) == 5_001 and waits in numbers(hive)
    assert sum(done) >= 390_000 and max(done) <= 4096 * 3, "a row, its words and a page or two"
    after = room.size(hive.db)
    assert after < before / 10
    assert room.free_pages(hive.db) <= vacuuming.SPARE
    assert os.stat(hive.paths.database).st_size <= after
    monkeypatch.undo()
    assert whole(hive.db)


KILLED = """
import sys
from hivelib.base.config import load_settings
from hivelib.flow import vacuuming
from hivelib.flow.opening import open_hive
print("begins", flush=True)
list(vacuuming.vacuum(open_hive(load_settings(sys.argv[1]))))
"""


def test_killed_anywhere_it_goes_on_where_it_was_while_others_send(
    hive: Hive, short_path: Path
) -> None:
    age(hive, 12_000, 100)
    config = short_path / "hive.toml"
    senders = Senders(config, 2, 0.005)
    argv = [sys.executable, "-c", KILLED, str(config)]
    left, rounds = [12_100], 0
    while rounds < 100:
        rounds += 1
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout and process.stdout.readline() == b"begins\n"
        ended = threading.Event()
        threading.Thread(target=lambda p=process, e=ended: (p.wait(), e.set())).start()
        if ended.wait(0.05 * rounds):
            break
        process.send_signal(signal.SIGKILL)
        ended.wait()
        left.append(int(hive.db.value("SELECT count(*) FROM messages WHERE state = 'acked'")))
    sent = senders.stop()
    assert process.returncode == 0
    assert left == sorted(left, reverse=True) and len(set(left)) > 2, left
    states = "SELECT count(*) FROM messages WHERE state = ?"
    assert hive.db.value(states, "acked") == 100
    assert hive.db.value(states, "queued") == len(sent.each) > 0
    assert whole(hive.db)


def test_a_database_of_before_is_made_over_once_at_the_next_start(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    hive.db.close()
    with sqlite3.connect(hive.paths.database, isolation_level=None) as plain:
        plain.execute("PRAGMA auto_vacuum=NONE")
        plain.execute("VACUUM")
    plain.close()
    hive = hive._replace(db=Database(hive.paths.database))
    with hive.db:
        age(hive, 5_000, 10)
        assert not room.can_shrink(hive.db)
        first = next(iter(vacuuming.vacuum(hive)))
        assert first.rows["messages"] == 5_000 and "next start" in first.left
        assert first.after >= first.before
        monkeypatch.setattr(preparing, "_ROOM", 1e12)
        assert preparing._let_shrink(hive.paths.database) is False, "no room on the disk"
        monkeypatch.undo()
        assert preparing._let_shrink(hive.paths.database) is True
        assert preparing._let_shrink(hive.paths.database) is False
        assert room.size(hive.db) < first.after / 2
        assert room.can_shrink(hive.db), "who had it open learns of it"
        put(hive, "queued", 0)
        assert sorted(os.listdir(hive.paths.state)) == [
            "hive.sqlite",
            "hive.sqlite-shm",
            "hive.sqlite-wal",
            "hive.sqlite.lock",
            "hive.sqlite.migrate",
        ]
        assert whole(hive.db)


def test_a_log_in_use_is_left_and_nobody_waits_for_its_reader(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_LOG_MOST", 0)
    put(hive, "queued", 0)
    with Database(hive.paths.database) as reader, reader.snapshot():
        reader.value("SELECT count(*) FROM messages")
        put(hive, "queued", 0)
        began = clock.monotonic()
        assert room.shorten_log(hive.db) is False
        assert clock.monotonic() - began < 30, "it did not wait for the reader, who never ends"
    assert room.shorten_log(hive.db) is True
    assert os.stat(f"{hive.paths.database}-wal").st_size == 0
    assert mailing.send(hive, mailing.SHELL, "alice", "and on").id
