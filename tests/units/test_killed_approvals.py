"""Whoever proposes, decides, builds or destroys may be killed at any time: all is finished or undone, and told once.

Twenty kills from a seed in a hive of real units; tests/flow/test_killed_lifecycles.py does forty at fault points, and
`bin/hive-check --soak` thousands (tests/soak).
"""

import pytest

from tests.conftest import RaiseHive
from tests.support import quick_claude
from tests.support.approval_campaign import SETTINGS, TARGETS, Campaign

KILLS = len(TARGETS)
SEED = 12


@pytest.mark.timeout(900)
def test_kills_leave_nothing_half_done(live_hive: RaiseHive) -> None:
    hive = live_hive([], **SETTINGS)
    quick_claude.use(hive.directory, hive.person.user)
    campaign = Campaign(hive, SEED)
    campaign.run(KILLS)
    campaign.hold()
    assert len(campaign.killed) == KILLS
    deployed = "SELECT count(*) FROM approvals WHERE status = 'deployed'"
    assert hive.db.value(deployed) > 3
