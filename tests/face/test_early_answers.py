"""Answers that go out while they are made: the beginning early, the end told, and a failure on the way not hidden."""

import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hivelib.face import serve
from tests.support.serving import Start, ask, get, is_reset
from tests.support.waiting import until


def two(between: Any) -> Any:
    """An application whose answer has two pieces, between which something happens."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])

        def pieces() -> Iterator[bytes]:
            yield b"begin "
            between()
            yield b"end"

        return pieces()

    return app


def test_the_beginning_goes_out_while_the_rest_is_made(start: Start) -> None:
    go_on = threading.Event()
    link = http.client.HTTPConnection("127.0.0.1", start(two(lambda: go_on.wait(20))), timeout=20)
    for _ in range(2):  # the connection carries another
        go_on.clear()
        link.request("GET", "/")
        answer = link.getresponse()
        assert answer.read(6) == b"begin " and not go_on.is_set()
        go_on.set()
        assert answer.read() == b"end"
    link.close()


@pytest.mark.parametrize("head", [get(version="1.0"), get("/", "Connection: close")])
def test_whose_connection_ends_is_sent_no_chunks(start: Start, head: bytes) -> None:
    told = ask(start(two(lambda: None)), head, end=False)
    assert told.endswith(b"\r\n\r\nbegin end") and b"Transfer-Encoding" not in told


def test_what_fails_on_the_way_ends_without_an_end(
    start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("the secret")

    link = http.client.HTTPConnection("127.0.0.1", start(two(fail)), timeout=20)
    link.request("GET", "/")
    with pytest.raises(http.client.IncompleteRead) as found:
        link.getresponse().read()
    assert found.value.partial == b"begin "
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_who_reads_neither_beginning_nor_end_is_let_go(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "WRITE_SECONDS", 0.5)

    def big(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"x" * 50_000_000, b"y"])

    with socket.create_connection(("127.0.0.1", start(big)), timeout=20) as link:
        link.sendall(get())
        until(lambda: is_reset(link), "the connection let go")
