"""How long a soak is: `bin/hive-check --soak --kills 500 --races 100 --idle 120`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cuts", type=int, default=100, help="how often to cut a page's stream")
    parser.addoption("--kills", type=int, help="how many processes to kill")
    parser.addoption(
        "--races", type=int, default=1000, help="how often two operators decide at once"
    )
    parser.addoption(
        "--messages",
        type=int,
        default=5_000_000,
        help="how many messages hive-vacuum has before it",
    )
    parser.addoption("--idle", type=float, default=600, help="seconds for which a hive idles")
