"""The page while its database cannot be opened: whoever comes is told why, in place of a connection that ends."""

import json
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from hivelib.base.errors import HiveError, NotNow
from hivelib.face import unit
from hivelib.face.web.guard import Site, guarded
from hivelib.flow.opening import Hive


def make_unopened(opener: Callable[[], Hive], site: Site) -> WSGIApplication:
    """Answers every request with 503 and what is wrong. Once the hive can be opened it ends this process, whose socket
    starts the next one."""

    def answered(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        why = _why(opener)
        if why is None:
            why = NotNow("the hive is there again", "load the page once more")
            unit.start_anew("hive-dashboard", why)
        is_api = environ["PATH_INFO"].startswith("/api/")
        data = {"error": why.message, "hint": why.hint}
        body = (json.dumps(data) if is_api else f"Not possible: {why}\n").encode()
        kind = "application/json" if is_api else "text/plain; charset=utf-8"
        head = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Retry-After", "2")]
        start_response("503 Service Unavailable", head)
        return [body] if environ["REQUEST_METHOD"] != "HEAD" else []

    return guarded(answered, site)


def _why(opener: Callable[[], Hive]) -> HiveError | None:
    try:
        opener().db.close()
    except HiveError as error:
        return error
    return None
