"""The spine: the real CLI in two boxes, a scripted model, and the operator at a shell."""

from collections.abc import Callable

import pytest

from tests.support import two_agents
from tests.support.hive import LiveHive


@pytest.mark.timeout(240)
@pytest.mark.parametrize("tool_search", [False, True])
def test_the_operator_gets_the_word_that_alice_got_from_bob(
    live_hive: Callable[..., LiveHive], tool_search: bool
) -> None:
    two_agents.play(live_hive(two_agents.SCENE, claude={"tool_search": tool_search}))
