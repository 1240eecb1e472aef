"""Thousands of kills, at random points, of who proposes, decides, deploys and destroys; and copies made there.

Rounds of tests/support/random_kills.py, each in a hive and from a seed of its own; writes its figures to
docs/reliability.md.
"""

from collections.abc import Iterator

import pytest

from hivelib.base.errors import HiveError
from tests.soak.approval_figures import TITLE, Round, section
from tests.soak.pages import put
from tests.support import agreement
from tests.support.kill_rig import kill_rig
from tests.support.random_kills import Kills
from tests.support.state import short_directory

KILLS = 3000
SEED = 5000
PER_ROUND = 60


@pytest.mark.timeout(24 * 3600)
def test_thousands_of_kills_leave_nothing_half_done(request: pytest.FixtureRequest) -> None:
    kills = int(request.config.getoption("--kills") or KILLS)
    rounds = []
    for one in played(kills):
        rounds.append(one)
        put(TITLE, section(rounds))
    assert [one.broken for one in rounds if one.broken] == []


def played(kills: int) -> Iterator[Round]:
    """One round after the other until so many processes were killed."""
    seed = SEED
    while kills > 0:
        made = play(seed, min(kills, PER_ROUND))
        yield made
        kills, seed = kills - max(1, sum(made.kills.values())), seed + 1


def play(seed: int, kills: int) -> Round:
    """One round; a promise that was broken is in its figures, so that the others are still played."""
    with short_directory() as where, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIVE_CONFIG", str(where / "hive.toml"))
        with kill_rig(where, patch) as rig:
            walk, broken = Kills(rig, seed), ""
            try:
                while walk.killed.total() < kills:
                    walk.one()
                agreement.whole(rig.hive, rig.box)
            except (AssertionError, HiveError, OSError) as error:
                notes = "; ".join(getattr(error, "__notes__", []))
                broken = f"seed {seed}: {type(error).__name__} {error} ({notes})"
            return Round(seed, walk.killed, walk.torn, walk.twice, walk.outcomes(), broken)
