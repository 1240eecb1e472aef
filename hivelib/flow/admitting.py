"""Who may use the page: a one-time link becomes a session. Only hashes are kept, so a read database lets nobody in."""

import hashlib
import secrets
from contextlib import suppress
from typing import NamedTuple

from hivelib.base import bell, clock
from hivelib.base.errors import NotNow, Refused
from hivelib.flow.opening import Hive
from hivelib.model.events import OperatorLoggedIn, SessionEnded
from hivelib.model.names import OPERATOR
from hivelib.model.records import Caller
from hivelib.store import events, web

LOGIN_SECONDS = 600.0
SESSION_SECONDS = 30 * 86400.0
_SEEN_SECONDS = 3600.0


SPECTATOR = "spectator"
"""The role of who may look at everything and do nothing."""
_SHOWN = 12  # characters of a hash that name a session


class Session(NamedTuple):
    """An open session: the beginning of its hash, its role, times in UTC seconds, the address it came from."""

    id: str
    role: str
    created_at: float
    seen_at: float
    address: str


def invite(hive: Hive, role: str = OPERATOR) -> str:
    """Makes a one-time token that lets somebody in within ten minutes, as operator or spectator."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    with hive.db.write() as db:
        web.add_login(db, digest(token), role, now, now + LOGIN_SECONDS)
    return token


def link(hive: Hive, role: str = OPERATOR) -> str:
    """Where a browser on this machine uses a new one-time token."""
    return f"http://127.0.0.1:{hive.settings.web.port}/login?token={invite(hive, role)}"


def is_served(hive: Hive) -> bool:
    """Whether anybody listens at the page's address; systemd does, before the page itself runs."""
    import socket

    try:
        socket.create_connection(("127.0.0.1", hive.settings.web.port), timeout=2).close()
    except OSError:
        return False
    return True


def admit(hive: Hive, token: str, address: str) -> str:
    """Exchanges a one-time token for the secret of a new session; Refused when it is unknown, used or too old."""
    secret = secrets.token_urlsafe(32)
    now = clock.now()
    with hive.db.write() as db:
        role = web.take_login(db, digest(token), now)
        if role is not None:
            web.add_session(db, digest(secret), role, now, now + SESSION_SECONDS, address)
            events.record(db, OperatorLoggedIn(role, surface="web", address=address), at=now)
    if role is None:
        raise Refused(
            "this link was used before, or is too old", "make another: `hive-dashboard-url`"
        )
    bell.ring(hive.paths.bell, "events")
    return secret


def admitted(hive: Hive, secret: str) -> Caller | None:
    """Who a session's secret stands for; None when there is no such session any more."""
    now = clock.now()
    found = web.session(hive.db, digest(secret), now)
    if found is None:
        return None
    role, seen_at = found
    if seen_at < now - _SEEN_SECONDS:
        with suppress(NotNow), hive.db.write(durable=False) as db:  # reading works on a full disk
            web.note_seen(db, digest(secret), now)
    return Caller(role, role, "web")


def leave(hive: Hive, secret: str) -> bool:
    """Ends the session of that secret; False when there was none."""
    return _end(hive, digest(secret), "itself")


def is_own(secret: str, beginning: str) -> bool:
    """Whether that is the session of this secret, named as `sessions` names it."""
    return bool(secret) and digest(secret)[:_SHOWN] == beginning


def end_session(hive: Hive, caller: Caller, beginning: str) -> bool:
    """Ends another session, named as `sessions` names it; False when there is none."""
    if len(beginning) != _SHOWN:
        raise Refused("that names no session", "the page lists them, 12 characters of each")
    return _end(hive, beginning, caller.name)


def sessions(hive: Hive) -> list[Session]:
    """The open sessions, newest first."""
    found = web.sessions(hive.db, clock.now())
    return [Session(one[0][:_SHOWN], *one[1:]) for one in found]


def _end(hive: Hive, beginning: str, by: str) -> bool:
    with hive.db.write() as db:
        ended = web.drop_session(db, beginning) > 0
        if ended:
            events.record(db, SessionEnded(OPERATOR, session=beginning[:_SHOWN], by=by))
    bell.ring(hive.paths.bell, "events")
    return ended


def digest(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so a plain hash cannot be turned round."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
