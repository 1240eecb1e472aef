"""One hive for all attacks: what one of them breaks, the others would notice."""

from collections.abc import Iterator

import pytest

from tests.attacks.rig import Attacked, under_attack


@pytest.fixture(scope="package")
def attacked() -> Iterator[Attacked]:
    """A live hive with alice and bob."""
    with under_attack() as hive:
        yield hive
