"""hive-crash-watch: compares each agent with how it was found last, and tells what no job of ours explains.

Rung by systemd's word of a box that ended badly (hive-crash-note) and by a hive-turn whose turn is lost; whichever
comes second finds the other there. So the two agree: hive-turn ends the turn and gives its mail back, this names the
crash. A slow timer looks at what a lost ring has left. Who crashes again and again is parked until told.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hivelib.base import bell, clock, journal, sd
from hivelib.base.errors import HiveError, Misuse, NotNow
from hivelib.base.slots import locked
from hivelib.base.text import shortened
from hivelib.flow import informing, mailing, settling, warning
from hivelib.flow.opening import Hive
from hivelib.host import boxes, crash_notes
from hivelib.model import crashing
from hivelib.model.crashing import Axes, Look, Note
from hivelib.model.events import Event
from hivelib.model.names import MANAGER, OPERATOR
from hivelib.model.records import Agent, Turn
from hivelib.store import agents, events, jobs, looks, turns

TOPIC = "crash"
LINGER_SECONDS = 3.0
"""How long it stays for the other half of what it has heard: a box that can't be made is tried each second."""
_TURNS = 10
_JOBS = 100
_LINES, _WIDTH, _MOST = 6, 160, 900
"""Of the journal of a box that crashes again and again: lines of each unit, their width, characters of all."""


def run(hive: Hive) -> None:
    """Tells of crashes until no note is left that waits for its turn's end, then looks at all agents once.

    Raises NotNow when another process does so already.
    """
    inherited = sd.inherited()
    for fd in inherited:  # handed over blocking: an empty bell would hold the drain for ever
        os.set_blocking(fd, False)
    os.makedirs(hive.paths.slots, mode=0o770, exist_ok=True)
    with locked(f"{hive.paths.slots}/crash.watch", wait=bool(inherited)) as mine:
        if not mine:
            raise NotNow("another process watches for crashes", "leave it to that one")
        with _bell(hive, inherited) as fifo:
            bell.drain(fifo)
            while tell_crashes(hive) and bell.wait(fifo, LINGER_SECONDS):
                pass
            bell.drain(fifo)
            tell_crashes(hive)
            look(hive)


@contextmanager
def _bell(hive: Hive, inherited: list[int]) -> Iterator[int]:
    if inherited:
        yield inherited[0]
    else:
        with bell.Listener(hive.paths.bell, TOPIC) as listener:
            yield listener.fileno()


def tell_crashes(hive: Hive) -> bool:
    """Tells what the notes say, each crash once, and removes them; True when some wait for the end of a turn."""
    waits = False
    for note in crash_notes.found(hive.paths):
        if _judge(hive, note):
            crash_notes.drop(hive.paths, note)
        else:
            waits = True
    return waits


def look(hive: Hive) -> None:
    """Compares every agent with the last look at it, tells what is another, and clears what is over."""
    for agent in agents.all_of(hive.db):
        before = _last_look(hive, agent)
        try:
            now = _axes(hive, agent)
        except (
            Misuse
        ) as error:  # no kind of box that there is: the others are looked at all the same
            journal.note("hive-crash-watch", f"{shortened(str(agent.name), 20)}: {error}")
            continue
        if before is None or before.axes != now:
            expected = _expected(hive, agent, clock.now())
            axes = before.axes if before else None
            told = crashing.changes(agent.name, axes, now, died="", expected=expected)
            crashes = before.crashes if before else ()
            seen = Look(agent.name, agent.incarnation, now, clock.now(), crashes)
            _tell(hive, agent, before, told, seen)
    for name in set(looks.names(hive.db)) - set(agents.live_names(hive.db)):
        with hive.db.write(durable=False) as db:
            events.record(db, *warning.cleared(db, name, f"crashed:{name}"))
            looks.forget(db, name)
        bell.ring(hive.paths.bell, "events")


def _judge(hive: Hive, note: Note) -> bool:
    """Tells of a crash, unless it was told of before, or its turn ended otherwise; False while that turn runs."""
    agent = agents.get(hive.db, note.agent)
    if agent is None or agent.parked_kind == "crashing":
        return True  # it has no turns, and of the last one it was told
    before = _last_look(hive, agent)
    crashes = before.crashes if before else ()
    turn = crashing.turn_of(note, turns.latest(hive.db, agent.name, _TURNS), crashes)
    if turn and turn.ended_at is None:
        return False
    lost = turn and turn.outcome == "lost" and turn.incarnation == agent.incarnation
    if turn and lost and not (turn.note or "").startswith(crashing.NOT_STARTED):
        _tell_crash(hive, agent, note, turn, before)
    return True


def _tell_crash(hive: Hive, agent: Agent, note: Note, turn: Turn, before: Look | None) -> None:
    """Tells that a box died in that turn, unless a job of ours was at it; parks the agent when that goes on and on."""
    assert turn.ended_at is not None
    expected = agent.state != "running"
    if not crashing.by_force(note):
        expected = _expected(hive, agent, note.at)
    why = f"in turn {turn.id} {crashing.reason(note)}"
    now = before.axes if before else _axes(hive, agent)
    limits = hive.settings.crashes
    crashes = before.crashes if before else ()
    recent = crashing.recent(crashes, turn.ended_at, limits.loop_seconds)
    loops = len(recent) >= limits.loop_count and (not agent.parked or bool(agent.parked_until))
    if loops and not expected:
        why += f", the last of {len(recent)} crashes within {limits.loop_seconds:g} s"
    told = crashing.changes(agent.name, before and before.axes, now, died=why, expected=expected)
    if told:
        # Parked agents have no turns, so after this the count begins anew.
        kept = () if loops else recent
        parks = f"its box crashes: {why}. {_last_lines(hive, agent)}" if loops else ""
        seen = Look(agent.name, agent.incarnation, now, clock.now(), kept)
        _tell(hive, agent, before, told, seen, crash=why, parks=parks)
        journal.note("hive-crash-watch", f"{agent.name}: {why}{', so it is parked' * loops}")


def _tell(
    hive: Hive,
    agent: Agent,
    before: Look | None,
    told: list[Event],
    seen: Look,
    crash: str = "",
    parks: str = "",
) -> None:
    """Keeps a look and tells what it found, in one transaction; then rings."""
    name = agent.name
    with hive.db.write() as db:
        last = _last_look(hive, agent)
        if crash and last:
            seen = seen._replace(axes=last.axes)
        elif not crash and (last, agents.get(db, name)) != (before, agent):
            return  # somebody has just changed it, and told so: the next look sees what is left
        informing.tell_about(hive, name, *told)
        if crash:
            what = f"the box of {name} crashed: {crash}"
            raised = warning.raised(db, name, f"crashed:{name}", what, f"hive-logs {name}")
            events.record(db, *raised)
        if parks:
            settling.park(hive, name, "crashing", None, parks)
        looks.put(db, seen)
    if told:
        mailing.ring_inboxes(hive, [MANAGER])
    if parks:
        bell.ring(hive.paths.bell, f"mail.{OPERATOR}")


def _last_look(hive: Hive, agent: Agent) -> Look | None:
    """The last look at this very agent, not at an older one of its name."""
    found = looks.get(hive.db, agent.name)
    return found if found and found.incarnation == agent.incarnation else None


def _axes(hive: Hive, agent: Agent) -> Axes:
    # It reads the whole program: 25 ms that no crash waits for.
    from hivelib.flow.rendering import revision

    running = agent.state == "running"
    box = boxes.backend(agent.backend)
    if running and box.LIVES_ON:
        running = bool(box.status(hive.settings, agent.name).started)
    return Axes(running, not agent.needs_login, agent.revision == revision())


def _expected(hive: Hive, agent: Agent, at: float) -> bool:
    """Whether a job of ours ended the agent's box at that time, or has done so since."""
    mine = [job for job in jobs.latest(hive.db, _JOBS) if job.agent == agent.name]
    return agent.state != "running" or crashing.expects_end(mine, at)


def _last_lines(hive: Hive, agent: Agent) -> str:
    """The end of what the agent's units wrote, safe to show and short; empty when it cannot be had."""
    try:
        lines = boxes.backend(agent.backend).journal(hive.settings, agent.name, _LINES)
    except HiveError:
        return ""
    text = " / ".join(shortened(line.strip(), _WIDTH) for line in lines)
    return f"Its last lines: …{text[-_MOST:]}" if text else ""
