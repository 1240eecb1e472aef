"""What the tools show: agents, the state of the hive, events and transcripts, once or as they come."""

from collections.abc import Iterator
from typing import NamedTuple

from hivelib.base import bell
from hivelib.base.errors import HiveError, Misuse
from hivelib.flow import jobs
from hivelib.flow.mailing import names_shown, no_agent
from hivelib.flow.opening import Hive, open_transcript
from hivelib.model import changes, names, timely  # noqa: F401 - their kinds are among Event.kinds then
from hivelib.model.events import Event
from hivelib.model.names import OPERATOR
from hivelib.model.records import Agent, EventRow, Job, Line, Message, Turn
from hivelib.store import (
    agents,
    approvals,
    events,
    mail,
    questions,
    transcripts,
    turns,
    warnings,
)

_LOOK_SECONDS = 60.0
"""How long a follower sleeps at most: the safety net for a ring that was lost."""


class AgentRow(NamedTuple):
    """An agent with what is in its inbox, the turn it is in, and what a job makes of it now (states.TRANSIENT)."""

    agent: Agent
    queued: int
    claimed: int
    turn: Turn | None
    transient: str | None


class Status(NamedTuple):
    """The hive at a glance. `running` None and no failed units: systemd could not be asked.

    `jobs` are those that wait or run, `pending` counts the proposals that wait for the operator's decision,
    `questions` those for the operator's answer.
    """

    running: bool | None
    failed_units: list[str]
    agents: list[AgentRow]
    turns: list[Turn]
    jobs: list[Job]
    pending: int
    questions: int
    unread: int
    dead: list[Message]
    warnings: list[tuple[str, float, str, str]]


class Wanted(NamedTuple):
    """Which events are asked for; None: all."""

    kind: str | None = None
    subject: str | None = None

    def has(self, row: EventRow) -> bool:
        """Whether this event is one of them."""
        return self.kind in (None, row.kind) and self.subject in (None, row.subject)


def any_agent(hive: Hive, name: str) -> Agent:
    """The agent of that name, also when it was destroyed; raises Refused with the nearest names."""
    found = agents.get(hive.db, name) if names.is_name(name) else None
    if found is None:
        raise no_agent(hive, name)
    return found


def agent_rows(hive: Hive, *, destroyed: bool = False) -> list[AgentRow]:
    """All live agents, the manager first; or all tombstones."""
    with hive.db.snapshot() as db:
        running = {turn.agent: turn for turn in turns.running(db)}
        becoming = jobs.transients(hive)
        return [
            _row(hive, agent, running.get(agent.name), becoming.get(agent.name))
            for agent in agents.all_of(db, destroyed=destroyed)
        ]


def _row(hive: Hive, agent: Agent, turn: Turn | None, transient: str | None) -> AgentRow:
    counts = mail.count_by_state(hive.db, agent.name)
    return AgentRow(agent, counts["queued"], counts["claimed"], turn, transient)


def status(hive: Hive, name: str | None = None) -> Status:
    """The whole hive, or of one agent the row and the newest turns. Raises Refused for an unknown name."""
    chosen = any_agent(hive, name) if name else None
    rows = [
        row
        for row in agent_rows(hive, destroyed=bool(chosen and chosen.state == "destroyed"))
        if name in (None, row.agent.name)
    ]
    running, failed = _units(hive)
    dead = [letter for letter in mail.dead(hive.db) if name in (None, letter.recipient)]
    open_ones = [one for one in approvals.unresolved(hive.db, name) if one.status == "pending"]
    return Status(
        running,
        failed,
        rows,
        turns.latest(hive.db, name, 5) if name else turns.running(hive.db),
        [job for job in jobs.unfinished(hive) if name in (None, job.agent)],
        len(open_ones),
        questions.count_open(hive.db, asker=name, target=OPERATOR),
        mail.count_by_state(hive.db, OPERATOR)["queued"],
        dead,
        warnings.standing(hive.db),
    )


def _units(hive: Hive) -> tuple[bool | None, list[str]]:
    from hivelib.host import systemd  # only the status pays for it

    try:
        if not systemd.answers(hive.settings):
            return False, []
        up = systemd.state(hive.settings, "hive.target").active == "active"
        return up, list(systemd.failed_units(hive.settings))
    except HiveError:
        return None, []


def wanted_events(kind: str | None, subject: str | None) -> Wanted:
    """Events of a kind or about a subject; raises Misuse with the nearest kinds when there is no such kind."""
    if kind is not None and kind not in Event.kinds:
        near = names.nearest(kind, list(Event.kinds))
        hint = f"did you mean {' or '.join(near)}?" if near else "docs/events.md lists them"
        raise Misuse(f"no kind of event {names_shown(kind)}", hint)
    return Wanted(kind, subject)


def list_events(hive: Hive, wanted: Wanted, after: int | None, limit: int) -> list[EventRow]:
    """The newest `limit` events, or the first ones after number `after`; oldest first."""
    if after is None:
        return events.latest(hive.db, limit, subject=wanted.subject, kind=wanted.kind)
    found: list[EventRow] = []
    while len(found) < limit and (rows := events.after(hive.db, after)):
        found += filter(wanted.has, rows)
        after = rows[-1].seq
    return found[:limit]


def follow_events(
    hive: Hive, wanted: Wanted, after: int | None, limit: int
) -> Iterator[list[EventRow]]:
    """The newest `limit` events, or all after number `after`; then, for ever, each batch of new ones."""
    with bell.Listener(hive.paths.bell, "events") as listener:
        seq = events.last_seq(hive.db) if after is None else after
        if after is None:
            rows = events.latest(hive.db, limit, subject=wanted.subject, kind=wanted.kind)
            seq = max(seq, rows[-1].seq) if rows else seq
            yield rows
        while True:
            while rows := events.after(hive.db, seq):
                seq = rows[-1].seq
                yield list(filter(wanted.has, rows))
            listener.wait(_LOOK_SECONDS)
            hive.db.still_there()


def transcript(hive: Hive, name: str, turn: int | None) -> list[Line]:
    """The lines of one turn (default: the agent's newest) as far as they are there. Raises Refused."""
    any_agent(hive, name)
    db = open_transcript(hive, name)
    if db is None:
        return []
    with db:
        turn = turn or _newest_turn(transcripts.latest(db, 1))
        found: list[Line] = []
        while rows := transcripts.after(db, found[-1].row if found else 0, turn=turn):
            found += rows
        return found


def follow_transcript(hive: Hive, name: str, turn: int | None) -> Iterator[list[Line]]:
    """The newest turn (or turn `turn`) from its beginning, then, for ever, what comes. Raises Refused."""
    any_agent(hive, name)
    with bell.Listener(hive.paths.bell, f"agent.{name}") as listener:
        row = 0
        lines = transcript(hive, name, turn)
        while True:
            if lines:
                row = lines[-1].row
                yield lines
            else:
                listener.wait(_LOOK_SECONDS)
            lines = _lines_after(hive, name, row, turn)


def _lines_after(hive: Hive, name: str, row: int, turn: int | None) -> list[Line]:
    # Opened anew each time: the agent may be destroyed and made again meanwhile.
    db = open_transcript(hive, name)
    if db is None:
        return []
    with db:
        return transcripts.after(db, row, turn=turn)


def _newest_turn(lines: list[Line]) -> int | None:
    return lines[0].turn if lines else None


def wait_for_mail(hive: Hive, seconds: float | None) -> bool:
    """Waits until the operator has mail (None: for ever); False when none came in time."""
    from hivelib.base import clock

    until = None if seconds is None else clock.monotonic() + seconds
    with bell.Listener(hive.paths.bell, f"mail.{OPERATOR}") as listener:
        while not mail.peek(hive.db, OPERATOR, 1):
            left = _LOOK_SECONDS if until is None else until - clock.monotonic()
            if left <= 0:
                return False
            listener.wait(min(left, _LOOK_SECONDS))
            hive.db.still_there()
    return True


def logs(hive: Hive, what: str, lines: int) -> list[str]:
    """The newest lines that an agent's units, or one unit, wrote; an agent may be called like a unit without its
    suffix, and comes first. Raises Refused for an unknown agent, Misuse."""
    import re

    from hivelib.host import journal

    is_agent = names.is_name(what) and agents.get(hive.db, what) is not None
    if what.startswith(("hive-", "hive.")) and not is_agent:
        if not re.fullmatch(r"[A-Za-z0-9@._-]+", what):
            raise Misuse(f"no unit is called {names_shown(what)}", "e.g. hive-broker")
        known_suffix = what.endswith((".service", ".socket", ".target", ".timer"))
        unit = what if known_suffix else f"{what}.service"
        return journal.newest(hive.settings, [unit], lines)
    return agent_logs(hive, what, lines)


def agent_logs(hive: Hive, name: str, lines: int) -> list[str]:
    """The newest lines that an agent's units wrote, oldest first. Raises Refused for an unknown agent."""
    from hivelib.host.boxes import backend  # only who reads logs pays for it

    found = any_agent(hive, name)
    return list(backend(found.backend).journal(hive.settings, name, lines))
