"""One run of claude in its box: everything it says goes to the transcript, everything that may happen meanwhile is
waited for in one place: the box, the agent's bell, a signal, and a few deadlines.

A run that has to stop is asked first (`interrupt`: the session stays whole), then told (SIGTERM), then its box dies.
"""

import json
import select
from typing import Any, NamedTuple

from hivelib.base import bell, clock, journal
from hivelib.base.db import Database
from hivelib.base.errors import HiveError
from hivelib.flow import braking
from hivelib.flow.opening import Hive
from hivelib.host import boxes, claude
from hivelib.host.execution import Execution, Said
from hivelib.host.stream import Reading
from hivelib.model.records import Turn
from hivelib.store import agents, transcripts, turns

START_MOST = 60.0
"""Seconds that a box may take to start claude; systemd tries it again each second."""
STOP_STEP = 5.0
"""Seconds between asking, telling and ending."""
END_MOST = 30.0
"""Seconds after the result in which claude may finish what it left in the background."""
DISK_LOOK = 5.0
TRANSCRIPT_MOST = 256 << 20
"""Characters that one turn may add to the transcript, which no box's share of the disk bounds."""

NEVER = float("inf")


class Stop(NamedTuple):
    """Why a run was stopped from outside: the outcome this makes it, and words."""

    kind: str
    note: str


class Wakers(NamedTuple):
    """Descriptors that end a wait: the agent's bell, and the one a signal writes to."""

    bell: int
    signal: int


class Ended(NamedTuple):
    """What is known of a run that is over; `exit` None: the box said nothing of it, `problem`: why there was no box,
    `starved`: how many processes of the box the kernel had killed for want of memory."""

    reading: Reading
    started: bool
    exit: int | None = None
    stop: Stop | None = None
    problem: str = ""
    starved: int = 0


def run_claude(
    hive: Hive,
    turn: Turn,
    transcript: Database,
    request: dict[str, Any],
    prompt: str,
    wakers: Wakers,
) -> Ended:
    """Runs claude with `request` (as hive-exec takes it) and says `prompt` to it; returns when its box has ended."""
    try:
        execution = Execution(hive.paths.socket(turn.agent, "exec"))
    except OSError as error:
        why = f"the box of {turn.agent} cannot be reached: {error.strerror or error}"
        return Ended(Reading(), False, problem=why)
    with execution:
        run = _Run(hive, turn, transcript, execution)
        execution.say(turn=turn.id, **request)
        run.tell(claude.user_line(prompt))
        while not run.over:
            run.wait(wakers)
        run.look_at_processes()  # before the box goes, which it does when we hang up
        killed = run.exit is not None and run.exit < 0
        starved = _starved(hive, turn.agent) if killed else 0
        return Ended(run.reading, run.started, run.exit, run.stop, starved=starved)


def _starved(hive: Hive, name: str) -> int:
    agent = agents.get(hive.db, name)
    return (agent and boxes.backend(agent.backend).starved_processes(hive.settings, name)) or 0


class _Run:
    """A run under way."""

    def __init__(self, hive: Hive, turn: Turn, transcript: Database, execution: Execution) -> None:
        self.reading = Reading()
        self.started, self.over = False, False
        self.exit: int | None = None
        self.stop: Stop | None = None
        self._hive, self._turn, self._transcript = hive, turn, transcript
        self._execution = execution
        self._kept = 0
        self._steps = 0  # of STOP_STEP
        now = clock.monotonic()
        self._start_until, self._end_until, self._step_at = now + START_MOST, NEVER, NEVER
        self._disk_at = now + DISK_LOOK
        self._was_full = False

    def tell(self, line: dict[str, Any]) -> None:
        """Gives claude's stdin a line that the transcript shows too."""
        self._execution.say_to_claude(line)
        self._keep(str(line["type"]), json.dumps(line, ensure_ascii=False))

    def wait(self, wakers: Wakers) -> None:
        """Sleeps until something happens, and does what follows from it."""
        poll = select.poll()
        unsent = select.POLLOUT if self._execution.unsent else 0
        poll.register(self._execution, select.POLLIN | unsent)
        poll.register(wakers.bell, select.POLLIN)
        poll.register(wakers.signal, select.POLLIN)
        deadline = min(self._start_until, self._end_until, self._step_at, self._disk_at)
        # What is due does not come about by polling for it less often than due.
        ready = dict(poll.poll(max(0.0, deadline - clock.monotonic()) * 1000 + 1))
        if wakers.signal in ready:
            self.stop, self.over = Stop("cancelled", "hive-turn was told to stop"), True
            return
        if wakers.bell in ready:
            bell.drain(wakers.bell)
            self._look_at_rows()
        if ready.get(self._execution.fileno(), 0) & select.POLLOUT:
            self._execution.send()
        if ready.get(self._execution.fileno(), 0) & ~select.POLLOUT:
            self._hear()
        self._look_at_clock()

    def look_at_processes(self) -> None:
        """Leaves a line in the journal, once a run, when the box wanted more processes than it may have."""
        settings, agent = self._hive.settings, agents.get(self._hive.db, self._turn.agent)
        if agent is None or self._was_full:
            return
        if count := boxes.backend(agent.backend).refused_processes(settings, agent.name):
            self._was_full = True
            most = f"it may have {settings.box.tasks} ([box] tasks)"
            refused = f"was refused a process or thread, {count} times so far: {most}"
            journal.note("hive-turn", f"{agent.name}: its box {refused}")

    def _hear(self) -> None:
        said = self._execution.hear()
        if said is None:
            self.over = True
        for one in said or []:
            self._take(one)

    def _take(self, said: Said) -> None:
        if said.kind == "started":
            self.started, self._start_until = True, NEVER
        elif said.kind == "exit":
            self.exit = said.number
            self.over = True
        elif said.kind == "out":
            self._keep(*self.reading.take(said.text))
            self._after_a_line()
        elif said.kind == "err":
            self._keep(*self.reading.take_error(said.text))
        elif said.kind == "dropped":
            self._keep("dropped", json.dumps({"type": "dropped", "bytes": said.number}))

    def _after_a_line(self) -> None:
        if self.reading.result is not None and self._end_until == NEVER:
            self._execution.say(eof=True)
            self._end_until = clock.monotonic() + END_MOST
        elif self.reading.without_tools:
            self._begin_stop(Stop("failed", "the hive's tools did not come up in the box"))
        elif self._kept > TRANSCRIPT_MOST:
            self._begin_stop(Stop("failed", "it wrote more than a transcript holds"))

    def _keep(self, kind: str, payload: str) -> None:
        if self._kept > TRANSCRIPT_MOST:
            return
        self._kept += len(payload)
        try:
            transcripts.append(self._transcript, self._turn.id, clock.now(), kind, payload)
        except HiveError as error:  # a full disk
            self._begin_stop(Stop("failed", error.message))
        bell.ring(self._hive.paths.bell, f"agent.{self._turn.agent}")

    def _look_at_rows(self) -> None:
        turn = turns.get(self._hive.db, self._turn.id)
        agent = agents.get(self._hive.db, self._turn.agent)
        if turn is None or turn.ended_at is not None:
            self.over = True  # somebody else has ended it: nothing is left to settle
        elif turn.cancel_requested_at is not None:
            self._begin_stop(Stop("cancelled", "interrupted"))
        elif agent is None or agent.state != "running":
            self._begin_stop(Stop("cancelled", "the agent was stopped"))

    def _begin_stop(self, why: Stop) -> None:
        if self.stop is None:
            self.stop = why
            self._execution.say_to_claude(claude.interrupt_line())
            self._step_at = clock.monotonic() + STOP_STEP

    def _look_at_clock(self) -> None:
        now = clock.monotonic()
        if now >= self._disk_at:
            self.look_at_processes()
            self._look_at_disk(now)
        if now >= self._step_at:
            self._steps += 1
            self._step_at = now + STOP_STEP
            self._execution.say(signal="TERM")
        if self._steps > 1 or now >= min(self._start_until, self._end_until):
            self.over = True  # closing the connection is what ends the box

    def _look_at_disk(self, now: float) -> None:
        if self.stop is None and (why := braking.full(self._hive, self._turn.agent)):
            self._begin_stop(Stop("failed", why))
        spent = clock.monotonic() - now
        self._disk_at = now + max(DISK_LOOK, 50 * spent)  # many small files: look less often
