"""One request and its answer between the server and a WSGI application: whole in, whole out, no socket in sight."""

import io
import socket
import sys
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol
from wsgiref.handlers import SimpleHandler
from wsgiref.headers import Headers
from wsgiref.types import WSGIApplication

from hivelib.face.egress.message import Malformed, Request, parse_request, request_framing

HEAD_MOST = 32 * 1024
BODY_MOST = 64 * 1024
STREAM = "hive.stream"
"""The environ key of a function that makes this answer a stream: give it a Streaming and return an empty body."""


class Door(NamedTuple):
    """A listening socket and the application that answers who comes by it."""

    listener: socket.socket
    app: WSGIApplication

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; a unix socket has no port."""
        name = self.listener.getsockname()
        return name[:2] if self.listener.family == socket.AF_INET else ("localhost", 0)


class Outlet(Protocol):
    """The sending end of a stream; both may be called from any thread."""

    def send(self, data: bytes, also: Sequence["Outlet"] = ()) -> None:
        """Queues data for the client, and for others of the same server; one that does not read is cut off in time."""

    def close(self) -> None:
        """Ends the stream after what was queued."""


class Streaming(Protocol):
    """What feeds a stream; called by the server's own thread, so it must not wait for anything."""

    def joined(self, outlet: Outlet) -> None:
        """The client is there and has the head of its answer."""

    def left(self, outlet: Outlet) -> None:
        """The client is gone."""


class Fault(Exception):
    """A request that is answered without asking the application: status line and words."""

    def __init__(self, status: str, words: str) -> None:
        super().__init__(words)
        self.status = status


class Incoming(NamedTuple):
    """A request with all of its body."""

    request: Request
    body: bytes


class Outgoing(NamedTuple):
    """An answer: its bytes, whether the connection may carry another, and what goes on feeding it."""

    data: bytes
    keep: bool
    streaming: Streaming | None = None


def take(buffer: bytearray) -> Incoming | int:
    """Takes the first whole request out of `buffer`; while it is not all there, how many bytes must be there before it
    is worth looking again. Raises Fault.
    """
    end = buffer.find(b"\r\n\r\n") + 4
    if end < 4 or end > HEAD_MOST:
        if len(buffer) > HEAD_MOST:
            raise Fault(
                "431 Request Header Fields Too Large", "the head of this request is too long"
            )
        return len(buffer) + 1
    try:
        request = parse_request(bytes(buffer[:end]))
        framing = request_framing(request)
    except Malformed as error:
        raise Fault("400 Bad Request", str(error)) from None
    if not request.target.startswith("/"):
        raise Fault("400 Bad Request", "this is no proxy")
    if framing.kind not in ("none", "length"):
        raise Fault("501 Not Implemented", "send a body with Content-Length")
    if framing.length > BODY_MOST:
        raise Fault("413 Content Too Large", f"a body may have {BODY_MOST} bytes")
    whole = end + framing.length
    if len(buffer) < whole:
        return whole
    body = bytes(buffer[end:whole])
    del buffer[:whole]
    return Incoming(request, body)


def refusal(fault: Fault) -> Outgoing:
    """The answer to a request that the application never sees."""
    body = f"{fault}\n".encode("ascii", "replace")
    head = (
        f"HTTP/1.1 {fault.status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return Outgoing(head.encode() + body, False)


def answer(
    app: WSGIApplication, incoming: Incoming, address: tuple[str, int], peer: str
) -> Outgoing:
    """Asks the application, which listens on `address`; an exception of its own becomes a plain 500 and a traceback
    on stderr."""
    handler = _Handler(incoming, address, peer)
    handler.run(app)
    return Outgoing(handler.written.getvalue(), handler.keep, handler.streaming)


def environ(incoming: Incoming, address: tuple[str, int], peer: str) -> dict[str, Any]:
    """What WSGI tells an application of a request. Fields with `_` in their name are left out: they would look like
    ones with `-`."""
    request = incoming.request
    path, _, query = request.target.partition("?")
    found: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": urllib.parse.unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": address[0],
        "SERVER_PORT": str(address[1]),
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": peer,
        "CONTENT_LENGTH": str(len(incoming.body)),
    }
    for name, value in request.fields:
        key = name.upper().replace("-", "_")
        if "_" in name or key == "CONTENT_LENGTH":
            continue
        if key != "CONTENT_TYPE":
            key = f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ", "
        found[key] = f"{found[key]}{joint}{value}" if key in found else value
    return found


class _Handler(SimpleHandler):
    """wsgiref's handler, writing into memory."""

    http_version = "1.1"
    os_environ: dict[str, str] = {}  # what the process was started with is nobody's business
    wsgi_multithread = True
    wsgi_multiprocess = False
    headers: Headers
    status: str

    def __init__(self, incoming: Incoming, address: tuple[str, int], peer: str) -> None:
        self.written = io.BytesIO()
        self.streaming: Streaming | None = None
        wishes = ",".join(v for name, v in incoming.request.fields if name == "connection").lower()
        self.keep = incoming.request.version == "1.1" and "close" not in wishes
        base = environ(incoming, address, peer)
        base[STREAM] = self._stream
        super().__init__(io.BytesIO(incoming.body), self.written, sys.stderr, base)

    @property
    def _stream(self) -> Callable[[Streaming], None]:
        def begin(streaming: Streaming) -> None:
            if self.base_env["REQUEST_METHOD"] != "HEAD":  # which has no body, so also no stream
                self.streaming = streaming

        return begin

    def cleanup_headers(self) -> None:
        """Decides how the answer's end is found: by its length, else by the connection's end."""
        if self.streaming:
            del self.headers["Content-Length"]
            self.keep = False
        else:
            bodiless = self.base_env["REQUEST_METHOD"] == "HEAD" or self.status[:3] in (
                "204",
                "304",
            )
            if not bodiless:
                super().cleanup_headers()
            self.keep = self.keep and ("Content-Length" in self.headers or bodiless)
        if not self.keep:
            self.headers["Connection"] = "close"
