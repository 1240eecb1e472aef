"""The server below the page: what it takes, what it refuses, and whom a slow client holds up (nobody)."""

import contextlib
import socket
import threading
from typing import Any

import pytest

from hivelib.face import serve
from hivelib.face.exchange import BODY_MOST, HEAD_MOST, Door
from tests.support.serving import Kept, Start, ask, echo, full_log, get, is_reset
from tests.support.waiting import until


def test_a_connection_carries_many_requests_also_at_once(start: Start) -> None:
    port = start(echo)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(get("/a") + get("/b") + get("/c", "Connection: close"))
        file = link.makefile("rb")
        text = file.read()
    assert text.count(b"HTTP/1.1 200 OK") == 3
    assert text.index(b"GET /a ") < text.index(b"GET /b ") < text.index(b"GET /c ")


def test_an_old_client_gets_its_answer_and_the_end(start: Start) -> None:
    assert ask(start(echo), get(version="1.0"), end=False).endswith(b"GET / ")


def test_a_body_may_come_in_pieces(start: Start) -> None:
    with socket.create_connection(("127.0.0.1", start(echo)), timeout=20) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for (
            byte
        ) in b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello":
            link.sendall(bytes([byte]))
        assert link.makefile("rb").read().endswith(b"POST /x hello")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n\r\n\r\n", 400),
        (b"GET http://evil.test/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT evil.test:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\na", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (
            f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_MOST + 1}\r\n\r\n".encode()
            + b"x" * (BODY_MOST + 1),
            413,
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * HEAD_MOST + b"\r\n\r\n", 431),
        (b"x" * (HEAD_MOST + 1), 431),
    ],
)
def test_what_is_not_plain_http_is_refused_and_its_connection_ends(
    start: Start, raw: bytes, status: int
) -> None:
    got = ask(start(echo), raw + get("/smuggled"), end=False)
    assert got.startswith(f"HTTP/1.1 {status} ".encode())
    assert got.count(b"Connection: close") == 1 and b"/smuggled" not in got


def test_fields_that_would_look_like_others_are_left_out(start: Start) -> None:
    def show(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        found = {name: v for name, v in environ.items() if name.startswith("HTTP_")}
        return [repr(sorted(found.items())).encode()]

    raw = get("/", "X_Origin: a", "Cookie: a=1", "Cookie: b=2", "Proxy: x", "Connection: close")
    told = ask(start(show), raw)
    assert b"HTTP_X_ORIGIN" not in told and b"'a=1; b=2'" in told


def test_an_applications_bug_is_a_plain_500(
    start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise ZeroDivisionError("the secret")

    port = start(broken)
    for _ in range(40):  # more than there are threads
        told = ask(port, get())
        assert told.startswith(b"HTTP/1.1 500 ") and b"secret" not in told
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_full_disk_of_logs_ends_nothing(start: Start) -> None:
    def broken(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/stream":
            return kept.app(environ, start_response)
        environ["wsgi.errors"].write("what bottle says of a bug\n")
        raise ZeroDivisionError

    kept, port = Kept(), start(broken)
    with full_log(), socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(get("/stream"))
        until(lambda: kept.outlets, "a stream")
        for _ in range(20):  # its reader does not read
            kept.outlets[0].send(b"x" * 1_000_000)
        until(lambda: kept.gone, "its reader dropped")
        assert ask(port, get()).startswith(b"HTTP/1.1 500 ")


def test_slow_clients_hold_up_nobody_and_are_let_go(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "REQUEST_SECONDS", 1.0)
    port = start(echo)
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(200)  # many more than there are threads
        ]
        for link in slow:
            link.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert b"GET /quick " in ask(port, get("/quick", "Connection: close"))
        answers = [link.makefile("rb").read() for link in slow]
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)


def test_a_client_that_never_reads_its_answer_is_let_go(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "WRITE_SECONDS", 0.5)

    def big(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"x" * 50_000_000]

    port = start(big)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(get())
        until(lambda: is_reset(link), "the connection let go")


def test_streams_take_no_thread_and_end_when_either_side_does(start: Start) -> None:
    kept = Kept()
    port = start(kept.app)
    with contextlib.ExitStack() as stack:
        links = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(100)
        ]
        for link in links:
            link.sendall(get())
        until(lambda: len(kept.outlets) == 100, "a hundred streams")
        links[0].close()
        until(lambda: len(kept.gone) == 1, "one of them gone")
        for outlet in kept.outlets:
            outlet.send(b"one ")
            outlet.send(b"two")
            outlet.close()
        for link in links[1:]:
            text = link.makefile("rb").read()
            assert text.endswith(b"\r\n\r\none two") and b"Content-Length" not in text
    until(lambda: len(kept.gone) == 100, "all of them gone")


def test_a_stopped_server_finishes_its_answers(start: Start) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def late(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        begun.set()
        go_on.wait(20)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"finished"]

    listener = socket.create_server(("127.0.0.1", 0))
    server = serve.Server(Door(listener, late))
    thread = threading.Thread(target=server.serve)
    thread.start()
    with listener, socket.create_connection(listener.getsockname(), timeout=20) as link:
        link.sendall(get())
        assert begun.wait(20)
        server.stop()
        go_on.set()
        assert link.makefile("rb").read().endswith(b"finished")
        thread.join(20)
        assert not thread.is_alive()
