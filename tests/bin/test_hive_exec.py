"""hive-exec as the host sees it, with a claude that is a short script."""

import json
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.exec_box import ExecBox
from tests.support.waiting import until

ECHO = '#!/bin/sh\nwhile read -r line; do echo "heard $line"; done; echo bye >&2; exit 7\n'
RunBox = Callable[..., ExecBox]


@pytest.fixture
def box(short_path: Path) -> Iterator[RunBox]:
    made = []

    def run(claude: str, *arguments: str) -> ExecBox:
        made.append(ExecBox(short_path, claude, *arguments))
        return made[-1]

    yield run
    for one in made:
        one.end()


def alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_lines_go_both_ways_and_the_exit_code_comes_last(box: RunBox) -> None:
    one = box(ECHO)
    one.started()
    one.say({"in": "hello"})
    assert one.hear() == {"out": "heard hello"}
    one.say({"in": "ünï"})
    assert one.hear() == {"out": "heard ünï"}
    one.say({"eof": True})
    assert list(one.rest()) == [{"err": "bye"}, {"exit": 7}]
    assert one.ended() == 0


def test_claude_gets_its_turn_files_arguments_and_environment(box: RunBox) -> None:
    one = box('#!/bin/sh\necho "$HIVE_TURN $COLOUR $1 $2"; cat "$3" "$4"; pwd\n')
    files = {"a.json": {"x": [1]}, "system.md": "You are ünï.\n"}
    args = ["--say", "{files}", "{files}/a.json", "{files}/system.md"]
    one.started(args=args, files=files, env={"COLOUR": "blue"})
    first, second, third = [line["out"] for line in one.rest() if "out" in line]
    assert first == "88 blue --say {files}"  # only a path below it is replaced
    assert (second, third) == ('{"x": [1]}You are ünï.', str(one.where))


def test_without_a_turn_there_is_no_turn_number(box: RunBox) -> None:
    one = box('#!/bin/sh\necho "turn=$HIVE_TURN"\n')
    one.say({"args": ["auth", "login"]})
    one.hear()
    assert one.hear() == {"out": "turn="}


def test_the_boxs_own_servers_and_patterns_join_a_turn(box: RunBox) -> None:
    one = box('#!/bin/sh\ncat "$2"; echo; shift 3; echo "$@"\n')
    settings = {
        "extra_mcp_servers": {"matrix": {"command": "m", "allowedTools": ["send", "read_*"]}},
        "bash_patterns": ["git log:*"],
    }
    (one.where / "agent.json").write_text(json.dumps(settings))
    ours = {"mcpServers": {"hyperhive": {"command": "/opt/hive/hive-mcp-pump"}}}
    args = ["--mcp-config", "{files}/mcp.json", "--allowedTools", "Bash", "Read", "--verbose"]
    one.started(args=args, files={"mcp.json": ours})
    config, tools = [line["out"] for line in one.rest() if "out" in line]
    matrix = {"command": "m", "args": [], "env": {}}
    assert json.loads(config) == {"mcpServers": {"matrix": matrix, **ours["mcpServers"]}}
    assert tools == "Bash(git log:*) Read mcp__matrix__send mcp__matrix__read_* --verbose"


@pytest.mark.parametrize("text", ["{", '{"extra_mcp_servers": {"hyperhive": {"command": "x"}}}'])
def test_settings_that_cannot_be_used_end_the_turn_before_it_begins(box: RunBox, text: str) -> None:
    one = box("#!/bin/sh\necho ran\n")
    (one.where / "agent.json").write_text(text)
    one.started(args=["--allowedTools", "Bash"], files={"mcp.json": {}})
    said = list(one.rest())
    assert [list(line) for line in said] == [["err"], ["exit"]] and said[1]["exit"] == 125
    assert "hive-claude: " in said[0]["err"]


@pytest.mark.parametrize(
    ("request_line", "reason"),
    [
        (b"nonsense\n", "not JSON"),
        (b"[]\n", "an object"),
        (b"[" * 100_000 + b"\n", "not JSON"),
        (b'{"argv": []}\n', "no fields but"),
        (b'{"turn": "88"}\n', "turn"),
        (b'{"turn": true}\n', "turn"),
        (b'{"args": "ls"}\n', "args"),
        (b'{"args": [1]}\n', "strings"),
        (b'{"args": ["a\\u0000b"]}\n', "could not be started"),
        (b'{"env": {"A": 1}}\n', "strings"),
        (b'{"files": {"../x": ""}}\n', "no file name"),
        (b'{"files": {".x": ""}}\n', "no file name"),
        (b'{"files": {"": ""}}\n', "no file name"),
        (b'{"args": ["' + b"x" * 300_000 + b'"]}\n', "could not be started"),
        (b"x" * (17 << 20), "bytes"),
    ],
)
def test_a_bad_request_gets_one_clear_line(box: RunBox, request_line: bytes, reason: str) -> None:
    one = box("#!/bin/sh\necho ran\n")
    sender = threading.Thread(target=one.say, args=(request_line,))
    sender.start()
    said = [one.hear(), one.hear()]
    assert [list(line) for line in said] == [["err"], ["exit"]] and said[1] == {"exit": 125}
    assert reason in said[0]["err"] and "\n" not in said[0]["err"]
    sender.join()
    one.close()
    assert one.ended() == 0


def test_a_line_that_is_not_understood_is_named_and_the_turn_goes_on(box: RunBox) -> None:
    one = box(ECHO)
    one.started()
    for line in (b"nonsense\n", b"[]\n", b'{"signal": "NO"}\n', b'{"in": 1}\n', b"{}\n"):
        one.say(line)
        assert "was not understood" in one.hear()["err"]
    one.say({"in": "still there"})
    assert one.hear() == {"out": "heard still there"}


def test_a_signal_reaches_claude(box: RunBox) -> None:
    one = box(
        "#!/bin/sh\ntrap 'echo caught; exit 3' TERM\necho ready\nwhile :; do read -r never; done\n"
    )
    one.started()
    assert one.hear() == {"out": "ready"}
    one.say({"signal": "TERM"})
    assert list(one.rest()) == [{"out": "caught"}, {"exit": 3}]


def test_a_claude_that_a_signal_killed_has_a_negative_exit_code(box: RunBox) -> None:
    one = box("#!/bin/sh\nkill -9 $$\n")
    one.started()
    assert list(one.rest()) == [{"exit": -9}]


def test_claude_dies_when_the_host_closes(box: RunBox) -> None:
    one = box("#!/bin/sh\nsleep 300 & echo $!; exec sleep 300\n")
    pids = [one.started(), int(one.hear()["out"])]
    assert all(map(alive, pids))
    one.close()
    assert one.ended() == 0
    until(lambda: not any(map(alive, pids)), "claude and its child are gone")


def test_claude_dies_when_the_host_closes_though_it_is_never_read(box: RunBox) -> None:
    one = box("#!/bin/sh\nexec yes\n")
    pid = one.started()
    one.say({"in": "x" * 1_000_000})  # and does not read either
    one.close()
    assert one.ended() == 0
    until(lambda: not alive(pid), "claude is gone")


def test_all_that_claude_wrote_comes_before_the_exit_code(box: RunBox) -> None:
    one = box("#!/bin/sh\nseq 200000; printf 'no end'; printf 'nor here' >&2\n")
    one.started()
    said = list(one.rest())
    out = [line["out"] for line in said if "out" in line]
    assert out == [*map(str, range(1, 200001)), "no end"]
    assert {"err": "nor here"} in said and said[-1] == {"exit": 0}


def test_a_child_left_behind_does_not_keep_the_turn_open(box: RunBox) -> None:
    one = box("#!/bin/sh\necho one; sleep 300 &\n")
    one.started()
    assert list(one.rest()) == [{"out": "one"}, {"exit": 0}]
    assert one.ended() == 0


def test_a_monstrous_line_is_cut_and_marked(box: RunBox) -> None:
    one = box("#!/bin/sh\nhead -c 20000000 /dev/zero | tr '\\0' x; echo; echo next\n")
    one.started()
    long, following, code = one.rest()
    assert len(long["out"]) < 8_400_000 and long["out"].endswith("longer than 8 MiB]")
    assert (following, code) == ({"out": "next"}, {"exit": 0})


def test_bytes_that_are_no_text_are_replaced(box: RunBox) -> None:
    one = box("#!/bin/sh\nprintf 'a\\377b\\0c\\n'\n")
    one.started()
    assert one.hear() == {"out": "a\ufffdb\0c"}


def test_raw_output_comes_in_chunks_without_waiting_for_a_line(box: RunBox) -> None:
    one = box(
        "#!/bin/sh\nprintf 'code: '; read -r code; printf '\\303'; sleep 0.1; printf '\\274%s' \"$code\"\n"
    )
    one.started(raw=True)
    assert one.hear() == {"raw": "code: "}
    one.say({"in": "abc"})
    text = "".join(line["raw"] for line in one.rest() if "raw" in line)
    assert text == "üabc"


def test_a_slow_host_holds_claude_up_but_not_itself(box: RunBox) -> None:
    one = box("#!/bin/sh\nexec yes a line of some length\n")
    pid = one.started()

    written = 0

    def stalled() -> bool:
        nonlocal written
        before = written
        with open(f"/proc/{pid}/io") as file:
            written = int(file.read().split("wchar: ")[1].split()[0])
        return before == written > 1_000_000

    until(stalled, "claude is held up")
    with open(f"/proc/{one.process.pid}/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert resident < 64 << 20
    assert one.hear() == {"out": "a line of some length"}


def test_a_second_caller_waits_for_another_box(box: RunBox) -> None:
    one = box(ECHO)
    one.started()
    second = socket.socket(socket.AF_UNIX)
    second.connect(str(one.where / "exec.sock"))
    second.sendall(b'{"turn": 89}\n')
    one.say({"eof": True})
    list(one.rest())
    assert one.ended() == 0
    second.settimeout(0.2)
    with pytest.raises(TimeoutError):  # nobody answered it, and it is still waiting in the socket
        second.recv(1)
    one.listener.settimeout(1)
    waiting, _ = one.listener.accept()
    assert waiting.recv(100) == b'{"turn": 89}\n'


def test_the_relay_joins_the_proxys_port_with_the_hosts_socket(box: RunBox) -> None:
    one = box(ECHO)
    one.started()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(one.where / "net.sock"))
    server.listen()
    server.settimeout(10)
    with socket.create_connection(("127.0.0.1", one.port), 10) as caller:
        connection, _ = server.accept()
        with connection:
            caller.sendall(b"GET")
            caller.shutdown(socket.SHUT_WR)
            assert connection.recv(10) == b"GET" and connection.recv(1) == b""
            connection.sendall(b"OK" * 500_000)
        said = b"".join(iter(lambda: caller.recv(1 << 16), b""))
    assert said == b"OK" * 500_000
    server.close()
    (one.where / "net.sock").unlink()
    with socket.create_connection(("127.0.0.1", one.port), 10) as caller:
        assert caller.recv(1) == b""  # nobody behind it: closed, and the relay goes on


@pytest.mark.parametrize("more", [-1, 1])
def test_the_number_of_processes_is_limited_but_never_raised(box: RunBox, more: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    now, limited = (hard, True) if hard != resource.RLIM_INFINITY else (100_000, False)
    one = box("#!/bin/sh\ngrep processes /proc/self/limits\n", "--processes", str(now + more))
    one.started()
    assert one.hear()["out"].split()[3] == str(min(now, now + more) if limited else now + more)


def test_a_missing_claude_is_said(box: RunBox) -> None:
    one: Any = box("")
    (one.where / "claude").unlink()
    one.say({})
    assert "could not be started" in one.hear()["err"] and one.hear() == {"exit": 125}
