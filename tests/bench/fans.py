"""Two processes for measuring one event to many: who follows a stream many times, and the server that ours is compared
with (wsgiref, a thread for each client that waits on a condition).

usage: python -m tests.bench.fans follow PORT COUNT: the head of a request as JSON on stdin; says `ready`, then for each
event a JSON list of when each client had all of it.
usage: python -m tests.bench.fans serve: an event's bytes as JSON on stdin; says its port, then each line is one event.
Times are of the machine's monotonic clock, in seconds.
"""

import json
import resource
import selectors
import socket
import sys
import threading
import time
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


def follow(port: int, count: int) -> None:
    """Reads `count` streams until stdin ends."""
    head = json.loads(sys.stdin.readline()).encode()
    selector = selectors.DefaultSelector()
    buffers: dict[socket.socket, bytes] = {}
    for _ in range(count):
        link = socket.create_connection(("127.0.0.1", port))
        link.sendall(head)
        got = b""
        while not got.endswith(b"\n\n"):  # what a stream begins with
            got += link.recv(65536)
        buffers[link] = b""
        selector.register(link, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("ready", flush=True)
    times: list[float] = []
    while True:
        for key, _ in selector.select():
            link = key.fileobj  # type: ignore[assignment]
            if link is sys.stdin:
                return
            data = buffers[link] + link.recv(65536)
            now = time.monotonic()
            *frames, buffers[link] = data.split(b"\n\n")
            times += [now for frame in frames if b"data: " in frame]
            if len(times) == count:
                print(json.dumps(times), flush=True)
                times = []


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Threads(ThreadingMixIn, WSGIServer):
    """A thread for each client."""

    daemon_threads = True
    request_queue_size = 512


def serve() -> None:
    """Sends the same event to all clients for each line of stdin."""
    frame = json.loads(sys.stdin.readline()).encode()
    changed = threading.Condition()
    sent = 0

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        seen = sent
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        yield b"retry: 1000\n\n"
        while True:
            with changed:
                while seen == sent:
                    changed.wait()
            seen += 1
            yield frame

    with Threads(("127.0.0.1", 0), Quiet) as server:
        server.set_app(app)
        threading.Thread(target=server.serve_forever, args=(60,), daemon=True).start()
        print(server.server_port, flush=True)
        for _ in sys.stdin:
            with changed:
                sent += 1
                changed.notify_all()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    if sys.argv[1] == "follow":
        follow(int(sys.argv[2]), int(sys.argv[3]))
    else:
        serve()
