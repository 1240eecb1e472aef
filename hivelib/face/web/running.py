"""hive-dashboard: the page on the sockets that systemd holds, or on the hive's own when started by hand."""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from hivelib.base import journal, sd
from hivelib.base.errors import HiveError
from hivelib.face.exchange import Door
from hivelib.face.serve import Server
from hivelib.face.web.app import make_app, make_proxied
from hivelib.face.web.guard import Site, loopback
from hivelib.face.web.hub import Hub
from hivelib.face.web.unopened import make_unopened
from hivelib.flow.opening import Hive, open_hive
from hivelib.model.settings import Settings, Web


def run(settings: Settings) -> None:
    """Serves the page until SIGTERM or SIGINT. On sockets that systemd holds it serves also when the hive cannot be
    opened: then it says why, for nobody else would answer there. Raises HiveError when started by hand."""

    def opener() -> Hive:
        return open_hive(settings)  # once for each thread

    held = [socket.socket(fileno=fd) for fd in sd.inherited()]
    try:
        hive = opener()
    except HiveError as error:
        if not held:
            raise
        journal.note("hive-dashboard", str(error))
        _serve(Server(*(_shut(one, opener, settings.web) for one in held)))
        return
    with hive.db:  # while one connection is open, no thread's last one has to tidy up the database
        hub, web = Hub(opener), settings.web
        server = Server(*(_door(one, opener, hub, web) for one in held or _own(web)))
        hub.start()
        _serve(server)
        hub.stop()


def _serve(server: Server) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    server.serve()


def _door(listener: socket.socket, opener: Callable[[], Hive], hub: Hub, web: Web) -> Door:
    """A unix socket is a proxy's: its place and mode decide who may reach it."""
    if listener.family == socket.AF_UNIX:
        return Door(listener, make_proxied(opener, hub, web.proxy))
    return Door(listener, make_app(opener, hub, listener.getsockname()[1]))


def _shut(listener: socket.socket, opener: Callable[[], Hive], web: Web) -> Door:
    """The same door while there is no page behind it."""
    proxied = listener.family == socket.AF_UNIX
    site = (
        Site(frozenset({web.proxy.host}), "https")
        if proxied
        else loopback(listener.getsockname()[1])
    )
    return Door(listener, make_unopened(opener, site))


def _own(web: Web) -> list[socket.socket]:
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
