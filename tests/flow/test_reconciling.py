"""What a start of the hive has the lanes do, and what asks them to build agents anew."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from hivelib.base import bell, clock
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow import jobs, ordering, reconciling
from hivelib.flow.opening import Hive
from hivelib.flow.rendering import revision
from hivelib.store import agents
from tests.support.lane_jobs import WORKER, done
from tests.support.source import ROOT

SHA = "0123456789" * 4


@pytest.fixture
def approvals(hive: Hive) -> Iterator[Callable[[str], None]]:
    """Starts what does the jobs of the lane approvals, by a function of tests.support.lane_jobs."""
    config = f"{os.path.dirname(hive.paths.state)}/hive.toml"
    env = {**os.environ, "HIVE_CONFIG": config, "PYTHONPATH": str(ROOT)}
    started: list[subprocess.Popen[str]] = []

    def start(how: str) -> None:
        argv = [sys.executable, "-c", WORKER, "approvals", how, "for ever"]
        started.append(subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout and started[-1].stdout.readline() == "listens\n"

    yield start
    for one in started:
        one.kill()
        one.wait()
        assert one.stdout
        one.stdout.close()


def built(hive: Hive, name: str, by: str) -> None:
    """An agent that runs what a program has built."""
    with hive.db.write() as db:
        agents.set_deployed(db, name, SHA, by, clock.now())


def queued(hive: Hive) -> list[tuple[str, str]]:
    """Kind and agent of the jobs that wait."""
    return [(job.kind, job.agent) for job in jobs.unfinished(hive)]


def test_what_an_older_program_built_is_built_anew_the_manager_first(hive: Hive) -> None:
    for name, by in (("alice", "0.0.1+old"), ("bob", revision()), ("manager", "0.0.1+old")):
        built(hive, name, by)
    with bell.listening(hive.paths.bell, "work.approvals") as (lane,):
        assert len(reconciling.renew(hive)) == 2
        assert lane.wait(0)
    assert queued(hive) == [("rebuild", "manager"), ("rebuild", "alice")]
    told = hive.db.all("SELECT subject FROM events WHERE kind = 'needs_update' ORDER BY seq")
    assert [row[0] for row in told] == ["manager", "alice"]
    assert reconciling.renew(hive) == [], "what is queued is not queued twice"


def test_an_agent_without_a_repository_is_given_one(hive: Hive) -> None:
    built(hive, "bob", revision())
    reconciling.renew(hive)
    assert queued(hive) == [("seed", "manager"), ("seed", "alice")]


def test_all_are_updated_one_by_one_and_a_failure_stops_none(
    hive: Hive, approvals: Callable[[str], None]
) -> None:
    built(hive, "manager", revision())
    approvals("broken")
    outcomes = dict(ordering.update_all(hive))
    assert isinstance(outcomes["bob"], HiveError) and "a bug" in outcomes["bob"].message
    assert outcomes["alice"] == ordering.Outcome("did rebuild", False)
    assert done(hive) == ["rebuild-alice"]
    for name in ("alice", "bob"):
        built(hive, name, revision())
    assert list(ordering.update_all(hive)) == []


def test_a_missing_manager_is_made_by_its_lane(
    hive: Hive, approvals: Callable[[str], None]
) -> None:
    assert not reconciling.make_manager(hive)
    with hive.db.write() as db:
        agents.set_state(db, "manager", "destroyed", clock.now())
    approvals("quick")
    assert reconciling.make_manager(hive)
    assert done(hive) == ["seed-manager"]


def test_nothing_is_queued_for_a_hive_that_is_down(hive: Hive) -> None:
    with pytest.raises(NotNow, match="the hive is down"):
        ordering.order(hive, "stop", "alice")
    assert queued(hive) == []
