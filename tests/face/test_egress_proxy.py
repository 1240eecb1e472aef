"""The way out as a box sees it: the real proxy process, real far ends, one promise a test."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.support.way_out import WayOut, answering, far_end, read_all, read_head

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=5\r\nx-far: yes\r\n\r\nhi"


@pytest.fixture
def way_out(short_path: Path) -> Iterator[WayOut]:
    way = WayOut(short_path)
    try:
        yield way
    finally:
        way.close()


def test_a_tunnel_carries_bytes_both_ways_and_each_sides_end(way_out: WayOut) -> None:
    def echo_until_the_end(connection: socket.socket) -> None:
        connection.sendall(b"hello ")
        connection.sendall(read_all(connection)[::-1])

    with far_end(echo_until_the_end) as far:
        way_out.agent("alice", [far.at])
        way_out.start()
        box, head = way_out.tunnel(far.at)
        assert head.startswith(b"HTTP/1.1 200 ")
        box.sendall(b"abc" * 100_000)
        box.shutdown(socket.SHUT_WR)
        assert read_all(box) == b"hello " + b"cba" * 100_000


def test_a_plain_request_arrives_with_the_judged_host_and_without_what_is_for_the_proxy(
    way_out: WayOut,
) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        way_out.start()
        fields = (
            "Proxy-Authorization: x",
            "Connection: x-gone, keep-alive",
            "X-Gone: 1",
            "X-Kept: 2",
        )
        got = way_out.get(f"http://{far.at}/a/b?c=d", "alice", *fields)
        head, _, body = far.seen[0].partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"GET /a/b?c=d HTTP/1.1"
        assert sorted(lines[1:]) == [
            b"connection: close",
            b"host: " + far.at.encode(),
            b"x-kept: 2",
        ]
        assert body == b""
        head, _, body = got.partition(b"\r\n\r\n")
        assert body == b"hi"
        assert b"x-far: yes" in head
        assert b"connection: close" in head
        assert b"keep-alive" not in head


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ("Content-Length: 11", b"hello world"),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX: t\r\n\r\n"),
    ],
)
def test_a_body_arrives_whole(way_out: WayOut, fields: str, body: bytes) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        way_out.start()
        request = f"POST http://{far.at}/ HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n".encode() + body
        assert way_out.ask(request).endswith(b"hi")
        sent = far.seen[0].partition(b"\r\n\r\n")[2]
        assert sent in (b"hello world", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")


def test_an_answer_ends_where_it_says_even_if_the_far_end_stays(way_out: WayOut) -> None:
    done = threading.Event()

    def chunked_and_stay(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        connection.sendall(b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        done.wait(30)

    with far_end(chunked_and_stay) as far:
        way_out.agent("alice", [far.at])
        way_out.start()
        got = way_out.get(f"http://{far.at}/")
        done.set()
    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert got.endswith(b"3\r\nabc\r\n0\r\n\r\n")


def test_a_refusal_is_451_names_the_host_and_says_how_to_ask(way_out: WayOut) -> None:
    way_out.agent("alice", None)
    way_out.start()
    for got in (way_out.get("http://evil.test/x"), way_out.tunnel("Evil.test:443")[0]):
        text = got if isinstance(got, bytes) else read_all(got)
        assert b"alice may not reach evil.test:" in text
        assert b'egress entry "evil.test"' in text
        assert text.endswith(b"\n")
    assert way_out.get("http://evil.test/x").startswith(b"HTTP/1.1 451 ")
    assert way_out.tunnel("evil.test:443")[1].startswith(b"HTTP/1.1 451 ")


def test_a_far_end_that_is_not_there_is_502(way_out: WayOut) -> None:
    with answering(OK) as far:
        gone = far.at
    with far_end(lambda connection: None) as silent:
        way_out.agent("alice", [gone, silent.at, "*.invalid"])
        way_out.start()
        assert way_out.tunnel(gone)[1].startswith(b"HTTP/1.1 502 ")
        got = way_out.get(f"http://{silent.at}/")
        assert got.startswith(b"HTTP/1.1 502 ")
        assert b"without an answer" in got
    got = way_out.get("http://nothing.invalid/")
    assert got.startswith(b"HTTP/1.1 502 ")
    assert b"name" in got


def test_who_asks_is_who_the_door_says_and_lists_are_read_anew(way_out: WayOut) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [])
        way_out.agent("bob", [far.at])
        way_out.start()
        url = f"http://{far.at}/"
        lies = ("X-Agent: bob", "Proxy-Authorization: Basic Ym9iOg==", "From: bob")
        assert b" 451 " in way_out.get(url, "alice", *lies)
        assert b" 200 " in way_out.get(url, "bob")
        assert b" 451 " in way_out.get(url, "nobody")
        assert b" 451 " in way_out.get(url, "manager")
        way_out.agent("alice", [far.at])
        assert b" 200 " in way_out.get(url, "alice")
        way_out.agent("bob", [])
        assert b" 451 " in way_out.get(url, "bob")


def test_a_config_that_cannot_be_read_closes_the_way(way_out: WayOut) -> None:
    way_out.agent("alice", ["not a host"])
    way_out.start()
    assert way_out.get("http://wiki.example/").startswith(b"HTTP/1.1 502 ")
    until(lambda: "cannot be read" in way_out.log.read_text(), "a line in the log")


def test_first_refusals_are_told_at_once_and_sums_when_it_ends(way_out: WayOut) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        way_out.start()
        way_out.get("http://evil.test/")
        until(way_out.events, "the first refusal's event")
        for _ in range(3):
            way_out.get("http://evil.test/")
            way_out.get(f"http://{far.at}/")
        assert [kind for kind, *_ in way_out.events()] == ["egress_refused"]
        assert way_out.stop() == 0
    sums: dict[tuple[str, str, str], int] = {}
    for kind, subject, payload in way_out.events():
        key = (kind, subject, payload["host"])
        sums[key] = sums.get(key, 0) + payload["count"]
        assert payload["minute"] % 60 == 0
    assert sums == {
        ("egress_refused", "alice", "evil.test:80"): 4,
        ("egress_allowed", "alice", far.at): 3,
    }
    assert way_out.log.read_text().count("alice: refused evil.test:80") == 1


def test_a_box_that_goes_away_ends_its_request_at_the_far_end(way_out: WayOut) -> None:
    gone = threading.Event()

    def wait_for_the_end(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nbegun")
        if connection.recv(1) == b"":
            gone.set()

    with far_end(wait_for_the_end) as far:
        way_out.agent("alice", [far.at])
        way_out.start()
        with way_out.connect() as box:
            box.sendall(f"GET http://{far.at}/ HTTP/1.1\r\n\r\n".encode())
            assert read_head(box)
        assert gone.wait(20)


def test_it_exits_when_idle_and_loses_no_connection_around_its_exit(short_path: Path) -> None:
    way_out = WayOut(short_path, "[idle]\negress_seconds = 0.02\n")
    starts = 0
    over = threading.Event()

    def as_systemd() -> None:  # starts it whenever a datagram waits, as the socket unit does
        nonlocal starts
        while not over.is_set():
            starts += 1
            assert way_out.start().wait(60) == 0

    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        manager = threading.Thread(target=as_systemd)
        manager.start()
        try:
            answers = [way_out.get(f"http://{far.at}/") for _ in range(40)]
            before = starts
            until(lambda: starts >= before + 3, "three idle exits")
            answers += [way_out.get(f"http://{far.at}/") for _ in range(10)]
        finally:
            over.set()
            manager.join(60)
            way_out.close()
    assert all(answer.endswith(b"hi") for answer in answers)
    assert len(answers) == 50


def test_a_kill_is_noticed_by_its_boxes_at_once_and_the_next_one_serves(way_out: WayOut) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        way_out.start()
        box, head = way_out.tunnel(far.at)
        assert b" 200 " in head
        assert way_out.process
        way_out.process.send_signal(signal.SIGKILL)
        assert read_all(box) == b""
        assert isinstance(way_out.start(), subprocess.Popen)
        assert b" 200 " in way_out.tunnel(far.at)[1]
