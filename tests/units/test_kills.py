"""Any process may be killed at any time: nothing is lost, nothing is done twice, nothing is left over.

Forty kills from seeds: where root runs the tests, each kind once in a hive that root raised (test_live_as_root.py), the
others here. `bin/hive-check --soak` runs thousands (tests/soak).
"""

import os
from collections.abc import Callable

import pytest

from tests.support import verdict
from tests.support.campaign import AGENTS, KINDS, RULES, SETTINGS, Campaign
from tests.support.hive import LiveHive

KILLS = 40 if os.geteuid() != 0 else 40 - len(KINDS)
SEED = 457


@pytest.mark.timeout(900)
def test_kills_lose_nothing(live_hive: Callable[..., LiveHive]) -> None:
    hive = live_hive(RULES, bodies=False, **SETTINGS)
    for name in AGENTS:
        hive.tool("hive-spawn", name)
    campaign = Campaign(hive, SEED)
    campaign.run(KILLS)
    verdict.hold(campaign)
    assert len(campaign.killed) == KILLS
    assert len(campaign.sent) >= 5 * KILLS
