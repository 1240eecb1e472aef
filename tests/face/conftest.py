"""The server below the page, for its tests."""

from collections.abc import Iterator

import pytest

from tests.support.serving import Start, starting


@pytest.fixture
def start() -> Iterator[Start]:
    with starting() as start:
        yield start
