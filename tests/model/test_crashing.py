"""What counts as a crash, from rows and notes alone."""

import pytest

from hivelib.model import crashing
from hivelib.model.crashing import Axes, Note
from hivelib.model.records import Job, Turn

WELL = Axes(running=True, logged_in=True, up_to_date=True)


def note(at: float = 100.0, code: str = "killed", status: str = "KILL", starved: int = 0) -> Note:
    return Note("alice", "x", at, "signal", code, status, starved)


def turn(number: int, started: float, ended: float | None, outcome: str | None) -> Turn:
    empty = dict.fromkeys(Turn._fields)
    known = {"id": number, "agent": "alice", "started_at": started, "ended_at": ended}
    return Turn(**{**empty, **known, "outcome": outcome})  # type: ignore[arg-type]


def job(kind: str, started: float | None, ended: float | None) -> Job:
    empty = dict.fromkeys(Job._fields)
    return Job(**{**empty, "kind": kind, "started_at": started, "ended_at": ended})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "kinds"),
    [
        (WELL, []),
        (WELL._replace(running=False), ["container_crash"]),
        (WELL._replace(logged_in=False), ["needs_login"]),
        (WELL._replace(up_to_date=False), ["needs_update"]),
        (Axes(False, False, False), ["container_crash", "needs_login", "needs_update"]),
    ],
)
def test_what_is_another_than_before_is_told(now: Axes, kinds: list[str]) -> None:
    told = crashing.changes("alice", WELL, now, died="", expected=False)
    assert [event.kind for event in told] == kinds


def test_what_gets_better_is_told_of_a_login_only() -> None:
    before = Axes(running=False, logged_in=False, up_to_date=False)
    told = crashing.changes("alice", before, WELL, died="", expected=False)
    assert [event.kind for event in told] == ["logged_in"]


def test_the_first_look_only_keeps_what_it_sees() -> None:
    gone = Axes(running=False, logged_in=False, up_to_date=False)
    assert crashing.changes("alice", None, gone, died="", expected=False) == []


def test_a_box_that_lives_for_a_turn_crashes_though_the_agent_runs_on() -> None:
    (told,) = crashing.changes("alice", None, WELL, died="in turn 7 it was killed", expected=False)
    assert (told.kind, told.payload["note"]) == ("container_crash", "in turn 7 it was killed")


@pytest.mark.parametrize("died", ["", "in turn 7 it was killed"])
def test_what_a_job_of_ours_ended_is_no_crash(died: str) -> None:
    gone = WELL._replace(running=False)
    assert crashing.changes("alice", WELL, gone, died=died, expected=True) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (note(), "killed by signal KILL"),
        (note(starved=2), "out of memory"),
        (note(code="dumped", status="SEGV", starved=2), "killed by signal SEGV"),
        (note(code="exited", status="3"), "exit status 3"),
        (note(code="", status=""), "systemd calls it signal"),
    ],
)
def test_the_reason_is_named(said: Note, words: str) -> None:
    assert words in crashing.reason(said)


def test_a_death_belongs_to_the_turn_that_was_lost_by_it_and_not_to_the_next_one() -> None:
    lost, running = turn(1, 50, 99.9, "lost"), turn(2, 99.95, None, None)
    assert crashing.turn_of(note(100), [lost, running], ()) == lost
    assert crashing.turn_of(note(100), [lost, running], (99.9,)) == running
    assert crashing.turn_of(note(100), [lost], (99.9,)) is None
    assert crashing.turn_of(note(200), [lost], ()) is None
    assert crashing.turn_of(note(49), [lost, running], ()) is None


@pytest.mark.parametrize(
    ("one", "expects"),
    [
        (job("stop", 90, 110), True),
        (job("restart", 90, None), True),
        (job("stop", None, None), False),  # queued: it has done nothing yet
        (job("stop", 90, 95), False),
        (job("stop", 101, 110), False),
        (job("start", 90, 110), False),
    ],
)
def test_a_job_explains_an_end_only_while_it_runs(one: Job, expects: bool) -> None:
    assert crashing.expects_end([one], 100) is expects


def test_a_loop_is_of_crashes_that_lie_close_together() -> None:
    assert crashing.recent((10.0, 500.0), 700, 600) == (500.0, 700)
    assert crashing.recent((700.0,), 700, 600) == (700,)  # told already
