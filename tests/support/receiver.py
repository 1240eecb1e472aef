"""A notification service on the loopback: what apprise's json:// posts to it is kept, as it came."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What came (`got`), what it answers (`status`), and whether it answers at all (`answers`)."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        """Keeps what comes to this server."""
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        self.asked = 0
        self._port = server.server_address[1]

    def url(self, path: str = "") -> str:
        """The address of this service as apprise has it; two paths are two addresses."""
        return f"json://user:secret-word@127.0.0.1:{self._port}/{path}"

    @property
    def bodies(self) -> list[str]:
        """The notifications' texts."""
        return [message["message"] for message in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Runs the service for as long as the block does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.asked += 1
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.answers.wait(60)
            if receiver.status == 200:
                receiver.got.append(message)
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver = Receiver(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield receiver
        finally:
            receiver.answers.set()
            server.shutdown()
