"""What a hostile box tries on its way out: each is refused or contained, and the others go on undisturbed."""

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.handing_over import SECONDS
from tests.support.waiting import until
from tests.support.way_out import WayOut, answering, far_end, read_all, read_head

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@pytest.fixture
def way_out(short_path: Path) -> Iterator[WayOut]:
    way = WayOut(short_path)
    way.start()
    try:
        yield way
    finally:
        way.close()


def test_a_name_that_leads_to_loopback_is_refused_unless_the_address_is_listed_too(
    way_out: WayOut,
) -> None:
    with answering(OK) as far:
        name = f"localhost:{far.port}"
        way_out.agent("alice", [name])
        for got in (way_out.get(f"http://{name}/"), way_out.tunnel(name)[1]):
            assert got.startswith(b"HTTP/1.1 451 ")
        assert b"127.0.0.1" in way_out.get(f"http://{name}/") + way_out.get(
            f"http://LOCALHOST.:{far.port}/"
        )
        assert far.seen == []
        way_out.agent("alice", [name, far.at])
        assert way_out.get(f"http://{name}/").endswith(b"hi")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.2", "0.0.0.0", "localhost", "[::1]", "[::]", "[::ffff:127.0.0.1]", "127.1"),
        *("0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1.", "127.000.000.001", "[::1%lo]"),
        *("user@127.0.0.1", "wiki.example@127.0.0.1", "127.0.0.1%00.wiki.example", "①②⑦.0.0.1", "127。0。0。1"),
        *("[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "169.254.169.254", "10.0.0.1", "[fe80::1]"),
    ],
)  # fmt: skip
def test_no_spelling_of_an_inner_address_is_let_through(way_out: WayOut, host: str) -> None:
    with answering(OK) as far:
        way_out.agent("alice", ["*", f"*:{far.port}", "localhost"])
        connect = f"CONNECT {host}:{far.port} HTTP/1.1\r\n\r\n".encode()
        plain = f"GET http://{host}:{far.port}/ HTTP/1.1\r\nHost: wiki.example\r\n\r\n".encode()
        for request in (connect, plain):
            assert way_out.ask(request).startswith(b"HTTP/1.1 451 ")
        assert far.seen == []


def test_a_listed_host_is_open_on_its_port_alone(way_out: WayOut) -> None:
    with answering(OK) as far, answering(OK) as other:
        way_out.agent("alice", [far.at, "wiki.example"])
        assert way_out.tunnel(far.at)[1].startswith(b"HTTP/1.1 200 ")
        assert way_out.tunnel(other.at)[1].startswith(b"HTTP/1.1 451 ")
        for port in (22, 25, 8080):
            assert way_out.tunnel(f"wiki.example:{port}")[1].startswith(b"HTTP/1.1 451 ")


def test_a_redirect_inwards_is_a_new_request_and_refused(way_out: WayOut) -> None:
    with answering(OK) as inner:
        moved = f"HTTP/1.1 302 Found\r\nlocation: http://{inner.at}/\r\ncontent-length: 0\r\n\r\n"
        with answering(moved.encode()) as far:
            way_out.agent("alice", [far.at])
            got = way_out.get(f"http://{far.at}/").decode()
            where = re.search(r"location: (\S+)", got)
            assert where
            assert way_out.get(where[1]).startswith(b"HTTP/1.1 451 ")
            assert inner.seen == []


SMUGGLED = [
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 5\r\nContent-Length: 5",
    b"Content-Length: 5, 5",
    b"Content-Length: +5",
    b"Content-Length: 0x5",
    b"Content-Length: -1",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding : chunked",
    b" Transfer-Encoding: chunked",
    b"X: y\r\n Transfer-Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\0",
    b"Host: a\r\nHost: b",
    b"no colon at all",
    b": no name",
]


@pytest.mark.parametrize("fields", SMUGGLED)
def test_a_head_that_two_readers_could_read_differently_reaches_nobody(
    way_out: WayOut, fields: bytes
) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        first = f"POST http://{far.at}/ HTTP/1.1\r\n".encode()
        body = b"5\r\nhello\r\n0\r\n\r\nGET http://inner.test/ HTTP/1.1\r\n\r\n"
        assert way_out.ask(first + fields + b"\r\n\r\n" + body).startswith(b"HTTP/1.1 400 ")
        assert far.seen == []


def test_a_second_request_on_a_connection_goes_nowhere(way_out: WayOut) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        one = f"POST http://{far.at}/ HTTP/1.1\r\nContent-Length: 2\r\n\r\nab".encode()
        got = way_out.ask(one + one.replace(b"/ HTTP", b"/second HTTP"))
        assert got.count(b"HTTP/1.1 200") == 1
        assert len(far.seen) == 1


def test_fields_that_name_others_for_removal_do_not_reach_the_framing(way_out: WayOut) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        fields = "Connection: host, content-length\r\nContent_Length: 99\r\nContent-Length: 2"
        way_out.ask(f"POST http://{far.at}/ HTTP/1.1\r\n{fields}\r\n\r\nab".encode())
        head = far.seen[0]
        assert b"host: " + far.at.encode() in head
        assert b"content-length: 2\r\n" in head
        assert b": 99" not in head and b"_" not in head


@pytest.mark.parametrize(
    "chunks",
    [b"-5\r\nhello\r\n", b"5\nhello\r\n", b"0x5\r\nhello\r\n", b"5\r\nhelloworld", b"f" * 20, b"5" * 70000],
)  # fmt: skip
def test_chunks_that_are_none_are_not_sent_on(way_out: WayOut, chunks: bytes) -> None:
    with far_end(lambda connection: void(read_all(connection))) as far:
        way_out.agent("alice", [far.at])
        head = f"POST http://{far.at}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        got = way_out.ask(head + chunks + b"\r\n0\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 400 ")


def void(_: object) -> None:
    """What a far end gives back."""


@pytest.mark.parametrize(
    "garbage",
    [
        *(b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET\r\n\r\n"),
        *(b"GET http://a/ HTTP/2.0\r\n\r\n", b"GET  http://a/ HTTP/1.1\r\n\r\n", b"\xff\xfe\0\0\r\n\r\n"),
        *(b"CONNECT a:1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"* * *\r\n\r\n", b"half a head"),
    ],
)  # fmt: skip
def test_garbage_gets_one_clear_line(way_out: WayOut, garbage: bytes) -> None:
    with way_out.connect() as box:
        box.sendall(garbage)
        box.shutdown(socket.SHUT_WR)
        got = read_all(box)
    assert got.startswith(b"HTTP/1.1 400 ")
    assert got.count(b"\n", got.index(b"\r\n\r\n") + 4) == 1
    until(lambda: "alice: refused -: malformed request" in way_out.log.read_text(), "a line")


def test_a_header_of_100_mb_is_cut_off_and_a_neighbour_does_not_notice(way_out: WayOut) -> None:
    with answering(OK) as far:
        way_out.agent("bob", [far.at])
        way_out.get(f"http://{far.at}/", "bob")
        before = way_out.memory()

        def flood() -> None:
            with way_out.connect() as box, contextlib.suppress(OSError):
                for _ in range(100):
                    box.sendall(b"A" * 2**20)

        floods = [threading.Thread(target=flood) for _ in range(4)]
        for thread in floods:
            thread.start()
        while any(thread.is_alive() for thread in floods):
            assert way_out.get(f"http://{far.at}/", "bob").endswith(b"hi")
        assert way_out.memory() - before < 20 * 2**20
        for thread in floods:
            thread.join()


def test_a_reader_that_does_not_read_makes_its_far_end_wait_and_memory_stays(
    way_out: WayOut,
) -> None:
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        connection.settimeout(2)
        read_head(connection)
        while sent < 200 * 2**20:
            sent += connection.send(b"x" * 2**20)

    with far_end(pour) as far:
        way_out.agent("alice", [far.at])
        box, head = way_out.tunnel(far.at)
        assert b" 200 " in head
        before = way_out.memory()
        box.sendall(b"go\r\n\r\n")
        still = threading.Event()
        last = -1
        while last != sent:
            last = sent
            still.wait(0.3)
        assert 0 < sent < 60 * 2**20
        assert way_out.memory() - before < 8 * 2**20
        box.close()


def test_a_box_has_64_connections_and_the_65th_does_not_cost_its_neighbour_anything(
    way_out: WayOut,
) -> None:
    with answering(OK) as far:
        way_out.agent("bob", [far.at])
        held = [way_out.connect() for _ in range(64)]
        with way_out.connect() as one_more:
            got = read_all(one_more)
            assert got.startswith(b"HTTP/1.1 503 ")
            assert b"64 connections" in got
        said = "alice: refused -: 64 connections of this box are open already"
        until(lambda: said in way_out.log.read_text(), "a line")
        assert way_out.get(f"http://{far.at}/", "bob").endswith(b"hi")
        for box in held:
            box.close()
        until(lambda: way_out.get(f"http://{far.at}/").startswith(b"HTTP/1.1 451"), "room again")


def test_a_minutes_events_of_one_box_are_bounded(way_out: WayOut) -> None:
    way_out.agent("alice", [])
    for number in range(120):
        way_out.get(f"http://host{number}.test/")
    assert way_out.stop() == 0
    refused = [payload for kind, _, payload in way_out.events() if kind == "egress_refused"]
    assert sum(payload["count"] for payload in refused) == 120
    assert len(refused) <= 2 * (50 + 2)  # the loop may cross into the next minute
    assert "(others)" in {payload["host"] for payload in refused}


def test_control_characters_of_a_target_do_not_reach_the_log(way_out: WayOut) -> None:
    way_out.agent("alice", ["*"])
    way_out.ask("CONNECT \u202eevil\u200b.test:443 HTTP/1.1\r\n\r\n".encode())
    until(lambda: "refused" in way_out.log.read_text(), "a line")
    assert not {"\u202e", "\u200b"} & set(way_out.log.read_text())


def test_a_hand_off_without_a_descriptor_or_with_a_false_name_is_dropped(way_out: WayOut) -> None:
    with answering(OK) as far:
        way_out.agent("alice", [far.at])
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.connect(way_out.hive.paths.handoff("egress"))
            door.send(b"alice")
            reading, writing = os.pipe()
            socket.send_fds(door, [b"alice"], [reading])
            socket.send_fds(door, [b"alice"], [reading, writing])
            os.close(reading)
            os.close(writing)
        for name in ("Alice", "operator", "x" * 10, "a/b", "\n"):
            with way_out.connect(name) as box:
                assert read_all(box) == b""
        began = time.monotonic()
        assert way_out.get(f"http://{far.at}/").endswith(b"hi")
        assert time.monotonic() - began < SECONDS
