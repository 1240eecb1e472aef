"""What every test stands on: no home but its own, a hive's state, an ordinary user, the real claude."""

import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from hivelib.flow.opening import Hive
from tests.support import claude_cli, home
from tests.support.hive import LiveHive, raiser
from tests.support.people import Person, ordinary_person
from tests.support.state import make_state, short_directory

pytest_plugins = ["tests.support.skips", "tests.support.workers"]

# What npm needs from the person who runs the tests; tests themselves never see it.
REAL_ENVIRONMENT = dict(os.environ)

_BARRED = tempfile.TemporaryDirectory(prefix="h-no-home-")
os.chmod(_BARRED.name, 0o755)
home.close(Path(_BARRED.name))

# A shell's background job has to ignore Ctrl-C, and so would every tool that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast this machine is just now is no property of the code.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "disk: its files are on one, wherever those of other tests are"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker is started by a process whose home is barred already."""
    node.workerinput["environment"] = REAL_ENVIRONMENT


@pytest.fixture(scope="session")
def claude(pytestconfig: pytest.Config) -> Path:
    """The real CLI's executable, installed when it is missing."""
    given = getattr(pytestconfig, "workerinput", {})
    return claude_cli.install(given.get("environment", REAL_ENVIRONMENT))


@pytest.fixture
def short_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory whose name is short enough for sockets below it; on a disk for a test that is marked so."""
    with short_directory(disk=request.node.get_closest_marker("disk") is not None) as where:
        yield where


@pytest.fixture
def private_state(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hive]:
    """An open hive without any process; tools that the test starts find it by HIVE_CONFIG."""
    hive = make_state(short_path)
    monkeypatch.setenv("HIVE_CONFIG", str(short_path / "hive.toml"))
    with hive.db:
        yield hive


@pytest.fixture
def ordinary_user(short_path: Path) -> Iterator[Person]:
    """Somebody who is not root, with a home and a control group of their own."""
    where = short_path / "home"
    where.mkdir()
    short_path.chmod(0o755)
    with ordinary_person(where) as person:
        yield person


RaiseHive = Callable[..., LiveHive]


@pytest.fixture
def live_hive(ordinary_user: Person, short_path: Path, claude: Path) -> Iterator[RaiseHive]:
    """Raises a hive for the test: give it the model's rules, and tables of hive.toml that differ.

    live_hive([Rule(…)], mail={"pair_limit": 5}). It is down, with nothing left, when the test is over.
    """
    with contextlib.ExitStack() as stack:
        yield raiser(stack, ordinary_user, short_path / "hive", claude)
