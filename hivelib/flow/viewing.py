"""What a page shows: rows of one instant together with the event number they stand for, and what came after it."""

import json
from collections.abc import Collection
from typing import NamedTuple, TypeVar

from hivelib.base.db import Database
from hivelib.flow.opening import Hive, open_transcript
from hivelib.flow.rendering import revision
from hivelib.flow.spending import Spending
from hivelib.model import soundness, states
from hivelib.model.names import MANAGER
from hivelib.model.records import Agent, Approval, EventRow, Line, Message, Turn
from hivelib.model.soundness import Unsound
from hivelib.store import agents, approvals, events, jobs, mail, transcripts, turns, warnings, web

Row = TypeVar("Row")
NEWEST_LINES = 400
"""Lines of a transcript that a page begins with, at most."""
LINE_MOST = 256 * 1024
"""Characters of a transcript line beyond which a page shows only that there is one."""
LINES_MOST = 4 * 1024 * 1024
"""Characters of transcript lines that a page begins with: a box may fill each of them."""


class AgentView(NamedTuple):
    """An agent with what is worth knowing at a glance; `spent` in USD, `becoming` what a job makes of it (None: nothing
    does), `last` its newest turn that ended, `stale` whether an older program built it."""

    agent: Agent
    queued: int
    running: Turn | None
    spent: float
    becoming: str | None
    last: Turn | None
    stale: bool

    @property
    def context(self) -> int | None:
        """How full its context was at the end of the last turn, in percent; None when nobody knows."""
        last = self.last
        if (
            last is None
            or soundness.why_not(last)
            or not last.context_window
            or last.last_context_tokens is None
        ):
            return None
        return round(100 * last.last_context_tokens / last.context_window)


class Warned(NamedTuple):
    """A warning that stands; times are UTC seconds."""

    name: str
    raised_at: float
    why: str
    mend: str


class TurnView(NamedTuple):
    """A turn and its lines; `turn` None when only the lines are left of it."""

    id: int
    turn: Turn | None
    lines: list[Line]


class Stream(NamedTuple):
    """The event stream as it stands: its epoch, the oldest event that is kept (0: none), the newest there ever was."""

    epoch: str
    first: int
    last: int

    def holds_all_after(self, epoch: str, seq: int) -> bool:
        """Whether somebody who has seen everything up to `seq` can be given exactly what they missed."""
        if epoch != self.epoch or not 0 <= seq <= self.last:
            return False
        return seq == self.last or 0 < self.first <= seq + 1


def agent_views(hive: Hive, names: Collection[str], spending: Spending) -> list[AgentView]:
    """Those of the named agents that there are, tombstones left out; the manager first."""
    found = [agent for agent in _sound(agents.all_of(hive.db)) if agent.name in names]
    return _agents(hive.db, found, spending) if found else []


def all_agents(hive: Hive, spending: Spending) -> tuple[list[AgentView], list[Unsound]]:
    """All live agents, the manager first, and those whose rows cannot be read."""
    found, broken = soundness.parted(agents.all_of(hive.db))
    return _agents(hive.db, found, spending), broken


def unsound_agent(hive: Hive, name: str) -> list[Unsound]:
    """An agent's row when there is one that cannot be read."""
    found = agents.get(hive.db, name)
    return soundness.parted([found] if found else [])[1]


def stuck_agents(hive: Hive, spending: Spending) -> list[AgentView]:
    """The live agents that are parked or have no login, the manager first."""
    found = _sound(agents.troubled(hive.db))
    return _agents(hive.db, found, spending) if found else []


def newest_turns(hive: Hive, name: str) -> list[TurnView]:
    """The newest turns of an agent, as far as the newest lines of its transcript reach, and the one that runs."""
    transcript = open_transcript(hive, name)
    newest: list[Line] = []
    if transcript:
        with transcript:
            newest = web.lines_latest(transcript, NEWEST_LINES, LINE_MOST, LINES_MOST)
    known = {turn.id: turn for turn in turns.latest(hive.db, name, 50)}
    running = [turn.id for turn in known.values() if turn.ended_at is None]
    return [
        TurnView(number, known.get(number), [line for line in newest if line.turn == number])
        for number in sorted({line.turn for line in newest}.union(running))
    ]


def newest_row(hive: Hive, name: str) -> int:
    """The newest line of an agent's transcript, 0 when there is none."""
    transcript = open_transcript(hive, name)
    if transcript is None:
        return 0
    with transcript:
        return transcripts.last_row(transcript)


def is_live(hive: Hive, name: str) -> bool:
    """Whether there is such an agent now, tombstones left out."""
    return agents.is_live(hive.db, name)


def names(hive: Hive) -> list[str]:
    """Who can be written to: the names of all live agents, the manager's first."""
    known = [name for name in agents.live_names(hive.db) if isinstance(name, str)]
    return sorted(known, key=lambda name: name != MANAGER)


def newest_messages(hive: Hive, limit: int) -> list[Message]:
    """The newest messages of all, oldest of them first."""
    return mail.latest(hive.db, limit)


def unresolved(hive: Hive) -> list[Approval]:
    """The approvals that are not over, oldest first."""
    return approvals.unresolved(hive.db)


def approval(hive: Hive, number: int) -> Approval | None:
    """The approval of that number."""
    return approvals.get(hive.db, number)


def steps(hive: Hive) -> dict[int, str]:
    """How far each deploy that waits or runs has come, in words, by the number of its approval."""
    return {
        job.approval: job.progress or job.state
        for job in jobs.unfinished(hive.db)
        if job.approval is not None and job.kind in ("deploy", "deny")
    }


def latest_approvals(hive: Hive, limit: int) -> list[Approval]:
    """The newest approvals, newest first."""
    return approvals.latest(hive.db, limit)[::-1]


def stream(hive: Hive, agent: str = "") -> Stream:
    """How far the event stream reaches; for the page of an agent the epoch names its incarnation too."""
    with hive.db.snapshot() as db:
        return stream_of(db, agent)


def stream_of(db: Database, agent: str = "") -> Stream:
    """As `stream`, inside the caller's snapshot."""
    found = agents.get(db, agent) if agent else None
    found = found if found and not soundness.why_not(found) else None
    return Stream(_epoch(db, found), events.first_seq(db), events.last_seq(db))


def events_after(hive: Hive, seq: int, limit: int = 500) -> list[EventRow]:
    """The events that follow `seq`, oldest first."""
    return list(map(_readable, events.after(hive.db, seq, limit)))


def lines_after(transcript: Database, row: int, limit: int) -> list[Line]:
    """The transcript lines that follow `row`, oldest first; overlong payloads are empty."""
    return web.lines_after(transcript, row, limit, LINE_MOST)


def last_row(transcript: Database | None) -> int:
    """The newest line of a transcript, 0 when there is none."""
    return transcripts.last_row(transcript) if transcript else 0


def first_row(transcript: Database | None) -> int:
    """The oldest line of a transcript that is kept, 0 when there is none."""
    return transcripts.first_row(transcript) if transcript else 0


def messages(hive: Hive, ids: Collection[int]) -> list[Message]:
    """The messages with these ids that there are, oldest first."""
    return web.messages(hive.db, list(ids)) if ids else []


def warned(hive: Hive) -> list[Warned]:
    """All warnings that stand, oldest first."""
    return [Warned(*warning) for warning in warnings.standing(hive.db)]


def dead_letters(hive: Hive, limit: int) -> list[Message]:
    """The newest letters that were delivered in vain."""
    return mail.dead(hive.db, limit)


def turn(hive: Hive, number: int) -> Turn | None:
    """The turn of that number."""
    return turns.get(hive.db, number)


def _epoch(db: Database, agent: Agent | None) -> str:
    return f"{events.epoch(db)}{agent.incarnation:04x}" if agent else events.epoch(db)


def _sound(rows: list[Row]) -> list[Row]:
    return soundness.parted(rows)[0]


def _readable(row: EventRow) -> EventRow:
    """An event as it is; one that cannot be read as an event of no known kind that says what it holds."""
    try:
        if not soundness.why_not(row) and isinstance(json.loads(row.payload), dict):
            return row
    except (ValueError, RecursionError):
        pass
    raw = {"unreadable": soundness.unsound(row, "").raw}
    return EventRow(row.seq, 0.0, "unreadable", "", json.dumps(raw))


def _agents(db: Database, rows: list[Agent], spending: Spending) -> list[AgentView]:
    queued = web.queued(db, [agent.name for agent in rows])
    working = turns.running(db)
    running = {turn.agent: turn for turn in _sound(working)}
    becoming = states.becoming(jobs.unfinished(db))
    ended = spending.now(db, working)
    views = []
    for agent in rows:
        spent = ended.get((agent.name, agent.incarnation))
        stale = agent.revision is not None and agent.revision != revision()
        views.append(
            AgentView(
                agent,
                queued.get(agent.name, 0),  # a name that no agent may have is none in JSON either
                running.get(agent.name),
                spent.cost if spent else 0.0,
                becoming.get(agent.name),
                spent.last if spent else None,
                stale,
            )
        )
    return views
