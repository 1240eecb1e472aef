"""A hive that a person has raised, for tests that only need it to be there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import raising
from tests.support.people import Person
from tests.support.raising import Upped


@pytest.fixture
def hive(ordinary_user: Person, short_path: Path) -> Iterator[Upped]:
    """A hive with its manager."""
    upped = raising.made(ordinary_user, short_path / "a")
    upped.up()
    yield upped
    upped.down()
