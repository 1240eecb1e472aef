"""Any process may be killed at any time: nothing is lost, nothing is done twice, nothing is left over.

Forty kills from a seed; `bin/hive-check --soak` runs thousands (tests/soak).
"""

from collections.abc import Callable

import pytest

from tests.support import verdict
from tests.support.campaign import AGENTS, RULES, SETTINGS, Campaign
from tests.support.hive import LiveHive

KILLS = 40
SEED = 457


@pytest.mark.timeout(900)
def test_forty_kills_lose_nothing(live_hive: Callable[..., LiveHive]) -> None:
    hive = live_hive(RULES, bodies=False, **SETTINGS)
    for name in AGENTS:
        hive.tool("hive-spawn", name)
    campaign = Campaign(hive, SEED)
    campaign.run(KILLS)
    verdict.hold(campaign)
    assert len(campaign.killed) == KILLS
    assert len(campaign.sent) >= 5 * KILLS
