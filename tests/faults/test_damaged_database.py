"""Whatever has become of the database, each tool says it in one line, and none makes it worse."""

import hashlib
import json
import os
import re
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.store.schema import HIVE, migrate
from tests.bin.conftest import give
from tests.faults.conftest import Beside
from tests.support.docs import inner, tools
from tests.support.handing_over import Served
from tests.support.source import ROOT

SERVICES = {
    "hive-broker": "",
    "hive-dashboard": "",
    "hive-migrate": "",
    "hive-reconcile": "",
    "hive-reminder": "",
    "hive-turn": "alice",
    "hive-work": "lifecycle",
}
OPENS_NONE = {
    "hive": "lists the tools",
    "hive-check": "runs the tests",
    "hive-check-config": "reads the settings alone",
    "hive-doctor": "its own test",
    "hive-down": "works also when nothing is there",
    "hive-root": "knows no database",
    "hive-up": "its own test",
}
PAGE = 4096


def calls() -> dict[str, list[str]]:
    """Each tool that opens the database, and the words it is called with: those of its own example."""
    found = {tool: shlex.split(words) for tool, words in SERVICES.items()}
    for tool in sorted(set(tools()) - inner() - set(OPENS_NONE)):
        source = (ROOT / "bin" / tool).read_text()
        example = re.search(rf"^Example: {tool}( [^|\n]*)?", source, re.MULTILINE)
        assert example, f"{tool} has no example to call it by"
        found[tool] = shlex.split((example.group(1) or "").replace("~/", ""))
    return found


def gone(database: Path) -> None:
    database.unlink()


def empty(database: Path) -> None:
    os.truncate(database, 0)


def halved(database: Path) -> None:
    os.truncate(database, database.stat().st_size // PAGE // 2 * PAGE)


def cut_in_a_page(database: Path) -> None:
    os.truncate(database, 700)


def garbage(database: Path) -> None:
    database.write_bytes(b"damage" * 20000)


def torn(database: Path) -> None:
    with open(database, "r+b") as file:
        file.seek(PAGE)
        file.write(b"\xff" * (database.stat().st_size - PAGE))


def format_of_tomorrow(database: Path) -> None:
    with open(database, "r+b") as file:
        file.seek(18)
        file.write(b"\x03\x03")


def schema_of_tomorrow(database: Path) -> None:
    version(database, 999)


def schema_of_yesterday(database: Path) -> None:
    database.unlink()
    migrate(str(database), HIVE[:1])


def version(database: Path, number: int) -> None:
    db = sqlite3.connect(database)
    db.execute(f"PRAGMA user_version={number}")
    db.close()


def a_directory(database: Path) -> None:
    database.unlink()
    database.mkdir()


def a_link_into_nothing(database: Path) -> None:
    database.unlink()
    database.symlink_to("nowhere")


def not_readable(database: Path) -> None:
    os.chmod(database, 0)


def of_another_user(database: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can run a hive as another user")
    os.chown(database, 0, 0)
    os.chmod(database, 0o600)


def in_a_closed_directory(database: Path) -> None:
    os.chmod(database.parent, 0)


FAULTS: list[Callable[[Path], None]] = [
    gone,
    empty,
    halved,
    cut_in_a_page,
    garbage,
    torn,
    format_of_tomorrow,
    schema_of_tomorrow,
    schema_of_yesterday,
    a_directory,
    a_link_into_nothing,
    not_readable,
    of_another_user,
    in_a_closed_directory,
]


def seen(damaged: Beside) -> dict[str, object]:
    """All that lies in the state, and what it holds."""
    found: dict[str, object] = {}
    for path in sorted(damaged.state.rglob("*")):
        if path.name in ("hive.sqlite-wal", "hive.sqlite-shm", ".backup", "hive.sqlite.migrate"):
            continue  # sqlite's working files, and gates
        where = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (where.st_mode, where.st_uid, hashlib.sha256(data).hexdigest())
    return found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_each_tool_says_it_in_one_line_and_changes_nothing(
    damaged: Beside, fault: Callable[[Path], None]
) -> None:
    fault(damaged.database)
    before, wrong = seen(damaged), []
    for tool, words in calls().items():
        ran = damaged.run(tool, *words)
        one_line = ran.err.count("\n") == 1 and ran.err.startswith(f"{tool}: ") and "; " in ran.err
        if fault is torn and tool in ("hive-logs", "hive-dashboard"):
            continue  # reads no page of it, until it is asked
        if ran.status not in (1, 75) or ran.out or not one_line or "bug" in ran.err:
            wrong.append(f"{tool}: status {ran.status}\n{ran.out[-300:]}{ran.err[-1500:]}")
        if (now := seen(damaged)) != before:
            wrong.append(
                f"{tool} changed {[p for p in {*now, *before} if now.get(p) != before.get(p)]}"
            )
            before = now
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("fault", [gone, empty, halved, schema_of_tomorrow, not_readable])
def test_the_doctor_names_it_and_what_mends_it(
    damaged: Beside, fault: Callable[[Path], None]
) -> None:
    fault(damaged.database)
    before = seen(damaged)
    ran = damaged.run("hive-doctor", "--deep", "--json")
    (row,) = [
        one for line in ran.out.splitlines() if (one := json.loads(line))["name"] == "database"
    ]
    assert ran.status == 1 and row["verdict"] == "fail" and row["mend"], ran
    assert "Traceback" not in ran.err and seen(damaged) == before


@pytest.mark.parametrize("kind", ["mcp", "egress"])
@pytest.mark.parametrize("fault", [gone, garbage, schema_of_tomorrow])
def test_what_serves_boxes_ends_with_a_line(
    short_path: Path, kind: str, fault: Callable[[Path], None]
) -> None:
    served = Served(short_path, kind)
    served.hive.db.close()
    fault(Path(served.hive.paths.database))
    process = served.start()
    assert process.wait(20) == 1
    (line,) = served.log.read_text().splitlines()
    assert line.startswith(f"hive-{kind}: ") and "hive.sqlite" in line


def test_a_new_hive_is_still_made_where_there_is_none(damaged: Beside) -> None:
    shutil.rmtree(damaged.state)
    damaged.state.mkdir()
    give(damaged.where)
    assert damaged.run("hive-migrate").status == 0
    assert damaged.run("hive-agents").status == 0
