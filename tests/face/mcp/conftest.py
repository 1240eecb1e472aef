"""One hive-mcp for all tests of a file that only talk to it."""

from collections.abc import Iterator

import pytest

from hivelib.store import turns
from tests.support.mcp_rig import McpRig, mcp_rig


@pytest.fixture(scope="module")
def shared() -> Iterator[McpRig]:
    with mcp_rig() as rig:
        rig.start()
        yield rig


@pytest.fixture
def rig(shared: McpRig) -> Iterator[McpRig]:
    """The same hive for all, swept between tests."""
    yield shared
    shared.hang_up()
    for turn in turns.running(shared.hive.db):
        shared.end(turn)
    with shared.hive.db.write() as db:
        db.execute("UPDATE messages SET state = 'acked' WHERE state != 'acked'")
