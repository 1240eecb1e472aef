"""The servers that ours is measured against, on loopback, with their files on the same disk."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hivelib.flow.opening import Hive
from hivelib.store import agents
from tests.bench import table
from tests.bench.rig import KEPT
from tests.bench.workers import AGENTS
from tests.support.people import Word
from tests.support.ports import free_port
from tests.support.state import make_state

MEASURES = {path.name for path in Path(__file__).parent.glob("test_*.py")}


def pytest_sessionstart() -> None:
    """A run's figures replace those of the last one."""
    KEPT.unlink(missing_ok=True)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Writes docs/performance.md when everything was measured, and says where that is."""
    measured = {Path(report.fspath).name for report in terminalreporter.getreports("passed")}
    if not KEPT.exists():
        return
    if measured >= MEASURES and not config.getoption("keyword"):
        table.write()
        terminalreporter.write_line(f"figures: {table.PAGE}")
    else:
        terminalreporter.write_line(f"figures of a run that measured a part: {KEPT}")


@pytest.fixture
def disk() -> Iterator[Path]:
    """A directory on the real disk: a tmpfs would hide what durability costs."""
    where = Path(tempfile.mkdtemp(prefix="hb", dir="/var/tmp"))
    where.chmod(0o755)
    yield where
    shutil.rmtree(where, ignore_errors=True)


@pytest.fixture
def hive(disk: Path) -> Iterator[tuple[Hive, str]]:
    """A hive with two thousand senders and a sink, every rule as it is shipped."""
    where = disk / "hive"
    where.mkdir()
    opened = make_state(where)
    now = time.time()
    with opened.db.write() as db:
        for name in [f"p{number}" for number in range(AGENTS)] + ["sink"]:
            agents.add(db, name, "agent", "bwrap", "{}", now)
            agents.set_state(db, name, "running", now)
    yield opened, str(where / "hive.toml")
    opened.db.close()


@pytest.fixture
def redis(disk: Path) -> Iterator[str]:
    """A Redis that syncs every write; gives its port."""
    port = str(free_port())
    (disk / "redis").mkdir()
    argv = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", str(disk / "redis")]
    argv += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    wait(lambda: socket.create_connection(("127.0.0.1", int(port))).close())
    yield port
    server.terminate()
    server.wait()


@pytest.fixture
def postgres(disk: Path) -> Iterator[str]:
    """A PostgreSQL with synchronous commits; gives its address."""
    import psycopg

    where, port = disk / "postgres", str(free_port())
    where.mkdir()
    binaries = max(Path("/usr/lib/postgresql").iterdir()) / "bin"
    drop: list[str] = []
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(where, owner.pw_uid, owner.pw_gid)
        drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    initdb: list[Word] = [*drop, binaries / "initdb", "-D", where, "-A", "trust", "-U", "hive"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/")
    argv: list[Word] = [
        *drop,
        binaries / "postgres",
        "-D",
        where,
        "-p",
        port,
        "-k",
        "",
        "-h",
        "127.0.0.1",
    ]
    server = subprocess.Popen(argv, stderr=subprocess.DEVNULL, cwd="/")
    address = f"host=127.0.0.1 port={port} user=hive dbname=postgres"
    wait(lambda: psycopg.connect(address).close())
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(
            "CREATE TABLE mail(id bigserial PRIMARY KEY, sender text, recipient text, body text,"
            " state text DEFAULT 'queued', sent_at timestamptz DEFAULT now())"
        )
        db.execute("CREATE INDEX ON mail(id) WHERE state = 'queued'")
    yield address
    server.terminate()
    server.wait()


def wait(attempt: Callable[[], None]) -> None:
    """Tries until a server answers, at most ten seconds."""
    end = time.monotonic() + 10
    while True:
        with contextlib.suppress(Exception):  # whatever the client raises while nobody answers
            return attempt()
        assert time.monotonic() < end, "a server did not come up"
        time.sleep(0.05)
