"""Some hundred deadlines with kills and jumps of the clock; tests/soak/test_timed.py has ten thousand."""

import os
from pathlib import Path

from tests.support.residents import settle_in
from tests.support.state import make_state
from tests.support.timed_campaign import AGENTS, SETTINGS, Campaign

SEED = 7
DEADLINES = 300


def test_each_deadline_is_kept_once_through_kills_and_jumps(short_path: Path) -> None:
    hive = make_state(short_path, SETTINGS)
    settle_in(hive, *AGENTS)
    for name in AGENTS:
        os.makedirs(hive.paths.agent_state(name))
    with hive.db:
        campaign = Campaign(hive, SEED)
        campaign.run(DEADLINES)
    assert set(campaign.killed) == {"who asks", "hive-reminder", "hive-broker"}
    assert {one["verb"] for one in campaign.asked.values()} == {"remind", "ask", "answer"}
    assert set(campaign.jumps) == {"ahead", "back", "asleep"}
