"""hive-turn NAME: runs an agent's turns until its inbox is empty (DESIGN.md, "One message, say number 457").

Rung awake by the agent's bell. The bell is drained first and looked at last, never the other way round: whatever rings
after the last look finds the fifo undrained, and the unit is started again. Only a turn that is running holds mail; one
that died is ended as `lost` by the next process before it does anything else.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from hivelib.base import bell, clock, journal, sd
from hivelib.base.errors import NotNow, Refused
from hivelib.base.slots import locked, most, slot
from hivelib.flow import braking, settling
from hivelib.flow.opening import Hive
from hivelib.flow.settling import Outcome
from hivelib.model.records import Turn
from hivelib.store import agents, turns

SIT_OUT_SECONDS = 60.0


def run(hive: Hive, name: str) -> None:
    """Runs turns until the agent has no due mail, is parked or stopped; returns also when turns failed.

    Raises Refused for an unknown agent, NotNow when another process runs this agent's turns already.
    """
    inherited = sd.inherited()
    for (
        fd
    ) in inherited:  # systemd hands it over blocking: an empty bell would hold the drain for ever
        os.set_blocking(fd, False)
    if agents.get(hive.db, name) is None:
        if not inherited:
            raise Refused("there is no such agent", "`hive-agents` lists them")
        bell.drain(inherited[0])  # it has just gone, and its units go too
        return
    os.makedirs(hive.paths.slots, mode=0o770, exist_ok=True)
    # A unit waits for whoever runs it by hand: ending would start it again and again.
    with locked(f"{hive.paths.slots}/{name}.turn", wait=bool(inherited)) as mine:
        if not mine:
            raise NotNow(f"another process runs the turns of {name}", "leave it to that one")
        with _bell(hive, name, inherited) as fifo:
            bell.drain(fifo)
            for stale in turns.running(hive.db, name):
                _settle(hive, stale, Outcome("lost", "hive-turn died in it"))
            while _look(hive, name, fifo):
                bell.drain(fifo)


def sit_out() -> None:
    """After a failure (a disk without room even for the row that parks, a database that is gone): sleeps until the bell
    rings, at most a minute.

    The unit is started again in any case, and would be each second. By hand it returns at once.
    """
    for fifo in sd.inherited():
        bell.drain(fifo)
        bell.wait(fifo, SIT_OUT_SECONDS)


@contextmanager
def _bell(hive: Hive, name: str, inherited: list[int]) -> Iterator[int]:
    if inherited:
        yield inherited[0]
    else:
        with bell.Listener(hive.paths.bell, f"turn.{name}") as listener:
            yield listener.fileno()


def _look(hive: Hive, name: str, fifo: int) -> bool:
    """One look at the inbox, and the turn that follows from it; False when there was nothing to do."""
    if braking.ready(hive, name) is None:
        return False
    with slot(hive.paths.slots, most(hive.settings.turns.at_once)), _signals() as told:
        from hivelib.flow.beginning import begin  # an empty look does not pay for what a turn needs

        begun = begin(hive, name)  # waiting may have taken long: all is looked at again
        if begun:
            from hivelib.flow.carrying import carry_out
            from hivelib.flow.streaming import Wakers

            _settle(hive, begun.turn, carry_out(hive, begun, Wakers(fifo, told)))
        return not _came(told)


def _settle(hive: Hive, turn: Turn, outcome: Outcome) -> None:
    """Ends a turn; one that did not end well leaves a line in the journal."""
    if settling.end_turn(hive, turn, outcome) and outcome.kind != "ok":
        parked = f" and it is parked until {clock.iso(outcome.until)}" if outcome.until else ""
        what = f"turn {turn.id} {outcome.kind}: {outcome.note}"
        journal.note("hive-turn", f"{turn.agent}: {what}; its mail goes back{parked}")
        if outcome.kind == "lost":  # if systemd has a reason, that is told now
            bell.ring(hive.paths.bell, "crash")


def _came(heard: int) -> bool:
    try:
        return bool(os.read(heard, 1))
    except BlockingIOError:
        return False


@contextmanager
def _signals() -> Iterator[int]:
    """While a turn runs, a signal does not kill: it makes the descriptor readable, so that the turn can be settled."""
    heard, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)
    }
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    try:
        yield heard
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(heard)
        os.close(told)
