"""The host's end of exec.sock, against a box that says what it likes."""

import json
import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hivelib.host import execution
from hivelib.host.execution import LINE_MOST, Execution, Said


@pytest.fixture
def listener(short_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"{short_path}/exec.sock")
        made.listen()
        yield made


def joined(listener: socket.socket) -> tuple[Execution, socket.socket]:
    """The host's end and the box's."""
    host = Execution(listener.getsockname())
    return host, listener.accept()[0]


def heard(host: Execution, box: socket.socket, data: bytes) -> list[Said]:
    """What the host makes of what the box says before it hangs up."""
    box.settimeout(10)
    found: list[Said] = []
    view = memoryview(data)
    while True:
        if view:
            view = view[box.send(view[: 1 << 16]) :]
        else:
            box.close()
        select.select([host], [], [], 10)
        said = host.hear()
        if said is None:
            return found
        found += said


def test_words_go_both_ways(listener: socket.socket) -> None:
    host, box = joined(listener)
    with host, box:
        host.say(turn=88, args=["a"])
        host.say_to_claude({"type": "user", "x": "ü\n"})
        lines = [json.loads(line) for line in box.recv(4096).splitlines()]
        assert lines[0] == {"turn": 88, "args": ["a"]}
        assert json.loads(lines[1]["in"]) == {"type": "user", "x": "ü\n"}
        said = heard(
            host,
            box,
            b'{"started": 7}\n{"out": "x"}\n{"err": "\\ud800"}\n{"raw": "y"}\n{"exit": -9}\n',
        )
        assert said == [
            Said("started", number=7),
            Said("out", "x"),
            Said("err", "?"),
            Said("raw", "y"),
            Said("exit", number=-9),
        ]


def test_what_is_not_of_the_protocol_is_dropped(listener: socket.socket) -> None:
    host, box = joined(listener)
    with host:
        odd = b'x\n[]\n{}\n{"out": 7}\n{"exit": true}\n{"exit": 1e9}\n{"out": "a", "exit": 0}\n{"raw": 1}\n\xff\n'
        assert heard(
            host, box, odd + b"[" * 100000 + b'\n{"exit": 99999999999}\n{"out": "end"}\n'
        ) == [Said("out", "end")]


def test_a_line_without_end_costs_no_memory_and_the_next_is_heard(listener: socket.socket) -> None:
    host, box = joined(listener)
    with host:
        said = heard(host, box, b"x" * (LINE_MOST + 7) + b'\n{"out": "next"}\nunfinished')
    assert said == [Said("dropped", number=LINE_MOST + 7), Said("out", "next")]


def test_a_link_in_the_sockets_place_is_not_followed(
    listener: socket.socket, short_path: Path
) -> None:
    os.symlink(listener.getsockname(), short_path / "link")
    (short_path / "file").touch()
    for name, how in {"link": "its link is a link, which is", "file": "its file is no"}.items():
        with pytest.raises(OSError, match=how):
            Execution(f"{short_path}/{name}")
    with pytest.raises(FileNotFoundError):
        Execution(f"{short_path}/nothing")


def test_a_box_that_has_gone_is_heard_and_not_an_error(listener: socket.socket) -> None:
    host, box = joined(listener)
    with host:
        box.close()
        host.say(eof=True)
        host.say(signal="TERM")
        assert host.hear() is None and not host.unsent


def test_a_box_that_does_not_read_blocks_nobody(listener: socket.socket) -> None:
    host, box = joined(listener)
    with host, box:
        host.say(**{"in": "x" * (8 << 20)})
        assert host.unsent
        box.settimeout(10)
        taken = 0
        while taken < (8 << 20) + 10:
            taken += len(box.recv(1 << 20))
            host.send()
        assert not host.unsent


def test_waking_a_server_is_an_empty_datagram_without_a_descriptor(short_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(f"{short_path}/mcp.handoff")
        for _ in range(100):  # more than its queue holds: no ring waits
            execution.wake(f"{short_path}/mcp.handoff")
        assert socket.recv_fds(server, 10, 1)[:2] == (b"", [])
    execution.wake(f"{short_path}/nobody")


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.binary(max_size=200), max_size=8))
def test_no_bytes_raise(listener: socket.socket, chunks: list[bytes]) -> None:
    host, box = joined(listener)
    with host:
        for said in heard(host, box, b"\n".join(chunks)):
            assert said.kind in ("started", "out", "err", "raw", "exit", "dropped")
