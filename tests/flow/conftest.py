"""A hive without processes whose limits are small enough to be reached, one whose agents have turns, and one whose
processes are killed."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hivelib.flow.opening import Hive
from tests.support.kill_rig import KillRig, kill_rig
from tests.support.residents import settle_in
from tests.support.state import make_state
from tests.support.turn_rig import RaiseTurns, TurnRig

LIMITS = """
[mail]
body_limit = 100
pair_limit = 4
pause_first = 100.0
pause_most = 350.0
deliveries_most = 4
"""


@pytest.fixture
def hive(short_path: Path) -> Iterator[Hive]:
    """Manager, alice and bob run; a body has 100 bytes, a pair 4 messages a minute, a message 4 deliveries."""
    made = make_state(short_path, LIMITS)
    settle_in(made, "manager", "alice", "bob")
    with made.db:
        yield made


@pytest.fixture
def raise_turns(short_path: Path) -> Iterator[RaiseTurns]:
    """Raises a hive of agents that have turns: raise_turns("alice", "bob", more=settings, at={constant: value})."""
    made: list[TurnRig] = []

    def build(*names: str, more: str = "", at: Mapping[str, float] | None = None) -> TurnRig:
        made.append(TurnRig(short_path, names or ("alice",), more, at or {}))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture
def rig(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KillRig]:
    """A hive with its manager, whose processes can be killed at each of their fault points."""
    with kill_rig(short_path, monkeypatch) as made:
        yield made
