"""A browser, a page on a filled hive, and people who look at it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hivelib.flow.opening import Hive
from tests.conftest import REAL_ENVIRONMENT
from tests.support import axe, scene
from tests.support.chromium import Chromium, Person, launched
from tests.support.page import Page, open_page
from tests.support.state import make_state, short_directory

Somebody = Callable[..., Person]


@pytest.fixture(scope="session")
def running_chromium() -> Iterator[Chromium]:
    """One for all tests of this process."""
    with launched() as chromium:
        yield chromium


@pytest.fixture
def chromium(running_chromium: Chromium) -> Iterator[Chromium]:
    """The browser, for this test."""
    with running_chromium.used():
        yield running_chromium


@pytest.fixture(scope="session")
def axe_script(pytestconfig: pytest.Config) -> str:
    """What looks for barriers in a page."""
    given = getattr(pytestconfig, "workerinput", {})
    return axe.install(given.get("environment", REAL_ENVIRONMENT)).read_text()


@pytest.fixture
def scenery() -> Iterator[Hive]:
    """A hive in the middle of its day, without processes."""
    with short_directory() as where:
        hive = make_state(where)
        with hive.db:
            yield scene.fill(hive)


@pytest.fixture
def page(scenery: Hive) -> Iterator[Page]:
    """Its page as a process."""
    config = Path(scenery.paths.database).parent.parent / "hive.toml"
    with open_page(scenery, config) as opened:
        yield opened


@pytest.fixture
def somebody(chromium: Chromium) -> Iterator[Somebody]:
    """Makes people with a browser; the test fails when a console had something to say that it does not foresee."""
    people: list[Person] = []

    def one(port: int, cookie: str = "", **options: Any) -> Person:
        people.append(Person(chromium, port, cookie, **options))
        return people[-1]

    yield one
    complaints = [words for person in people for words in person.unforeseen()]
    for person in people:
        person.context.close()
    assert complaints == []


@pytest.fixture
def operator(somebody: Somebody, page: Page) -> Person:
    """Who looks at that page on a wide screen."""
    return somebody(page.port, page.cookie)
