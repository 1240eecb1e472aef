"""Who may speak to the page at all: what is checked of every request before any route sees it, and the headers of every
answer.

A foreign page in the operator's browser can send us requests, also by a name of its own that it points at 127.0.0.1
(DNS rebinding), and cookies know no ports. So the Host must be ours, and whatever changes something must say that it
comes from a page of ours. `Referrer-Policy` is same-origin, not no-referrer: with that, browsers send `Origin: null`
with our own forms.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from wsgiref.headers import Headers
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from hivelib.base import clock

_ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HARMLESS = frozenset({"GET", "HEAD"})
TRIES = 10
TRIES_SECONDS = 60.0


class Site(NamedTuple):
    """Where a browser has the page: by which names, and by http or https."""

    hosts: frozenset[str]
    scheme: str = "http"


def loopback(port: int) -> Site:
    """The page at 127.0.0.1:`port`."""
    names = ("127.0.0.1", "localhost")
    return Site(frozenset({f"{name}:{port}" for name in names}.union(names if port == 80 else ())))


def guarded(app: WSGIApplication, site: Site) -> WSGIApplication:
    """The same application for requests that come from pages of this site only, with safe headers."""

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], *more: Any
        ) -> Callable[[bytes], object]:
            safe = Headers(headers)
            safe.setdefault("Cache-Control", "no-store")
            for name, value in _ALWAYS.items():
                safe[name] = value
            return start_response(status, safe.items(), *more)

        if why := why_not(environ, site):
            body = f"{why}\n".encode()
            head = [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
            ]
            start("403 Forbidden", head)
            return [body] if environ["REQUEST_METHOD"] != "HEAD" else []
        return app(environ, start)

    return checked


def why_not(environ: WSGIEnvironment, site: Site) -> str:
    """Why a request is refused before anybody looks at it; empty when it is not."""
    host = environ.get("HTTP_HOST", "")
    if host not in site.hosts:
        return f"this page is at {site.scheme}://{min(site.hosts)}"
    if not _is_plain(environ["PATH_INFO"]):
        return "there is no such page"
    if why := _from_elsewhere(environ):
        return why
    if environ["REQUEST_METHOD"] in _HARMLESS:
        return ""
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return f"a change must say where it comes from: Origin: {site.scheme}://{host}"
    return "" if origin == f"{site.scheme}://{host}" else "a change must come from this page"


def _is_plain(path: str) -> bool:
    """Whether each character of a path counts; else bottle leaves out what is no UTF-8, and a newline at the end."""
    try:
        return path.encode("latin-1").decode().isprintable()
    except UnicodeDecodeError:
        return False


def _from_elsewhere(environ: WSGIEnvironment) -> str:
    """Why not, when a browser says that another page asks for more than to show ours in a window of its own.

    A page at another port is of the same site for a browser, so cookies that are SameSite=Strict come along.
    """
    if environ.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin"):
        return ""
    shown = environ.get("HTTP_SEC_FETCH_MODE"), environ.get("HTTP_SEC_FETCH_DEST")
    return "" if shown == ("navigate", "document") else "another page may only lead here"


class Tries:
    """Counts failed tries of all comers; too many in a minute, and nobody is heard until it is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: deque[float] = deque(maxlen=TRIES)

    def retry_after(self) -> float:
        """Seconds until the next try is heard; 0 when it may be made now."""
        with self._lock:
            if len(self._failed) < TRIES:
                return 0.0
            return max(0.0, self._failed[0] + TRIES_SECONDS - clock.monotonic())

    def failed(self) -> None:
        """A try failed."""
        with self._lock:
            self._failed.append(clock.monotonic())
