"""What agents have spent, and the newest turn of each: added up once, and from then on only what is new."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from hivelib.base.db import Database
from hivelib.model.records import Turn
from hivelib.store import turns

Who = tuple[str, int]
"""An agent's name and its incarnation."""


class Spent(NamedTuple):
    """USD of an agent's ended turns, and the newest of them."""

    cost: float
    last: Turn


class Spending:
    """What is known of it, kept by a page that lives long: turns that have ended do not change any more."""

    def __init__(self) -> None:
        self._known: tuple[int, Mapping[Who, Spent]] = (0, {})

    def now(self, db: Database, running: Collection[Turn]) -> Mapping[Who, Spent]:
        """Each agent that has had a turn which ended; `running` are the turns that have not, of the same snapshot."""
        upto, known = self._known
        first = min((turn.id for turn in running), default=turns.newest(db) + 1)
        if first - 1 > upto:
            upto, known = first - 1, _more(db, known, upto, first - 1)
            self._known = (upto, known)  # one assignment: threads may share it
        return _more(db, known, upto) if running else known


def _more(
    db: Database, known: Mapping[Who, Spent], after: int, upto: int | None = None
) -> Mapping[Who, Spent]:
    """What is known, and the ended turns from there on."""
    found = turns.spent(db, after, upto)
    if not found:
        return known
    newest = {turn.id: turn for turn in turns.several(db, [last for *_, last in found])}
    sums = dict(known)
    for agent, incarnation, cost, last in found:
        before = sums.get((agent, incarnation))
        sums[agent, incarnation] = Spent(cost + (before.cost if before else 0.0), newest[last])
    return sums
