"""hive-dashboard: the page on the socket that systemd holds, or on the hive's port when started by hand."""

import signal
import socket
from collections.abc import Callable

from hivelib.base import sd
from hivelib.face.serve import Server
from hivelib.face.web.app import make_app
from hivelib.face.web.hub import Hub
from hivelib.flow.opening import Hive


def run(opener: Callable[[], Hive]) -> None:
    """Serves the page until SIGTERM or SIGINT; `opener` opens the hive, once for each thread."""
    hive = opener()
    with hive.db:  # while one connection is open, no thread's last one has to tidy up the database
        listener = _listener(hive.settings.web.port)
        hub = Hub(opener)
        server = Server(listener, make_app(opener, hub, listener.getsockname()[1]))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        hub.start()
        server.serve()
        hub.stop()


def _listener(port: int) -> socket.socket:
    if inherited := sd.inherited():
        return socket.socket(fileno=inherited[0])
    return socket.create_server(("127.0.0.1", port), backlog=128)
