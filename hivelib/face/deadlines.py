"""Until when somebody has time. Looked at before each sleep, so it must cost nothing while nobody is late."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from hivelib.base import clock

_STEP = 0.25
"""Deadlines are rounded up to whole multiples of this, so that many of them pass together."""
Who = TypeVar("Who")


class Deadlines(Generic[Who]):
    """A deadline for each of many. `_due` is never later than the first of them: all are looked through only then."""

    def __init__(self) -> None:
        self._until: dict[Who, float] = {}
        self._due: float | None = None

    def give(self, who: Who, seconds: float) -> None:
        """Lets somebody have so much time from now on, whatever they had before."""
        until = ((clock.monotonic() + seconds) // _STEP + 1) * _STEP
        self._until[who] = until
        self._due = until if self._due is None else min(self._due, until)

    def forget(self, who: Who) -> None:
        """Takes a deadline away; fine when there is none."""
        self._until.pop(who, None)

    def patience(self) -> float | None:
        """Seconds that one may sleep; None: as long as one likes."""
        return None if self._due is None else max(0.0, self._due - clock.monotonic()) + 0.001

    def passed(self) -> list[Who]:
        """Who is late now."""
        now = clock.monotonic()
        if self._due is None or now < self._due:
            return []
        self._due = min((until for until in self._until.values() if until > now), default=None)
        return [who for who, until in self._until.items() if until <= now]

    def until(self, who: Who) -> float:
        """When somebody's time is over, as the monotonic clock has it."""
        return self._until[who]

    def __iter__(self) -> Iterator[Who]:
        """Everybody who has a deadline."""
        return iter(self._until)
