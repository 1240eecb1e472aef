"""How long a soak is: `bin/hive-check --soak --kills 500`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=2000, help="how many processes to kill")
