"""The way out of a box: everything that an agent with an open allow-list may still not reach."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.attacks.intruder import Box
from tests.attacks.rig import Attacked
from tests.support.hive import KEY

LOOPBACK = (
    *("127.0.0.1", "127.1", "127.0.0.2", "0.0.0.0", "0", "0x7f.0.0.1", "0177.0.0.1", "2130706433"),
    *("localhost", "LOCALHOST.", "ip6-localhost", "[::1]", "[::]", "[::ffff:127.0.0.1]"),
    *(
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1%25lo]",
        "127.0.0.1.nip.io",
    ),
    *("169.254.169.254", "10.0.0.1", "192.168.0.1", "224.0.0.1", "user@127.0.0.1", "127。0。0。1"),
)
REFUSED = {400, 451, 502}


class Server:
    """A server on the host's loopback that must not be reached; it notes whoever comes, and sends them on."""

    def __init__(self, location: str = "") -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.came: list[bytes] = []
        self.location = location

    def serve(self) -> None:
        """Answers until the socket is closed."""
        head = f"HTTP/1.1 302 Found\r\nLocation: {self.location}\r\nContent-Length: 0\r\n\r\n"
        while True:
            try:
                caller, _ = self.socket.accept()
            except OSError:
                return
            with caller:
                self.came.append(caller.recv(4096))
                caller.sendall(head.encode())


@contextmanager
def serving(location: str = "") -> Iterator[Server]:
    """A server as long as the block runs."""
    server = Server(location)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.socket.shutdown(socket.SHUT_RDWR)
        server.socket.close()
        thread.join()


def own_addresses() -> list[str]:
    """The names and addresses by which this machine is known outside."""
    told = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=False).stdout
    found = [line.split()[3].split("/")[0] for line in told.splitlines() if len(line.split()) > 3]
    return [socket.gethostname(), *(f"[{one}]" if ":" in one else one for one in found)]


def go_out(box: Box, hosts: list[str], port: int) -> Any:
    """Asks for a port of each host, as a request and as a tunnel."""
    told = {
        host: [box.get(f"http://{host}:{port}/x"), box.tunnel(f"{host}:{port}")] for host in hosts
    }
    sly = {
        "other host header": f"GET http://x.invalid/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
        "two hosts": f"GET http://x.invalid/ HTTP/1.1\r\nHost: x.invalid\r\nHost: 127.0.0.1:{port}\r\n\r\n",
        "only a path": f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
        "no host": f"GET http:/127.0.0.1:{port}/ HTTP/1.0\r\n\r\n",
        "other scheme": f"GET unix://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
        "smuggled": "POST http://x.invalid/ HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        f"0\r\n\r\nGET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
        "after a refusal": f"GET http://x.invalid/ HTTP/1.1\r\n\r\nGET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n",
        "claims to be": f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nX-Hive-Agent: manager\r\n\r\n",
    }
    for name, request in sly.items():
        told[name] = [
            int(box.proxy(request.encode(), direct=way)[9:12] or 0) for way in (False, True)
        ]
    return told


def test_no_port_of_the_host_is_reached(attacked: Attacked) -> None:
    """By an agent to whom those very ports are open on the whole public internet."""
    hive = attacked.hive
    web = hive.hive.settings.web.port
    with serving() as server:
        attacked.spawn("carol", egress=["*", f"*:{server.port}", f"*:{web}"])
        hosts = [*LOOPBACK, *own_addresses()]
        told = attacked.attack("carol", go_out, hosts=hosts, port=server.port)
        assert server.came == []
    let_through = {host: how for host, how in told.items() if not set(how) <= REFUSED}
    assert let_through == {}
    hive.systemctl("stop", "hive-dashboard.service")  # another test may have called the page
    told = attacked.attack("carol", go_out, hosts=["127.0.0.1", "localhost", "[::1]"], port=web)
    assert all(set(how) <= REFUSED for how in told.values())
    assert hive.unit("hive-dashboard.service") != "active"  # nobody has called it
    hive.until_value(
        "SELECT count(*) FROM events WHERE kind = 'egress_refused' AND subject = 'carol'"
    )
    hosts = [one["host"] for one in attacked.events("egress_refused", "carol")]
    assert f"127.0.0.1:{web}" in hosts
    attacked.journal("hive-egress", f"carol: refused 127.0.0.1:{web}: leads to 127.0.0.1")
    outside = [one for one in own_addresses()[1:] if one not in LOOPBACK]
    for host in ("127.0.0.1", "localhost", "[::1]", "10.0.0.1", *outside):
        attacked.journal("hive-egress", f"carol: refused {host}:{server.port}: leads to ")
    attacked.journal("hive-egress", "carol: refused -: malformed request")


def follow(box: Box, url: str) -> Any:
    """Goes to a page, and where it sends it."""
    first = box.proxy(f"GET {url} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    location = next(
        line[10:].decode()
        for line in first.split(b"\r\n")
        if line.lower().startswith(b"location: ")
    )
    return {"first": int(first[9:12]), "location": location, "then": box.get(location)}


def test_a_redirect_leads_nowhere_new(attacked: Attacked) -> None:
    with serving() as aim, serving(f"http://127.0.0.1:{aim.port}/") as listed:
        attacked.spawn("dave", egress=[f"127.0.0.1:{listed.port}"])
        told = attacked.attack("dave", follow, url=f"http://127.0.0.1:{listed.port}/")
        assert aim.came == [] and len(listed.came) == 1
    assert (told["first"], told["then"]) == (302, 451)
    attacked.journal("hive-egress", f"dave: refused 127.0.0.1:{aim.port}: not in the allow-list")


def use_anothers_list(box: Box, url: str) -> Any:
    """Asks for what only another agent may reach, and for the model's API with and without its own key."""
    api = box.proxy(b"GET http://api.hive/v1/models HTTP/1.1\r\nx-api-key: mine\r\n\r\n")
    echo = box.proxy(b"TRACE http://api.hive/ HTTP/1.1\r\n\r\n")
    odd = [f"http://api.hive:{port}/" for port in (443, 81)] + ["http://api.hive./@127.0.0.1/"]
    return {
        "its": box.get(url),
        "api": (api + echo).decode("latin-1"),
        "odd": [box.get(one) for one in odd],
    }


def test_lists_and_the_key_stay_where_they_belong(attacked: Attacked) -> None:
    with serving() as server:
        attacked.spawn("erin", egress=[f"127.0.0.1:{server.port}"])
        told = attacked.attack("bob", use_anothers_list, url=f"http://127.0.0.1:{server.port}/")
        assert server.came == []
    assert told["its"] == 451
    attacked.told_once(
        "hive-egress", f"bob: refused 127.0.0.1:{server.port}: not in the allow-list"
    )
    assert KEY not in told["api"]
    assert not {200, 302} & set(told["odd"][:2])
    assert os.stat(f"{attacked.hive.hive.paths.state}/api-key").st_mode & 0o077 == 0
