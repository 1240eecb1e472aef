"""What all routes share."""

import threading
from collections.abc import Callable
from typing import Any

import bottle

from hivelib.base.errors import Replaced
from hivelib.face import unit
from hivelib.face.web.answers import TooMany
from hivelib.face.web.guard import Tries
from hivelib.face.web.hub import Hub
from hivelib.flow.opening import Hive
from hivelib.flow.spending import Spending
from hivelib.model.names import OPERATOR
from hivelib.model.records import Caller

SPECTATING = 2
"""How much that is costly (git, journalctl, a search) is drawn at once for all spectators; the pool has 32 threads."""


class Web:
    """What the routes share: a hive for each thread, and the hub."""

    def __init__(self, opener: Callable[[], Hive], hub: Hub, port: int) -> None:
        self._opener, self.hub, self.port = opener, hub, port
        self._threads = threading.local()
        self.tries = Tries()
        self._spectating = threading.BoundedSemaphore(SPECTATING)
        self.cookie = f"hive-{port}"  # cookies know no ports: two hives must not take each other's

    @property
    def hive(self) -> Hive:
        """This thread's open hive; when another lies in its place the service ends, and its socket starts it again."""
        if not hasattr(self._threads, "hive"):
            self._threads.hive = self._opener()
        hive: Hive = self._threads.hive
        try:
            hive.db.still_there()
        except Replaced as error:
            unit.start_anew("hive-dashboard", error)
            raise
        return hive

    @property
    def spending(self) -> Spending:
        """What is known of costs, by the streams too."""
        return self.hub.spending

    @property
    def secret(self) -> str:
        """The secret of this request's session; empty without one."""
        # By hand: another program's cookies come along, and http.cookies fails over one odd name among them.
        for one in bottle.request.environ.get("HTTP_COOKIE", "").split(";"):
            name, _, value = one.strip().partition("=")
            if name == self.cookie:
                return str(value)
        return ""

    def spared(self, route: Callable[..., Any]) -> Callable[..., Any]:
        """The same route, which spectators cannot fill all threads with; one too many is told to try again."""

        def spared(*args: Any, **named: Any) -> Any:
            if self.caller.role == OPERATOR:
                return route(*args, **named)
            if not self._spectating.acquire(blocking=False):
                raise TooMany("too many look at once", "try again in a moment")
            try:
                return route(*args, **named)
            finally:
                self._spectating.release()

        return spared

    @property
    def caller(self) -> Caller:
        """Who speaks; only routes behind the login are called with one."""
        caller: Caller = bottle.request.environ["hive.caller"]
        return caller
