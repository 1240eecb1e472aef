"""From what a run of claude left behind to the outcome of its turn: what becomes of the mail, and of the agent."""

import signal

from hivelib.base import clock
from hivelib.flow.opening import Hive
from hivelib.flow.settling import Outcome
from hivelib.flow.streaming import Ended
from hivelib.host.stream import Verdict
from hivelib.model.crashing import NOT_STARTED
from hivelib.model.records import Turn
from hivelib.store import turns

NOT_RUN = 125  # hive-exec's and hive-claude's own: claude was not run
LIMIT_FIRST, LIMIT_MOST = 300.0, 3600.0
FAILING_FROM = 3
FAILING_FIRST, FAILING_MOST = 60.0, 600.0


def conclude(hive: Hive, turn: Turn, ended: Ended) -> Outcome:
    """The outcome of a turn that is over.

    A limit without a known end parks for 5 minutes, doubling to an hour. Where the model never saw the mail because
    the box or the API is away, the first times are a failed delivery like any other; from the third time in a row the
    agent is parked instead, or an outage of some minutes would make dead letters of all its mail.
    """
    now = clock.now()
    verdict = verdict_of(ended, now)
    figures = ended.reading.figures()
    if verdict.kind == "rate_limited":
        before = _in_a_row(hive, turn, frozenset({"rate_limited"}))
        until = verdict.reset or now + min(LIMIT_MOST, LIMIT_FIRST * 2.0**before)
        return Outcome(verdict.kind, verdict.note, until, figures)
    if verdict.unseen:
        before = _in_a_row(hive, turn, frozenset({"failed", "lost"}))
        if before + 1 >= FAILING_FROM:
            pause = min(FAILING_MOST, FAILING_FIRST * 2.0 ** (before + 1 - FAILING_FROM))
            return Outcome(verdict.kind, verdict.note, now + pause, figures, unseen=True)
    return Outcome(verdict.kind, verdict.note, None, figures)


def verdict_of(ended: Ended, now: float) -> Verdict:
    """How the run ended, by the stream first, then by why it was stopped, then by how the box ended."""
    said = ended.reading.verdict(now)
    if said and (said.kind == "ok" or not ended.stop):
        return said
    if ended.stop:
        return Verdict(ended.stop.kind, ended.stop.note)
    return _without_result(ended)


def _without_result(ended: Ended) -> Verdict:
    reading, status = ended.reading, ended.exit
    trouble = reading.trouble()
    after = f": {trouble}" if trouble else ""
    if ended.problem:
        return Verdict("lost", ended.problem, unseen=True)
    if not ended.started and status is None:
        return Verdict("lost", f"{NOT_STARTED}{after}", unseen=True)
    if status is None:
        return Verdict("lost", f"the box ended in mid-turn{after}")
    if starved(ended):
        return Verdict(
            "lost", f"claude was killed: its box ran out of memory ([box] memory){after}"
        )
    if status < 0:
        return Verdict("lost", f"claude was killed by signal {-status}{after}")
    if status == NOT_RUN:
        return Verdict("failed", f"claude was not run{after}", unseen=reading.mute())
    return Verdict("failed", f"claude ended with status {status}{after}", unseen=reading.mute())


def starved(ended: Ended) -> bool:
    """Whether claude was killed because its box had used all the memory that it may have."""
    return ended.exit == -signal.SIGKILL and ended.starved > 0 and ended.stop is None


def _in_a_row(hive: Hive, turn: Turn, kinds: frozenset[str]) -> int:
    """How many turns before this one ended so, one after the other; at most ten are looked at."""
    count = 0
    for earlier in reversed(turns.latest(hive.db, turn.agent, 11)):
        if earlier.id >= turn.id:
            continue
        if earlier.outcome not in kinds:
            break
        count += 1
    return count
