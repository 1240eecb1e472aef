"""What one box does to its own connections, the others do not feel."""

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from hivelib.face.mcp import limits
from tests.support.mcp_rig import Box, McpRig, mcp_rig
from tests.support.waiting import until

PING = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n'


@pytest.fixture
def rig() -> Iterator[McpRig]:
    with mcp_rig("[mail]\npair_limit = 100000\n") as rig:
        rig.start()
        yield rig
        assert rig.process and rig.process.poll() is None, rig.complaints()


def about(rig: McpRig, words: str) -> list[str]:
    return [line for line in rig.complaints() if words in line]


def test_a_ninth_connection_is_closed_and_said_once(rig: McpRig) -> None:
    turn = rig.begin("alice")
    boxes = [rig.box("alice", turn) for _ in range(limits.CONNECTIONS)]
    for _ in range(5):
        assert rig.connect("alice").ended()
    assert len(about(rig, "one more was closed")) == 1
    assert not rig.box("bob").call("whoami")["isError"]
    boxes[0].close()

    def room() -> bool:
        with contextlib.suppress(EOFError, ConnectionError):
            rig.connect("alice").greet(turn.id)
            return True
        return False

    until(room, "a place is free again")


def test_a_line_without_end_costs_the_connection_and_no_memory(rig: McpRig) -> None:
    peer, box = rig.box("bob"), rig.box("alice")
    before = rig.memory()
    with pytest.raises(OSError, match=r"reset|pipe"):
        box.link.sendall(b"x" * 100_000_000)
    assert box.ended()
    assert rig.memory() - before < 16 << 20
    assert len(about(rig, "1048576 bytes")) == 1
    assert not peer.call("whoami")["isError"]


def test_a_line_of_just_the_most_is_answered(rig: McpRig) -> None:
    box = rig.box("alice")
    shell = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": ""}})
    line = shell.replace('""', '"' + "x" * (limits.LINE_MOST - len(shell) - 1) + '"')
    assert len(line) + 1 == limits.LINE_MOST
    box.line(line.encode())
    assert box.hear()["result"] == {}
    box.line(line.encode() + b" ")
    assert box.ended()


def test_who_says_nothing_is_not_waited_for(rig: McpRig) -> None:
    box = rig.connect("alice")
    at = time.monotonic()
    assert box.ended()
    assert limits.PREAMBLE_SECONDS - 0.5 < time.monotonic() - at < limits.PREAMBLE_SECONDS + 5
    assert len(about(rig, "no preamble")) == 1


def test_calls_over_the_rate_wait_and_do_not_fail(rig: McpRig) -> None:
    box, count = rig.box("alice"), int(limits.BURST) + 100
    at = time.monotonic()
    box.link.sendall(b"".join(PING % n for n in range(count)))
    answers = sorted(box.hear()["id"] for _ in range(count))
    assert answers == list(range(count))
    assert time.monotonic() - at > 100 / limits.RATE - 0.5
    assert len(about(rig, "alice: more than 50 lines a second; slowed down")) == 1


def test_many_calls_at_once_are_all_answered(rig: McpRig) -> None:
    box = rig.box("alice")
    for n in range(80):
        box.ask("send", {"to": "bob", "body": f"b{n}"}, n)
    answers = {box.hear()["id"] for _ in range(80)}
    assert answers == set(range(80))
    assert [body for body, _ in rig.states("bob")] == [f"b{n}" for n in range(80)]


def test_two_calls_in_flight_cannot_share_an_id(rig: McpRig) -> None:
    box = rig.box("alice")
    box.ask("recv", {"wait_seconds": 60}, 7)
    box.ask("whoami", {}, "7")
    answer = box.hear()
    assert answer["id"] == "7" and "taken" in answer["error"]["message"]
    rig.post("alice", "mail")
    assert box.hear()["id"] == 7


def test_only_so_many_recvs_wait(rig: McpRig) -> None:
    turn = rig.begin("alice")
    boxes = [rig.box("alice", turn) for _ in range(3)]
    for box in boxes[:2]:
        for _ in range(limits.WAITING // 2):
            box.ask("recv", {"wait_seconds": 60})
    bell = rig.where / "run/hyperhive/bell/mail.alice"
    until(
        lambda: bell.exists() and len(list(bell.iterdir())) == limits.WAITING, "all that may wait"
    )
    refused = boxes[2].call("recv", {"wait_seconds": 60})
    assert "wait already" in refused["content"][0]["text"]
    assert not boxes[2].call("recv")["isError"], "one that only looks is no burden"


def test_who_does_not_read_is_not_answered_more_and_more(rig: McpRig) -> None:
    for n in range(60):
        rig.post("alice", f"{n}" + "\\" * 4000)
    box = rig.box("alice")
    box.call("recv", {"max": 32})
    before = rig.memory()
    box.link.settimeout(1.0)
    with pytest.raises(TimeoutError):
        ask_without_end(box)
    assert rig.memory() - before < 64 << 20
    assert not rig.box("bob").call("whoami")["isError"]


def ask_without_end(box: Box) -> None:
    for n in range(10**6):
        box.ask("history", {"limit": 50}, n)


def test_garbage_fills_no_journal(rig: McpRig) -> None:
    box = rig.box("alice")
    for n in range(90):
        box.line(b"garbage %d" % n)
        box.hear()
    assert len(rig.complaints()) == 1


def test_refused_calls_are_said_once_for_each_kind(rig: McpRig) -> None:
    turn = rig.begin("alice")
    box = rig.box("alice", turn)
    for n in range(5):
        assert box.call("send", {"to": "bob", "body": "x", f"from{n}": "\x1b[2J"})["isError"]
        assert box.call("kill", {"name": "bob"})["isError"]
    assert [line for line in rig.complaints() if "\x1b" in line] == []
    assert len(about(rig, "alice: ‘send’ refused: send: there is no argument")) == 1
    rig.end(turn)
    assert box.call("recv")["isError"] and box.call("history")["isError"]
    assert len(about(rig, f"alice: ‘recv’ refused: turn {turn.id} is not running")) == 1
    assert len(rig.complaints()) == 2


def test_a_hand_off_without_sense_is_dropped(rig: McpRig) -> None:
    for what in (b"carol", b"", b"alice/x", b"\xff", b"a" * 255):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(20)
            rig.hand_over(what, theirs.fileno())
            ours.sendall(b'{"hive":1,"turn":null,"nonce":"' + b"0" * 32 + b'"}\n')
            theirs.close()
            with contextlib.suppress(ConnectionResetError):
                assert ours.recv(1) == b"", what
    with open("/dev/null", "rb") as file:
        rig.hand_over(b"alice", file.fileno())
    assert not rig.box("bob").call("whoami")["isError"]


def flood_of_sends(box: Box, number: int) -> None:
    box.ask("send", {"to": "manager", "body": f"f{number}"}, number)


def flood_of_garbage(box: Box, number: int) -> None:
    box.line(b"[" * 2000)


def flood_of_big_lines(box: Box, number: int) -> None:
    box.line(PING[:-2] % number + b',"params":{"x":"' + b"\\u0041" * 150_000 + b'"}}')


def flood_of_recvs(box: Box, number: int) -> None:
    box.ask("recv", {"wait_seconds": 60}, number)


@pytest.mark.alone
@pytest.mark.parametrize(
    "flood", [flood_of_sends, flood_of_garbage, flood_of_big_lines, flood_of_recvs]
)
def test_a_flood_does_not_slow_a_peer(rig: McpRig, flood: Callable[[Box, int], None]) -> None:
    """Median of a peer's send while one agent does what it can over all its connections: at most twice the quiet one.

    The flood is a process of its own, stopped and let go on in turns, so that both medians see the same machine.
    """
    peer, turn = rig.box("bob"), rig.begin("alice")
    boxes = [rig.box("alice", turn) for _ in range(limits.CONNECTIONS)]
    flooder = multiprocessing.get_context("fork").Process(target=keep_on, args=(boxes, flood))
    flooder.start()
    assert flooder.pid
    spans: dict[int, list[float]] = {signal.SIGSTOP: [], signal.SIGCONT: []}
    try:
        for number in [signal.SIGCONT, signal.SIGSTOP] * 4:
            os.kill(flooder.pid, number)
            for _ in range(20):
                at = time.perf_counter()
                result = peer.call("send", {"to": "manager", "body": "x"})
                assert not result["isError"], result
                spans[number].append(time.perf_counter() - at)
                threading.Event().wait(0.025)  # at the pace that a peer may have
    finally:
        flooder.kill()
        flooder.join()
    loud, quiet = (statistics.median(spans[n]) * 1000 for n in (signal.SIGCONT, signal.SIGSTOP))
    print(f"{flood.__name__}: quiet {quiet:.2f} ms, loud {loud:.2f} ms")
    assert loud <= 2 * quiet, f"quiet {quiet:.2f} ms, loud {loud:.2f} ms"


def keep_on(boxes: list[Box], flood: Callable[[Box, int], None]) -> None:
    """Speaks without pause over all connections, and reads what comes back."""

    def speak(box: Box) -> None:
        box.link.settimeout(None)
        with contextlib.suppress(OSError):
            for number in range(10**9):
                flood(box, number)

    def read(box: Box) -> None:
        with contextlib.suppress(OSError):
            while box.link.recv(65536):
                pass

    work = [threading.Thread(target=what, args=(box,)) for box in boxes for what in (speak, read)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
