"""A database that is taken away, or replaced, while it is open: nobody goes on with the one that nobody else can see,
and when it is put back all recovers by itself."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base.db import Database
from hivelib.base.errors import Replaced
from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from tests.support import raising
from tests.support.people import Person
from tests.support.raising import Upped
from tests.support.residents import settle_in
from tests.support.waiting import until


@pytest.fixture
def open_one(private_state: Hive) -> Hive:
    settle_in(private_state, "alice")
    mailing.send(private_state, mailing.SHELL, "alice", "before")
    return private_state


def moved(hive: Hive) -> None:
    os.rename(hive.paths.database, f"{hive.paths.database}.away")


def copied(hive: Hive) -> None:
    shutil.copy(hive.paths.database, f"{hive.paths.database}.new")
    os.rename(f"{hive.paths.database}.new", hive.paths.database)


def without_its_log(hive: Hive) -> None:
    os.unlink(f"{hive.paths.database}-wal")


@pytest.mark.parametrize("fault", [moved, copied, without_its_log], ids=lambda one: one.__name__)
def test_nothing_is_written_to_what_nobody_sees(open_one: Hive, fault: object) -> None:
    fault(open_one)  # type: ignore[operator]
    with pytest.raises(Replaced, match="removed or replaced"):
        mailing.send(open_one, mailing.SHELL, "alice", "into the void")
    with pytest.raises(Replaced):
        open_one.db.still_there()


def test_a_log_that_was_deleted_at_rest_costs_what_was_in_it_and_no_more(open_one: Hive) -> None:
    open_one.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    mailing.send(open_one, mailing.SHELL, "alice", "only in the log")
    copy = f"{open_one.paths.state}/copy.sqlite"
    shutil.copy(open_one.paths.database, copy)  # what a kill of all, and then `rm *-wal`, leaves
    with Database(copy) as db:
        assert db.all("PRAGMA integrity_check") == [("ok",)]
        assert db.all("SELECT body FROM messages") == [("before",)]
        mailing.send(open_one._replace(db=db), mailing.SHELL, "alice", "after")
        assert db.value("SELECT count(*) FROM messages") == 2


@pytest.fixture
def hive(ordinary_user: Person, short_path: Path) -> Iterator[Upped]:
    """A hive with its manager."""
    upped = raising.made(ordinary_user, short_path / "a")
    upped.up("--demo")
    yield upped
    upped.down()


def state(hive: Upped, unit: str) -> str:
    return hive.systemctl("show", "-p", "ActiveState", "--value", unit).strip()


def starts(hive: Upped, unit: str) -> int:
    return int(hive.systemctl("show", "-p", "NRestarts", "--value", unit))


def test_services_end_do_not_spin_and_come_back_with_the_file(hive: Upped) -> None:
    database = hive.directory / "state/hive.sqlite"
    hive.tool("hive-send", "alice", "before")
    for suffix in ("", "-wal", "-shm"):
        if (path := Path(f"{database}{suffix}")).exists():
            path.rename(f"{path}.away")
    assert "no hive here" in hive.tool("hive-send", "alice", "x", check=False)
    hive.systemctl("kill", "-s", "KILL", "hive-broker.service")
    until(lambda: starts(hive, "hive-broker.service") >= 4, "it tries again")
    log = (hive.directory / "log/hive-broker.log").read_text()
    assert "no hive here" in log and "Traceback" not in log
    assert not database.exists(), "nobody has made a new one"
    for suffix in ("-wal", ""):  # as a copy: who has the old one open must notice
        if Path(f"{database}{suffix}.away").exists():
            hive.person.run(["cp", "-p", f"{database}{suffix}.away", f"{database}{suffix}"])
    until(lambda: state(hive, "hive-broker.service") == "active", "it is back")
    number = hive.tool("hive-send", "alice", "after").split()[0]
    with Database(str(database), read_only=True) as db:
        acked = "SELECT state = 'acked' FROM messages WHERE id = ?"
        until(lambda: db.value(acked, int(number)), "alice has a turn again")
        assert db.all("PRAGMA integrity_check") == [("ok",)]
