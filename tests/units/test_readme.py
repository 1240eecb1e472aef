"""README's own `$ bin/…` lines, in their order, as an ordinary user types them, against a demo hive."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import raising
from tests.support.docs import commands_in
from tests.support.people import Person, Word
from tests.support.raising import Upped
from tests.support.source import ROOT
from tests.support.waiting import until_line

# The one place where what runs differs from what README says: the hive is a demo in a directory of the test's own, and
# hive-up returns. The other tools find that hive as README says, by the HIVE_CONFIG that hive-up tells to export.
MORE = {"bin/hive-up": ["--dir", "DIRECTORY", "--port", "PORT", "--demo", "--detach"]}
NOT_RUN = {"git", "cd", "bin/hive-check"}
"""A clone is what this runs in; hive-check is what runs this."""
ENDLESS = "--follow"


def lines() -> list[list[str]]:
    """The words of README's commands, in order."""
    readme = (ROOT / "README.md").read_text()
    return [command.words for command in commands_in("README.md", readme)]


@pytest.fixture
def hive(ordinary_user: Person, short_path: Path) -> Iterator[Upped]:
    """A directory for README's hive."""
    upped = raising.made(ordinary_user, short_path / "a")
    yield upped
    upped.down()


def test_readme_has_lines_that_begin_use_and_end_a_hive() -> None:
    tools = [words[0] for words in lines() if words[0] not in NOT_RUN]
    assert tools[0] == "bin/hive-up"
    assert tools[-1] == "bin/hive-down"
    assert {"bin/hive-spawn", "bin/hive-send", "bin/hive-recv"} <= set(tools)
    assert all(name.startswith("bin/hive-") for name in tools)


@pytest.mark.timeout(180)
def test_readmes_lines_work_as_they_stand(hive: Upped) -> None:
    places = {"DIRECTORY": str(hive.directory), "PORT": str(hive.port)}
    for words in lines():
        if words[0] in NOT_RUN:
            continue
        more = [places.get(word, word) for word in MORE.get(words[0], [])]
        argv: list[Word] = [ROOT / words[0], *words[1:], *more]
        environment = {} if more else {"HIVE_CONFIG": f"{hive.directory}/hive.toml"}
        if ENDLESS in words:
            looked_at(hive, argv, environment)
        else:
            hive.person.run(argv, environment, seconds=100)
    assert not (hive.directory / "run").exists(), "README's last line brings the hive down"


def looked_at(hive: Upped, argv: list[Word], environment: dict[str, str]) -> None:
    """Runs what goes on for ever until it has shown something, and presses Ctrl-C."""
    shown = hive.directory.parent / "shown"
    with shown.open("w") as out:
        running = hive.person.start(argv, environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        until_line(shown, r"\S")
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
    finally:
        running.kill()
        running.wait()
