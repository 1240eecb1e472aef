"""How the crash watch judges: the last look at an agent's box beside what is so now, and what jobs of ours explain.

Pure, and the same for every kind of box. One that lives for a turn only (bubblewrap) crashes when it dies in mid-turn;
one that lives long also when it is not there any more.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hivelib.model.changes import NeedsUpdate
from hivelib.model.events import Event, LoggedIn, NeedsLogin
from hivelib.model.records import Job, Turn
from hivelib.model.timely import ContainerCrash

NOT_STARTED = "the box did not start claude"
"""How the note of a turn begins whose box never worked. That is no crash: it is tried again later (`failing`)."""

ENDS_A_BOX = frozenset({"stop", "restart", "destroy", "purge", "deploy", "rebuild", "seed"})
"""Jobs that end an agent's box on purpose."""

SLACK_SECONDS = 10.0
"""How much later than the end of its turn systemd may tell of a box's end: its own turn in a busy manager's queue."""


class Note(NamedTuple):
    """What systemd said when a box ended badly at `at`: its `$SERVICE_RESULT`, `$EXIT_CODE` and `$EXIT_STATUS`, and how
    many processes of the box the kernel had killed for want of memory. `key` tells it from the agent's others."""

    agent: str
    key: str
    at: float
    result: str
    code: str
    status: str
    starved: int


class Axes(NamedTuple):
    """How an agent is: its box is there, its login works, what it runs was built by this program."""

    running: bool
    logged_in: bool
    up_to_date: bool


class Look(NamedTuple):
    """One row of `looks`: how an agent was found last, and when its crashes were, as far as they count for a loop: the
    ends of the turns that were lost by them."""

    agent: str
    incarnation: int
    axes: Axes
    looked_at: float
    crashes: tuple[float, ...]


def changes(name: str, before: Axes | None, now: Axes, *, died: str, expected: bool) -> list[Event]:
    """What there is to tell of agent `name`. The first look (`before` None) only keeps what it sees.

    `died`: why its box died in mid-turn, empty when it did not; `expected`: a job of ours had ended it.
    """
    told: list[Event] = []
    vanished = before is not None and before.running and not now.running
    if (died or vanished) and not expected:
        note = died or "its box is gone, and nobody has said why"
        told.append(ContainerCrash(name, agent=name, note=note))
    if before is None:
        return told
    if before.logged_in != now.logged_in:
        kind = LoggedIn if now.logged_in else NeedsLogin
        told.append(kind(name, agent=name))
    if before.up_to_date and not now.up_to_date:
        told.append(NeedsUpdate(name, agent=name))
    return told


def reason(note: Note) -> str:
    """Why a box ended, in words that hold nothing that the box wrote."""
    if note.starved and note.status in ("KILL", "9"):
        return "it ran out of memory, and the kernel killed it ([box] memory)"
    if note.code in ("killed", "dumped"):
        return f"it was killed by signal {note.status}"
    if note.code == "exited":
        return f"it ended with exit status {note.status}"
    return f"systemd calls it {note.result}"


def turn_of(note: Note, turns: Iterable[Turn], crashes: Sequence[float]) -> Turn | None:
    """The turn in which the box died that the note is about: a lost one rather than the next, which may run already.

    `crashes` are the ends of turns whose crash was told: that is how a crash is told once, whatever notes there are.
    """
    near = [
        turn
        for turn in turns
        if turn.started_at <= note.at
        and (turn.ended_at is None or note.at <= turn.ended_at + SLACK_SECONDS)
        and turn.ended_at not in crashes
    ]
    return max(near, key=lambda turn: (turn.outcome == "lost", turn.id), default=None)


def expects_end(jobs: Iterable[Job], at: float) -> bool:
    """Whether one of the agent's jobs was ending its box at that time."""
    return any(
        job.kind in ENDS_A_BOX
        and job.started_at is not None
        and job.started_at <= at
        and (job.ended_at is None or job.ended_at >= at)
        for job in jobs
    )


def by_force(note: Note) -> bool:
    """Whether something was killed outright. A stop of ours never is: it ends well, or as systemd's `timeout`. So a job
    that builds for minutes before it stops the box explains no kill meanwhile."""
    return note.status in ("KILL", "9") and note.result != "timeout"


def recent(crashes: Sequence[float], at: float, seconds: float) -> tuple[float, ...]:
    """The crashes that count together with one at `at`, which is the last of them."""
    return (*(one for one in crashes if abs(at - one) < seconds and one != at), at)
