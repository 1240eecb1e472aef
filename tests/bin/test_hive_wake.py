"""hive-wake against a host that answers, refuses, or dies."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mcp_host import Connection, Cut, Host, Message
from tests.support.source import ROOT

TOOL = ROOT / "bin/hive-wake"
# The tool itself, with its socket where the test has one and less patience.
ELSEWHERE = """
import importlib.machinery, sys
wake = importlib.machinery.SourceFileLoader("wake", sys.argv[1]).load_module()
wake.SOCKET, wake.TRY_FOR = sys.argv[2], float(sys.argv[3])
sys.exit(wake.main(sys.argv[4:]))
"""


@pytest.fixture
def host(short_path: Path) -> Iterator[Host]:
    host = Host(short_path / "s")
    host.tools["wake"] = accepted
    host.listen()
    yield host
    host.leave()


def accepted(one: Connection, message: Message) -> Message:
    return {"id": message["id"], "result": {"content": [{"type": "text", "text": "457"}]}}


def wake(
    host: Host, *arguments: str, stdin: bytes = b"", turn: str = "88", seconds: float = 10
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-BW", "ignore", "-c", ELSEWHERE, str(TOOL), str(host.path)]
    done = subprocess.run(
        [*command, str(seconds), *arguments],
        input=stdin,
        env={"HIVE_TURN": turn} if turn else {},
        capture_output=True,
        check=False,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(arguments, done.returncode, out, err)


def test_a_message_is_sent_with_its_label_and_turn(host: Host) -> None:
    done = wake(host, "--from", "nightly", "--body", "tests are red")
    assert (done.returncode, done.stdout, done.stderr) == (0, "457\n", "")
    assert host.seen[-1]["params"] == {
        "name": "wake",
        "arguments": {"label": "nightly", "body": "tests are red"},
    }
    assert host.preambles[0]["turn"] == 88


def test_the_body_comes_from_stdin_and_needs_no_turn(host: Host) -> None:
    done = wake(host, "--from", "x", "--body", "-", stdin="grün\n".encode(), turn="")
    assert done.returncode == 0 and host.preambles[0]["turn"] is None
    assert host.seen[-1]["params"]["arguments"]["body"] == "grün\n"


def test_a_refusal_is_exit_code_1_with_the_reason(host: Host) -> None:
    result = {"isError": True, "content": [{"type": "text", "text": "too long, the most is 4096"}]}
    host.tools["wake"] = lambda one, message: {"id": message["id"], "result": result}
    done = wake(host, "--from", "x", "--body", "y")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "hive-wake: too long, the most is 4096\n"


def test_a_protocol_error_is_exit_code_1_too(host: Host) -> None:
    error = {"code": -32000, "message": "no such tool"}
    host.tools["wake"] = lambda one, message: {"id": message["id"], "error": error}
    done = wake(host, "--from", "x", "--body", "y")
    assert done.returncode == 1 and "no such tool" in done.stderr


def test_a_host_that_dies_is_asked_again_under_the_same_name(host: Host) -> None:
    host.cuts = [Cut(read=200), Cut(written=30)]
    assert wake(host, "--from", "x", "--body", "y").returncode == 0
    assert len(host.preambles) == 3
    assert len({one["nonce"] for one in host.preambles}) == 1


def test_a_host_that_is_not_there_is_exit_code_75(host: Host) -> None:
    host.leave()
    done = wake(host, "--from", "x", "--body", "y", seconds=0.3)
    assert done.returncode == 75 and "can't be reached" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        ([], b""),
        (["--from", "x"], b""),
        (["--from", "x", "--body", ""], b""),
        (["--from", "x", "--body", "-"], b" \n"),
        (["--from", "x", "--body", "-"], b"\xff"),
        (["--from", "x", "--body", "-"], b"x" * (1 << 20) + b"x"),
        (["--from", "x", "--body", "y", "more"], b""),
    ],
)
def test_called_wrongly_it_says_so_and_sends_nothing(
    host: Host, arguments: list[str], stdin: bytes
) -> None:
    done = wake(host, *arguments, stdin=stdin)
    assert done.returncode == 2 and "hive-wake" in done.stderr and "Traceback" not in done.stderr
    assert host.seen == []


def test_help_ends_in_an_example() -> None:
    done = subprocess.run([TOOL, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith("Example: ")
    assert done.stderr == ""
