"""The turn loop with a real database, real bells and the real hive-exec; claude is scripted, the manager a thread."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.turn_rig import TurnRig

Raise = Callable[..., TurnRig]
ROOM = "[box]\nfree_bytes = 1\n"


@pytest.fixture
def rig(short_path: Path) -> Iterator[Raise]:
    made: list[TurnRig] = []

    def build(more: str = ROOM, *names: str, **constants: float) -> TurnRig:
        settings = {place.replace("__", "."): value for place, value in constants.items()}
        made.append(TurnRig(short_path, more, *(names or ("alice",)), constants=settings))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_a_message_becomes_a_turn_and_is_acked(rig: Raise) -> None:
    hive = rig()
    number = hive.send("alice", "DO ok")
    turn = hive.until_ended(1)
    hive.until_quiet("alice")
    assert (turn.outcome, turn.wake_source, turn.wake_message) == ("ok", "operator", number)
    assert (turn.input_tokens, turn.cost_usd, turn.context_window) == (40, 0.25, 200000)
    assert (turn.last_context_tokens, turn.tools) == (755, '{"Bash": 1}')
    assert hive.message(number).state == "acked"
    assert hive.desks["alice"].turns.statuses == [0]
