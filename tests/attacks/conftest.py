"""One hive for all attacks: what one of them breaks, the others would notice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.rig import Attacked, under_attack
from tests.support import proposing
from tests.support.proposing import SECRET, Repository


@pytest.fixture(scope="package")
def attacked() -> Iterator[Attacked]:
    """A live hive with alice and bob."""
    with under_attack() as hive:
        yield hive


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A good proposal on main, and beside it what must not be read."""
    (tmp_path / "secret").write_text(SECRET)
    return proposing.repository(tmp_path)
