"""One request and its answer between the server and a WSGI application: whole in, whole out, no socket in sight."""

import io
import socket
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol
from wsgiref.handlers import SimpleHandler
from wsgiref.headers import Headers
from wsgiref.types import WSGIApplication

from hivelib.base import journal
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
    app: WSGIApplication,
    incoming: Incoming,
    address: tuple[str, int],
    peer: str,
    early: Callable[[bytes], None],
) -> Outgoing:
    """Asks the application, which listens on `address`; an exception of its own becomes a plain 500 and a traceback
    on stderr. What is there of an answer before its length is known is given to `early`; what comes back follows it."""
    handler = _Handler(incoming, address, peer, early)
    handler.run(app)
    return Outgoing(handler.taken(), handler.keep, handler.streaming)


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
    result: Iterable[bytes] | None

    def __init__(
        self,
        incoming: Incoming,
        address: tuple[str, int],
        peer: str,
        early: Callable[[bytes], None],
    ) -> None:
        self._written = io.BytesIO()
        self._early = early
        self.streaming: Streaming | None = None
        wishes = ",".join(v for name, v in incoming.request.fields if name == "connection").lower()
        self.keep = incoming.request.version == "1.1" and "close" not in wishes
        base = environ(incoming, address, peer)
        base[STREAM] = self._stream
        super().__init__(io.BytesIO(incoming.body), self._written, journal.ERRORS, base)

    def taken(self) -> bytes:
        """What was written since somebody took it."""
        data = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        return data

    @property
    def _stream(self) -> Callable[[Streaming], None]:
        def begin(streaming: Streaming) -> None:
            if self.base_env["REQUEST_METHOD"] != "HEAD":  # which has no body, so also no stream
                self.streaming = streaming

        return begin

    @property
    def _bodiless(self) -> bool:
        return self.base_env["REQUEST_METHOD"] == "HEAD" or self.status[:3] in ("204", "304")

    def cleanup_headers(self) -> None:
        """Decides how the answer's end is found: by its length, by its last chunk, or by the connection's end."""
        if self.streaming:
            del self.headers["Content-Length"]
            self.keep = False
        elif not self._bodiless:
            super().cleanup_headers()
            if self.keep and "Content-Length" not in self.headers:
                self.headers["Transfer-Encoding"] = "chunked"
        if not self.keep:
            self.headers["Connection"] = "close"

    def finish_response(self) -> None:
        """Sends an answer whose length nobody knows piece by piece, while its rest is made; what fails on the way
        cannot be taken back, so it ends without an end."""
        if self.streaming or self._bodiless or isinstance(self.result, list):
            super().finish_response()
            return
        keep = self.keep
        self.send_headers()
        self.keep = False
        for piece in filter(None, self.result or ()):
            self._written.write(b"%x\r\n%b\r\n" % (len(piece), piece) if keep else piece)
            self._early(self.taken())
        self._written.write(b"0\r\n\r\n" if keep else b"")
        self.keep = keep
        self.close()
