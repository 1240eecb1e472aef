"""What every test stands on: a home of its own, and the fixtures of tests/support."""

import os
from pathlib import Path

import pytest

from tests.support import claude_cli

pytest_plugins = ["tests.support.skips"]

# What npm and apt need from the person who runs the tests; tests themselves never see it.
REAL_ENVIRONMENT = dict(os.environ)


@pytest.fixture(scope="session")
def claude() -> Path:
    """The real CLI's executable, installed when it is missing."""
    return claude_cli.install(REAL_ENVIRONMENT)
