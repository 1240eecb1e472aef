"""A whole run in several processes (pytest-xdist), which keep out of each other's way: a plugin of tests/conftest.py.

Most tests wait more than they work, so a few workers beside each other end much sooner than one. A test that measures
time, or that takes all of what the kernel counts for the tests' one user, is marked `alone`: no other runs beside it.
"""

import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.support.turnstile import Turnstile

WORKERS = min(len(os.sched_getaffinity(0)) + 1, 6)
"""One more than there are cores, as each waits now and then."""
CHOICES = ("keyword", "markexpr", "lf", "stepwise", "collectonly")
LOCKS = pytest.StashKey[str]()
DOOR = pytest.StashKey[Turnstile]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: no other test runs beside this one")
    if given := getattr(config, "workerinput", None):
        config.stash[DOOR] = Turnstile(Path(given["locks"]))


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means: a whole run has workers; who chose some tests sees them one after another."""
    chosen = config.args_source is config.ArgsSource.ARGS
    return 0 if chosen or any(config.getoption(name, False) for name in CHOICES) else WORKERS


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    locks = tempfile.TemporaryDirectory(prefix="h-workers-")
    config.add_cleanup(locks.cleanup)
    config.stash[LOCKS] = locks.name


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["locks"] = node.config.stash[LOCKS]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """First those that all wait for, then those that ask for the most time: nobody waits for one at the end."""
    if DOOR in config.stash:
        items.sort(key=lambda item: (not is_alone(item), -seconds(item)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Outside of all else, so that neither a fixture nor a test's time limit begins before the test may."""
    door = item.config.stash.get(DOOR, None)
    if door is None:
        return (yield)
    with door.inside(alone=is_alone(item)):
        return (yield)


def is_alone(item: pytest.Item) -> bool:
    """Whether no other test may run beside this one."""
    return item.get_closest_marker("alone") is not None


def seconds(item: pytest.Item) -> float:
    """The time that a test asks for itself, 0 when the usual time will do."""
    asked = item.get_closest_marker("timeout")
    return float(asked.args[0]) if asked else 0.0
