"""What one box may take from the others: connections, lines, calls that wait. All of it is counted per agent."""

import logging

import anyio
import anyio.lowlevel

from hivelib.base import clock
from hivelib.base.text import shortened

CONNECTIONS = 8
"""Open at once; claude needs one, `hive-wake` one for a moment."""
IN_FLIGHT = 32
"""Requests of a connection that are not answered yet; then it is not read."""
WAITING = 8
"""Calls of `recv` that wait; each has fifos that every ringer must open."""
CARRYING = 64
"""Answers of a connection with mail in them, not confirmed yet; the oldest go back with the turn."""
LINE_MOST = 1 << 20
PREAMBLE_MOST = 4096
"""Bytes of a line, with its end."""
PREAMBLE_SECONDS = 10.0
WRITE_SECONDS = 30.0
"""How long a client may leave an answer unread."""

RATE = 50.0
BURST = 100.0
"""Lines a second, and how many at once. A line over SIZE counts for more: parsing costs by the byte."""
SIZE = 16 * 1024

COMPLAINT_SECONDS = 60.0


log = logging.getLogger("hive-mcp")


class Journal:
    """Lines for the operator: each kind of complaint about an agent at most once a minute, with a count."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def complain(
        self, agent: str, text: str, *, kind: str | None = None, bug: bool = False
    ) -> None:
        """Says `text` unless this `kind` (default: the text itself) was said a moment ago.

        `bug` adds the traceback of the exception that is being handled.
        """
        key, now = (agent, kind or text), clock.monotonic()
        said_at, more = self._said.get(key, (-COMPLAINT_SECONDS, 0))
        if now - said_at < COMPLAINT_SECONDS:
            self._said[key] = (said_at, more + 1)
            return
        if len(self._said) > 1000:
            self._said.clear()
        self._said[key] = (now, 0)
        times = f" ({more} more since the last such line)" if more else ""
        log.warning("%s: %s%s", agent, shortened(text, 300), times, exc_info=bug)


class Guest:
    """What an agent has open here, all its connections together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connections = 0
        self.waiting = 0
        self._turnstile = anyio.Lock()
        self._allowance, self._counted_at = BURST, clock.monotonic()

    async def pay(self, size: int) -> bool:
        """Waits until the agent may have a line of `size` bytes looked at; gives back whether it had to.

        Its connections share one allowance.
        """
        now = clock.monotonic()
        gained = (now - self._counted_at) * RATE
        self._allowance = min(BURST, self._allowance + gained) - 1 - size // SIZE
        self._counted_at = now
        if self._allowance >= 0:
            await anyio.lowlevel.checkpoint()
            return False
        await anyio.sleep(-self._allowance / RATE)
        return True

    async def __aenter__(self) -> None:
        """One call of an agent at a time, so that between two of them every other agent has its turn."""
        await self._turnstile.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._turnstile.release()
