"""From a name to addresses: asked once for each request, on the host, in threads that one agent cannot use up."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from hivelib.model.egress import Address

Resolve = Callable[[str, int], list[Address]]

SECONDS = 15.0
THREADS = 32
THREADS_EACH = 4
"""A box that asks for names whose servers are silent keeps only this many threads waiting."""


class Unknown(Exception):
    """The name leads nowhere; the text says why."""


class Names:
    """Looks names up by `resolve` (name, port → addresses, OSError if there are none), which may block."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolve")
        self._busy: Counter[str] = Counter()

    async def look_up(self, agent: str, name: str, port: int) -> list[Address]:
        """The addresses of a name, asked once; Unknown when there are none, or not in time."""
        if self._busy[agent] >= THREADS_EACH:
            raise Unknown("too many names are being looked up for this box; try again")
        self._busy[agent] += 1
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._threads, self._resolve, name, port)
        answer.add_done_callback(lambda done: self._done(agent, done))
        try:  # shielded: the thread is counted until it is really free, not until somebody stops waiting
            found = await asyncio.wait_for(asyncio.shield(answer), SECONDS)
        except TimeoutError:
            raise Unknown(f"its name was not resolved within {SECONDS:.0f} s") from None
        except (OSError, ValueError) as error:  # UnicodeError is a ValueError
            raise Unknown(f"its name cannot be resolved: {error.args[-1]}") from None
        if not found:
            raise Unknown("its name has no address")
        return found

    def _done(self, agent: str, answer: "asyncio.Future[list[Address]]") -> None:
        self._busy[agent] -= 1
        if not self._busy[agent]:
            del self._busy[agent]
        if not answer.cancelled():
            answer.exception()  # fetched, so that a late failure is not told to the log as never looked at


def system_resolve(name: str, port: int) -> list[Address]:
    """The system's resolver; OSError when it knows nothing."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    families = (socket.AF_INET, socket.AF_INET6)
    return list(dict.fromkeys(ip_address(at[0]) for family, *_, at in found if family in families))
