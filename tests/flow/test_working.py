"""A lane's worker: order, what waits, what fails, what is left by a dead one. Its jobs are tests.support.lane_jobs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base import bell
from hivelib.base.errors import Misuse, NotNow
from hivelib.flow import jobs, watching, working
from hivelib.flow.opening import Hive
from hivelib.model import states
from hivelib.model.records import Job
from hivelib.store import jobs as rows
from tests.support import lane_jobs
from tests.support.lane_jobs import WORKER, done, gate
from tests.support.source import ROOT
from tests.support.waiting import until


@pytest.fixture
def workers(hive: Hive) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Processes that are ended with the test."""
    del hive
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def worker(hive: Hive, lane: str, how: str) -> "subprocess.Popen[bytes]":
    """A worker as a process of its own."""
    config = f"{os.path.dirname(hive.paths.state)}/hive.toml"
    env = {**os.environ, "HIVE_CONFIG": config, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", WORKER, lane, how], env=env)


def work(hive: Hive, monkeypatch: pytest.MonkeyPatch, how: str, lane: str = "lifecycle") -> None:
    """Does all jobs of a lane here and now."""
    for kind in working.DOES:
        monkeypatch.setitem(working.DOES, kind, f"{lane_jobs.__name__}:{how}")
    working.run(hive, lane)


def job(hive: Hive, number: int) -> Job:
    """The job as it is now."""
    found = rows.get(hive.db, number)
    assert found
    return found


def kinds(hive: Hive) -> list[str]:
    """What was told of jobs."""
    return [row[0] for row in hive.db.all("SELECT kind FROM events WHERE kind LIKE 'job_%'")]


def test_every_kind_of_job_has_somebody_who_does_it() -> None:
    assert working.DOES.keys() == states.LANES.keys()
    assert set(states.LANES.values()) == set(jobs.LANES) >= working.BEGINS.keys()


@pytest.mark.parametrize("lane", jobs.LANES)
def test_every_lane_has_its_units(lane: str) -> None:
    socket = (ROOT / f"systemd/hive-{lane}.socket").read_text()
    service = (ROOT / f"systemd/hive-{lane}.service").read_text()
    assert f"ListenFIFO=%t/hyperhive/bell/{jobs.topic(lane)}/unit\n" in socket
    assert f"ExecStart=@bindir@/hive-work {lane}\n" in service
    assert f"hive-{lane}.socket" in (ROOT / "systemd/hive.target").read_text()


def test_jobs_are_done_in_order_and_told(hive: Hive, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, name in (("start", "bob"), ("stop", "alice"), ("start", "alice"), ("stop", "bob")):
        last = jobs.ask(hive, kind, name, "operator")
    jobs.ask(hive, "rebuild", "alice", "operator")  # of another lane
    work(hive, monkeypatch, "quick")
    assert done(hive) == ["start-bob", "stop-alice", "start-alice", "stop-bob"]
    ended = job(hive, last)
    assert (ended.state, ended.note, ended.progress) == ("done", "did stop", "writes it down")
    assert kinds(hive) == ["job_queued"] * 5 + ["job_started", "job_ended"] * 4
    assert [one.kind for one in jobs.unfinished(hive)] == ["rebuild"]


def test_what_waits_already_is_not_queued_twice(hive: Hive) -> None:
    first = jobs.ask(hive, "restart", "alice", "operator")
    assert jobs.ask(hive, "restart", "alice", "manager") == first
    assert jobs.ask(hive, "restart", "bob", "manager") != first
    assert kinds(hive) == ["job_queued"] * 2


def test_a_refusal_ends_its_job_alone(hive: Hive, monkeypatch: pytest.MonkeyPatch) -> None:
    number = jobs.ask(hive, "start", "alice", "operator")
    work(hive, monkeypatch, "refused")
    ended = job(hive, number)
    assert (ended.state, ended.note) == ("failed", "that is not done; ask for another thing")


def test_a_bug_in_a_job_is_told_and_does_not_end_the_lane(
    hive: Hive, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = jobs.ask(hive, "start", "bob", "operator")
    whole = jobs.ask(hive, "start", "alice", "operator")
    work(hive, monkeypatch, "broken")
    assert (job(hive, broken).state, job(hive, whole).state) == ("failed", "done")
    note = job(hive, broken).note
    assert note == "a bug: KeyError: 'no such key'; `hive-logs hive-lifecycle` shows where"
    assert "Traceback" in capfd.readouterr().err


def test_what_cannot_be_done_now_waits_and_keeps_its_agents_order(
    hive: Hive, workers: list["subprocess.Popen[bytes]"]
) -> None:
    Path(gate(hive, "bob")).touch()
    first = jobs.ask(hive, "stop", "alice", "operator")
    jobs.ask(hive, "start", "alice", "operator")
    jobs.ask(hive, "stop", "bob", "operator")
    workers.append(worker(hive, "lifecycle", "later"))
    until(lambda: done(hive) == ["stop-bob"], "bob does not wait for alice")
    until(lambda: job(hive, first).state == "queued", "alice's job is put back")
    assert job(hive, first).progress == "the gate is closed; open it"
    Path(gate(hive, "alice")).touch()
    bell.ring(hive.paths.bell, jobs.topic("lifecycle"))
    assert workers[0].wait(30) == 0
    assert done(hive) == ["stop-bob", "stop-alice", "start-alice"]


def test_nobody_waits_for_a_build_of_another_lane(
    hive: Hive, workers: list["subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = jobs.ask(hive, "rebuild", "alice", "operator")
    workers.append(worker(hive, "approvals", "slow"))
    until(lambda: job(hive, build).progress == "waits at the gate", "the build has begun")
    assert jobs.transients(hive) == {"alice": "rebuilding"}
    jobs.ask(hive, "stop", "alice", "operator")
    work(hive, monkeypatch, "quick")
    assert (done(hive), job(hive, build).state) == (["stop-alice"], "running")
    Path(gate(hive, "alice")).touch()
    assert workers[0].wait(30) == 0
    assert job(hive, build).state == "done"


def test_a_job_whose_worker_was_killed_is_done_again_once(
    hive: Hive, workers: list["subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = jobs.ask(hive, "start", "alice", "operator")
    workers.append(worker(hive, "lifecycle", "slow"))
    until(lambda: job(hive, number).progress == "waits at the gate", "it has begun")
    with pytest.raises(NotNow, match="another process works in the lane"):
        working.run(hive, "lifecycle")
    workers[0].kill()
    workers[0].wait()
    assert job(hive, number).state == "running"
    with bell.listening(hive.paths.bell, jobs.topic("lifecycle")) as (lane,):
        watching.look_around(hive)
        assert lane.wait(0), "the broker rings for what nobody does"
    work(hive, monkeypatch, "quick")
    assert done(hive) == ["start-alice"]
    assert kinds(hive) == ["job_queued", "job_started", "job_started", "job_ended"]


def test_who_waits_for_a_job_sees_its_steps_and_is_not_kept_for_ever(
    hive: Hive, workers: list["subprocess.Popen[bytes]"]
) -> None:
    number = jobs.ask(hive, "start", "alice", "operator")
    with pytest.raises(NotNow, match=f"job {number} to start alice is still queued; it goes on"):
        jobs.wait(hive, number, 0)
    workers.append(worker(hive, "lifecycle", "slow"))
    steps: list[str] = []

    def step(words: str) -> None:
        steps.append(words)
        Path(gate(hive, "alice")).touch()

    assert jobs.wait(hive, number, 30, step).note == "did start"
    assert steps[0] == "waits at the gate"


def test_a_lane_that_is_none_is_refused(hive: Hive) -> None:
    with pytest.raises(Misuse, match="lanes are"):
        working.run(hive, "approval")
