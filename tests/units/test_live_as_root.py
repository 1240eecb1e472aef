"""A hive that root has raised, and root's tools: mail, bells, idling and kills are as in an ordinary user's own."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import owners, ringing, two_agents, verdict
from tests.support.campaign import AGENTS, KINDS, RULES, SETTINGS, Campaign
from tests.support.hive import LiveHive, raiser
from tests.support.people import Person, made_user, root_at_home

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can run a hive as another user"
)
RaiseHive = Callable[..., LiveHive]
IDLE = {"mcp_seconds": 1.0, "egress_seconds": 1.0}
SEED = 458


@pytest.fixture
def roots_hive(short_path: Path, claude: Path) -> Iterator[RaiseHive]:
    """As `live_hive`, but root's hive-up raises it, and every tool is run by root."""
    short_path.chmod(0o755)
    user = Person(made_user(), short_path, [])
    with contextlib.ExitStack() as stack:
        root = root_at_home(short_path / "home")
        yield raiser(stack, user, short_path / "hive", claude, root)


@pytest.mark.timeout(120)
def test_two_agents_talk_and_then_nothing_is_left_but_broker_and_page(
    roots_hive: RaiseHive,
) -> None:
    hive = roots_hive(two_agents.SCENE, idle=IDLE)
    two_agents.play(hive)
    verdict.is_idle(hive)
    uid = hive.person.user.uid
    assert uid != os.geteuid()
    assert owners.of_processes(hive.processes()) == {uid}
    assert owners.below(hive.directory) == {uid}


@pytest.mark.timeout(120)
def test_a_byte_rung_while_the_turn_exits_is_not_lost(roots_hive: RaiseHive) -> None:
    ringing.lose_none(roots_hive([], turns={"per_hour": 1000}), SEED, 20)


@pytest.mark.timeout(240)
def test_a_kill_of_each_kind_loses_nothing(roots_hive: RaiseHive) -> None:
    hive = roots_hive(RULES, bodies=False, **SETTINGS)
    for name in AGENTS:
        hive.tool("hive-spawn", name)
    campaign = Campaign(hive, SEED)
    campaign.run(len(KINDS), KINDS)
    verdict.hold(campaign)
    assert {one.target for one in campaign.killed} == set(KINDS)
    assert len(campaign.sent) >= 5 * len(KINDS)
