"""A reverse proxy before the page: trusted on its unix socket alone, for its own host alone."""

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base.config import load_settings
from hivelib.face.exchange import Door
from hivelib.face.serve import Server
from hivelib.face.web.app import make_app, make_proxied
from hivelib.face.web.hub import Hub
from hivelib.flow.opening import Hive, open_hive
from hivelib.model.checking import faults_of_settings
from hivelib.model.settings import Proxy

PROXY = Proxy("/somewhere", "hive.example", "X-Forwarded-User")


@pytest.fixture
def doors(private_state: Hive, short_path: Path) -> Iterator[dict[str, str | int]]:
    settings = load_settings(str(short_path / "hive.toml"))

    def opener() -> Hive:
        return open_hive(settings)

    hub = Hub(opener)
    unix, inet = socket.socket(socket.AF_UNIX), socket.create_server(("127.0.0.1", 0))
    unix.bind(str(short_path / "proxy.sock"))
    unix.listen()
    port = inet.getsockname()[1]
    server = Server(
        Door(unix, make_proxied(opener, hub, PROXY)), Door(inet, make_app(opener, hub, port))
    )
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield {"unix": str(short_path / "proxy.sock"), "port": port}
    server.stop()
    thread.join()
    unix.close()
    inet.close()


def ask(where: str | int, method: str, path: str, headers: dict[str, str]) -> int:
    link = http.client.HTTPConnection("127.0.0.1", where if isinstance(where, int) else 80)
    if isinstance(where, str):
        link.sock = socket.socket(socket.AF_UNIX)
        link.sock.connect(where)
    link.request(method, path, headers=headers)
    status = link.getresponse().status
    link.close()
    return status


VOUCHED = {"Host": "hive.example", "X-Forwarded-User": "maria"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", VOUCHED, 200),
        ("POST", VOUCHED | {"Origin": "https://hive.example"}, 400),  # let in; it names nothing
        ("GET", {"Host": "hive.example"}, 401),
        ("GET", VOUCHED | {"X-Forwarded-User": ""}, 401),
        ("GET", VOUCHED | {"X-Forwarded-User": "maria, mallory"}, 401),  # as two fields are joined
        ("GET", {"Host": "hive.example", "X_Forwarded_User": "maria"}, 401),
        ("GET", {"Host": "hive.example", "X-Forwarded_User": "maria"}, 401),
        ("GET", {"Host": "hive.example", "X-Forwarded-User ": "maria"}, 400),
        ("GET", VOUCHED | {"Host": "evil.test"}, 403),
        ("POST", VOUCHED | {"Origin": "http://hive.example"}, 403),
        ("POST", VOUCHED, 403),
    ],
)
def test_whom_the_proxy_names_is_let_in(
    doors: dict[str, str | int], method: str, headers: dict[str, str], status: int
) -> None:
    path = "/" if method == "GET" else "/api/send"
    assert ask(doors["unix"], method, path, headers) == status


def test_the_header_says_nothing_on_the_machine_s_own_address(
    doors: dict[str, str | int],
) -> None:
    port = doors["port"]
    named = {"X-Forwarded-User": "maria"}
    assert ask(port, "GET", "/", named | {"Host": f"127.0.0.1:{port}"}) == 401
    assert ask(port, "GET", "/", VOUCHED) == 403
    for name in (
        "Forwarded",
        "X-Forwarded-Host",
        "X-Real-IP",
        "Remote-User",
        "X-Original-URL",
        "X-Http-Method-Override",
    ):
        told = {"Host": f"127.0.0.1:{port}", name: "hive.example"}
        assert ask(port, "GET", "/", told) == 401
        assert ask(port, "GET", "/", told | {"Host": "evil.test"}) == 403


@pytest.mark.parametrize(
    ("proxy", "word"),
    [
        ({"socket": "/run/x"}, "host"),
        ({"socket": "x", "host": "h", "header": "X-User"}, "absolute"),
        ({"socket": "/x", "host": "h", "header": "X User"}, "header"),
    ],
)
def test_half_a_proxy_is_a_fault(proxy: dict[str, str], word: str) -> None:
    assert any(word in fault for fault in faults_of_settings({"web": {"proxy": proxy}}))
    assert faults_of_settings({"web": {"proxy": PROXY._asdict()}}) == []
