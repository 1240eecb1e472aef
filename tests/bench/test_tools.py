"""A short tool against the shortest there is: the sqlite3 shell doing one durable insert."""

import sys
from pathlib import Path

from tests.bench.rig import Stopwatch, pairs, report
from tests.support.people import Person, Word
from tests.support.source import ROOT

HIVE = """
import sys
from pathlib import Path
from tests.support.residents import settle_in
from tests.support.state import make_state
settle_in(make_state(Path(sys.argv[1])), "alice")
"""
CONTROL = """
PRAGMA journal_mode=WAL;
CREATE TABLE mail(id INTEGER PRIMARY KEY, sender TEXT, recipient TEXT, body TEXT, sent_at REAL);
"""
INSERT = """
INSERT INTO mail(sender, recipient, body, sent_at) VALUES('operator', 'alice', 'look at the logs', unixepoch())
"""


def test_hive_send_against_the_sqlite3_shell(disk: Path, ordinary_user: Person) -> None:
    where = disk / "hive"
    where.mkdir()
    ordinary_user.own(where)
    ordinary_user.run([sys.executable, "-c", HIVE, where], check=True)
    ordinary_user.run(["sqlite3", where / "control.sqlite", CONTROL], check=True)
    watch = Stopwatch(
        ordinary_user,
        {"HIVE_CONFIG": f"{where}/hive.toml"},
        where / "control.sqlite",
        where / "state/hive.sqlite",
    )
    send: list[Word] = [ROOT / "bin/hive-send", "alice", "look at the logs"]
    insert: list[Word] = ["sqlite3", where / "control.sqlite", INSERT]
    measured = pairs(lambda: watch.milliseconds(send), lambda: watch.milliseconds(insert))
    watch.close()
    report("`hive-send`, whole process", measured, unit="ms", against="sqlite3 shell", at_most=18)
