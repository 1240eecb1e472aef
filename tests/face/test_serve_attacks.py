"""The server below the page under attack: two readings of one request, and clients that are slow on purpose."""

import contextlib
import socket
import subprocess
import sys
import time

import pytest

from hivelib.face import serve
from hivelib.face.exchange import BODY_MOST, HEAD_MOST, take
from tests.support.page import until_idle
from tests.support.serving import Kept, Start, ask, echo, get
from tests.support.source import ROOT
from tests.support.waiting import until

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 4\r\nTransfer-Encoding: identity\r\n\r\nabcd",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        POST + b"Content-Length: 4, 4\r\n\r\nabcd",
        POST + b"Content-Length: 0x4\r\n\r\nabcd",
        POST + b"Content-Length: 4_0\r\n\r\nabcd",
        POST + b"Content-Length: \xb2\r\n\r\nab",
        POST + b"Content-Length:\r\n\r\nab",
        POST + b"Content-Length: 99999999999999999999\r\n\r\nab",
        POST + b"Content-Length: 4\nX: y\r\n\r\nabcd",
        POST + b"Content-Length: 4\rX: y\r\n\r\nabcd",
        POST + b" Content-Length: 4\r\n\r\nabcd",
        POST + b"\tX: y\r\n\r\n",
        POST + b"Content-Length : 4\r\n\r\nabcd",
        POST + b"X\xa0: y\r\n\r\n",
        POST + b": y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        b"GET /\tHTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        b"GET / HTTP/1.10\r\nHost: x\r\n\r\n",
        b"GET / http/1.1\r\nHost: x\r\n\r\n",
        b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET \\evil HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_read_in_none(start: Start, raw: bytes) -> None:
    got = ask(start(echo), raw + get("/smuggled"), end=False)
    assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ", b"HTTP/1.1 501 "))
    assert b"/smuggled" not in got and got.count(b"HTTP/1.1 ") == 1


def test_a_body_is_as_long_as_it_says_and_no_request(start: Start) -> None:
    inner = get("/smuggled")
    raw = POST + f"Content-Length: {len(inner)}\r\n\r\n".encode() + inner
    got = ask(start(echo), raw + get("/next", "Connection: close"))
    assert got.count(b"HTTP/1.1 200 ") == 2 and b"GET /next " in got
    assert b"POST / GET /smuggled" in got, "as the body of the first"


def test_a_head_has_no_body_also_where_a_stream_would_be(start: Start) -> None:
    kept = Kept()
    raw = get("/").replace(b"GET", b"HEAD") + get("/", "Connection: close").replace(b"GET", b"HEAD")
    assert ask(start(kept.app), raw).count(b"HTTP/1.1 200 ") == 2
    assert kept.outlets == []


def test_who_sends_byte_by_byte_costs_no_more_than_his_bytes(start: Start) -> None:
    fields = b"".join(b"a%d: b\r\n" % number for number in range((HEAD_MOST - 200) // 10))
    head = POST + b"Connection: close\r\n" + fields + b"Content-Length: 1500\r\n\r\n"
    begun = time.process_time()
    for _ in range(20):
        assert take(bytearray(head)) == len(head) + 1500
    once = (time.process_time() - begun) / 20
    port = start(echo)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(head)
        begun = time.process_time()
        for _ in range(1500):
            link.sendall(b"x")
            time.sleep(0)
        assert link.makefile("rb").read().endswith(b"x" * 1500)
    assert time.process_time() - begun < 200 * once


def test_half_requests_give_way_to_whole_ones(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve, "files_allowed", lambda: 0)  # as many clients as there are at least
    port = start(echo)
    with contextlib.ExitStack() as stack:
        for number in range(300):  # as many as it takes, five times over
            link = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            with contextlib.suppress(OSError):
                link.sendall(
                    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
                    if number % 2
                    else b"G"
                )
            if number % 50 == 0:
                assert b"GET /quick " in ask(port, get("/quick", "Connection: close"))


# A server of streams that may open 40 files more than it has.
CROWDED = """
import os, resource, socket, sys
from hivelib.face.exchange import Door
from hivelib.face.serve import Server
from tests.support.serving import Kept
server = Server(Door(socket.socket(fileno=int(sys.argv[1])), Kept().app))
have = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (have + 40, have + 40))
server.serve()
"""


def test_who_may_open_no_more_files_sleeps_until_somebody_goes() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=60))
        fd = listener.fileno()
        argv = [sys.executable, "-c", CROWDED, str(fd)]
        served = stack.enter_context(subprocess.Popen(argv, cwd=ROOT, pass_fds=[fd]))
        stack.callback(served.kill)
        links = [
            stack.enter_context(socket.create_connection(listener.getsockname(), timeout=20))
            for _ in range(60)
        ]
        for link in links:
            link.sendall(get())
        for link in links[:30]:
            assert link.recv(12) == b"HTTP/1.1 200"
        until_idle(served.pid)
        for link in links[:30]:
            link.close()
        assert links[-1].recv(12) == b"HTTP/1.1 200"


def test_a_reader_of_a_stream_that_reads_slowly_holds_no_other(start: Start) -> None:
    kept = Kept()
    port = start(kept.app)
    with contextlib.ExitStack() as stack:
        links = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(9)
        ]
        for link in links:
            link.sendall(get())
        until(lambda: len(kept.outlets) == 9, "nine streams")
        good = links[0].makefile("rb")
        while good.readline() != b"\r\n":
            pass
        block = b"x" * 65535 + b"\n"
        for _ in range(200):  # 13 MB to each; the other eight never read
            for outlet in kept.outlets:
                outlet.send(block)
            assert good.readline() == block
        until(lambda: len(kept.gone) == 8, "eight of them dropped")
        good.close()


def test_a_body_that_is_too_long_is_refused_before_it_is_sent(start: Start) -> None:
    raw = POST + f"Content-Length: {BODY_MOST + 1}\r\nExpect: 100-continue\r\n\r\n".encode()
    assert ask(start(echo), raw, end=False).startswith(b"HTTP/1.1 413 ")
