"""A server on a port of its own with an application of the test's, and what is sent to it byte for byte."""

import contextlib
import io
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.types import WSGIApplication

from hivelib.face import serve
from hivelib.face.exchange import STREAM, Door, Outlet

Start = Callable[[WSGIApplication], int]


@contextlib.contextmanager
def starting() -> Iterator[Start]:
    """Gives a function that serves an application and gives back its port."""
    running: list[tuple[serve.Server, threading.Thread, socket.socket]] = []

    def started(app: WSGIApplication) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        server = serve.Server(Door(listener, app))
        thread = threading.Thread(target=server.serve)
        thread.start()
        running.append((server, thread, listener))
        return int(listener.getsockname()[1])

    yield started
    for server, thread, listener in running:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()
        listener.close()


@contextlib.contextmanager
def full_log() -> Iterator[None]:
    """What is said on stderr finds no room meanwhile."""
    before = sys.stderr
    with io.TextIOWrapper(open("/dev/full", "wb", buffering=0), write_through=True) as full:
        sys.stderr = full
        try:
            yield
        finally:
            sys.stderr = before


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Says what it was asked."""
    body = environ["wsgi.input"].read()
    told = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {body.decode('latin-1')}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(told)))])
    return [told]


def ask(port: int, data: bytes, end: bool = True) -> bytes:
    """Sends bytes, ends its own side, and gives back all that came until the other side ended too."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        with contextlib.suppress(OSError):
            link.sendall(data)
            if end:
                link.shutdown(socket.SHUT_WR)
        got = b""
        with contextlib.suppress(ConnectionError):
            while block := link.recv(65536):
                got += block
        return got


def get(path: str = "/", *more: str, version: str = "1.1") -> bytes:
    """The head of a GET."""
    lines = [f"GET {path} HTTP/{version}", "Host: x", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def is_reset(link: socket.socket) -> bool:
    """Whether the other side has let go of a connection."""
    try:
        link.sendall(b"x")
    except OSError:
        return True
    return False


class Kept:
    """A stream whose outlets the test keeps."""

    def __init__(self) -> None:
        self.outlets: list[Outlet] = []
        self.gone: list[Outlet] = []

    def app(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream"), ("Content-Length", "0")])
        environ[STREAM](self)
        return []

    def joined(self, outlet: Outlet) -> None:
        self.outlets.append(outlet)

    def left(self, outlet: Outlet) -> None:
        self.gone.append(outlet)
