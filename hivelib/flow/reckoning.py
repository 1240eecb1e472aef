"""Sums up turns: how many, how they ended, what they cost."""

from typing import NamedTuple

from hivelib.base import clock
from hivelib.flow.opening import Hive
from hivelib.store import turns

HOUR, DAY = 3600.0, 86400.0


class Span(NamedTuple):
    """The ended turns that began in the span which begins at `at`; `cost` in USD, `tokens` of output."""

    at: float
    ok: int
    bad: int
    cost: float
    tokens: int


class Share(NamedTuple):
    """An agent's part: `seconds` in turns, `cost` in USD, `tokens` of output."""

    agent: str
    turns: int
    ok: int
    seconds: float
    cost: float
    tokens: int


def spans(hive: Hive, width: float, count: int, agent: str | None = None) -> list[Span]:
    """The newest `count` spans of `width` seconds, oldest first; they begin at whole multiples of it, in UTC."""
    last = clock.now() // width * width
    first = last - (count - 1) * width
    found = [Span(first + index * width, 0, 0, 0.0, 0) for index in range(count)]
    for index, outcome, number, cost, tokens in turns.summed(hive.db, first, width, agent):
        if 0 <= index < count:  # a turn may have begun while we reckoned
            one, ok = found[index], number if outcome == "ok" else 0
            found[index] = Span(
                one.at,
                one.ok + ok,
                one.bad + number - ok,
                one.cost + cost,
                one.tokens + tokens,
            )
    return found


def shares(hive: Hive, days: int) -> list[Share]:
    """What each agent did in so many days, the dearest first."""
    return [Share(*row) for row in turns.by_agent(hive.db, clock.now() - days * DAY)]
