"""A notification service on the loopback: what apprise's json:// posts to it is kept, as it came."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hivelib.flow.opening import Hive
from hivelib.model.settings import Notify


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


def telling(hive: Hive, *urls: str, **limits: float) -> Hive:
    """The hive once its operator wants to be told at these addresses."""
    path = Path(hive.paths.state, "urls")
    path.write_text("# where I am\n\n" + "".join(f"  {url}\n" for url in urls))
    path.chmod(0o600)
    wanted = Notify(urls_file=str(path), group_seconds=0.0)._replace(**limits)
    return hive._replace(settings=hive.settings._replace(notify=wanted))
