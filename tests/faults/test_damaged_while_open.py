"""A database that is damaged or taken away under the page and under hive-mcp: both say it, neither makes it worse."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from tests.faults.test_damaged_database import empty, gone, halved, schema_of_tomorrow
from tests.support.mcp_rig import McpRig
from tests.support.page import open_page
from tests.support.residents import settle_in

WORDS = {gone: "removed or replaced", halved: "damaged"}


def filled(hive: Hive) -> None:
    for number in range(400):
        mailing.send(hive, mailing.SHELL, "alice", f"{number} " + "x" * 3000)
    hive.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("fault", WORDS, ids=lambda one: one.__name__)
def test_the_page_says_it(
    private_state: Hive, short_path: Path, fault: Callable[[Path], None]
) -> None:
    settle_in(private_state, "alice")
    filled(private_state)
    with open_page(private_state, short_path / "hive.toml") as page:
        assert page.ask("GET", "/").status == 200
        fault(Path(private_state.paths.database))
        answer = page.ask("GET", "/thread/260")  # nobody has read it yet
        said = [WORDS[fault]]
        if fault is gone:
            said.append("does not exist")  # by a thread that had not opened it yet
        assert answer.status in (409, 503) and any(one in answer.text for one in said), answer


@pytest.mark.parametrize("fault", WORDS, ids=lambda one: one.__name__)
def test_agents_are_told(short_path: Path, fault: Callable[[Path], None]) -> None:
    rig = McpRig(short_path)
    filled(rig.hive)
    rig.start()
    with contextlib.closing(rig.box("alice")) as box:
        assert not box.call("history")["isError"]
        fault(Path(rig.hive.paths.database))
        answer = box.call("history", {"limit": 30})
        assert answer["isError"] and WORDS[fault] in answer["content"][0]["text"], answer
        assert "Traceback" not in rig.log.read_text()
    rig.close()


@pytest.mark.parametrize("fault", [gone, empty, schema_of_tomorrow], ids=lambda one: one.__name__)
def test_a_page_that_cannot_open_it_says_so_and_goes_on_with_the_file(
    private_state: Hive, short_path: Path, fault: Callable[[Path], None]
) -> None:
    settle_in(private_state, "alice")
    with open_page(private_state, short_path / "hive.toml") as page:
        page.kill()
        private_state.db.close()
        database = Path(private_state.paths.database)
        kept = database.read_bytes()
        fault(database)
        page.start()
        for path in ("/", "/api/state"):
            answer = page.ask("GET", path)
            assert answer.status == 503 and "hive.sqlite" in answer.text, answer
        assert "error" in page.ask("GET", "/api/state").json
        database.write_bytes(kept)
        assert page.ask("GET", "/").status == 503
        assert page.process.wait(20) == 0, "the next one opens it"
        page.start()  # as its socket does
        assert page.ask("GET", "/").status == 200
