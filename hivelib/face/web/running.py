"""hive-dashboard: the page on the sockets that systemd holds, or on the hive's own when started by hand."""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from hivelib.base import sd
from hivelib.face.exchange import Door
from hivelib.face.serve import Server
from hivelib.face.web.app import make_app, make_proxied
from hivelib.face.web.hub import Hub
from hivelib.flow.opening import Hive
from hivelib.model.settings import Web


def run(opener: Callable[[], Hive]) -> None:
    """Serves the page until SIGTERM or SIGINT; `opener` opens the hive, once for each thread."""
    hive = opener()
    with hive.db:  # while one connection is open, no thread's last one has to tidy up the database
        hub, web = Hub(opener), hive.settings.web
        server = Server(*(_door(one, opener, hub, web) for one in _listeners(web)))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        hub.start()
        server.serve()
        hub.stop()


def _door(listener: socket.socket, opener: Callable[[], Hive], hub: Hub, web: Web) -> Door:
    """A unix socket is a proxy's: its place and mode decide who may reach it."""
    if listener.family == socket.AF_UNIX:
        return Door(listener, make_proxied(opener, hub, web.proxy))
    return Door(listener, make_app(opener, hub, listener.getsockname()[1]))


def _listeners(web: Web) -> list[socket.socket]:
    if inherited := sd.inherited():
        return [socket.socket(fileno=fd) for fd in inherited]
    found = [socket.create_server(("127.0.0.1", web.port), backlog=128)]
    if web.proxy.socket:
        with suppress(FileNotFoundError):
            os.unlink(web.proxy.socket)
        one = socket.socket(socket.AF_UNIX)
        before = os.umask(0o117)  # as systemd makes it: SocketMode=0660
        one.bind(web.proxy.socket)
        os.umask(before)
        one.listen(128)
        found.append(one)
    return found
