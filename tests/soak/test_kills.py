"""Thousands of kills: rounds of the campaign of tests/units/test_kills.py, each in a hive and from a seed of its own.

Writes its figures to docs/reliability.md.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak.figures import TITLE, Round, section
from tests.soak.pages import put
from tests.support import verdict
from tests.support.campaign import AGENTS, RULES, SETTINGS, Campaign
from tests.support.hive import raised
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel
from tests.support.state import short_directory

KILLS = 2000
SEED = 1000
PER_ROUND = 40


@pytest.mark.timeout(24 * 3600)
def test_thousands_of_kills_lose_nothing(
    request: pytest.FixtureRequest, ordinary_user: Person, claude: Path
) -> None:
    rounds = []
    for one in played(request.config.getoption("--kills") or KILLS, ordinary_user, claude):
        rounds.append(one)
        put(TITLE, section(rounds))
    assert [one.broken for one in rounds if one.broken] == []


def played(kills: int, person: Person, claude: Path) -> Iterator[Round]:
    """One round after the other until so many processes were killed."""
    seed = SEED
    while kills > 0:
        yield play(seed, min(kills, PER_ROUND), person, claude)
        kills, seed = kills - PER_ROUND, seed + 1


def play(seed: int, kills: int, person: Person, claude: Path) -> Round:
    """One round; a promise that was broken is in its figures, so that the others are still played."""
    with short_directory() as where, ScriptedModel(RULES, bodies=False) as model:
        where.chmod(0o755)
        (where / "hive").mkdir(mode=0o700)
        person.own(where / "hive")
        with raised(person, where / "hive", model, claude, SETTINGS) as hive:
            for name in AGENTS:
                hive.tool("hive-spawn", name)
            campaign, broken = Campaign(hive, seed), ""
            try:
                campaign.run(kills)
                verdict.hold(campaign)
            except AssertionError as error:
                broken = f"seed {seed}: {error}"
            return Round.of(campaign, broken)
