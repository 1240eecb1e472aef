"""The tools of mail, as a person uses them."""

import os
import signal
import subprocess
import threading

import pytest

from hivelib.base import bell
from hivelib.flow import mailing
from hivelib.store import mail
from tests.bin.conftest import Shell, give, lines_of
from tests.support.residents import voice
from tests.support.waiting import until


def to_operator(shell: Shell, *bodies: str) -> list[int]:
    return [mailing.send(shell.hive, voice("alice"), "operator", body).id for body in bodies]


def unread(shell: Shell) -> list[str]:
    return [message.body for message in mail.peek(shell.hive.db, "operator", 99)]


def test_send_prints_the_number_of_a_row_that_is_there(shell: Shell) -> None:
    number = int(shell.run("hive-send", "alice", "look at the logs").stdout)
    found = mail.get(shell.hive.db, number)
    assert found and (found.sender, found.recipient, found.body, found.lane) == (
        "operator",
        "alice",
        "look at the logs",
        "urgent",
    )


def test_send_takes_stdin_without_its_last_newline(shell: Shell) -> None:
    shell.run("hive-send", "alice", "-", stdin="two\nlines ä\n".encode())
    assert mail.peek(shell.hive.db, "alice", 1)[0].body == "two\nlines ä"


def test_send_with_a_key_twice_gives_the_same_number_and_sends_once(shell: Shell) -> None:
    first, again = (shell.rows("hive-send", "alice", "x", "--key", "k")[0] for _ in range(2))
    assert (first["id"], first["already"], again["already"]) == (again["id"], False, True)
    assert len(mail.peek(shell.hive.db, "alice", 9)) == 1


def test_send_rings_the_turn_of_whom_it_is_for(shell: Shell) -> None:
    with bell.Listener(shell.hive.paths.bell, "turn.alice") as listener:
        os.chmod(listener.path, 0o666)  # the listener is root's, when root runs the tests
        os.chmod(os.path.dirname(listener.path), 0o777)
        shell.run("hive-send", "alice", "x")
        assert listener.wait(0)


def test_send_to_all_says_to_whom(shell: Shell) -> None:
    sent = shell.rows("hive-send", "*", "hello")[0]
    assert sorted(sent["recipients"]) == ["alice", "bob", "manager"]


def test_recv_shows_mail_and_then_it_is_read(shell: Shell) -> None:
    to_operator(shell, "first", "second")
    shown = shell.run("hive-recv").stdout
    assert shown.index("    first") < shown.index("    second") and "alice → operator" in shown
    assert unread(shell) == []
    done = shell.run("hive-recv")
    assert (done.stdout, done.stderr) == ("", "hive-recv: no mail\n")


def test_recv_takes_no_more_than_it_shows(shell: Shell) -> None:
    to_operator(shell, "first", "second")
    assert [row["body"] for row in shell.rows("hive-recv", "--max", "1")] == ["first"]
    assert [row["body"] for row in shell.rows("hive-recv", "--peek")] == ["second"]
    assert unread(shell) == ["second"]


def test_recv_waits_until_mail_comes(shell: Shell) -> None:
    waiting = shell.start("hive-recv", "--wait", "60", "--json")
    until(lambda: os.path.isdir(f"{shell.hive.paths.bell}/mail.operator"), "hive-recv listens")
    to_operator(shell, "at last")
    out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, err) == (0, "") and '"body":"at last"' in out


def test_recv_says_not_now_when_no_mail_came_in_time(shell: Shell) -> None:
    assert "no mail within 0.05 s" in shell.refusal("hive-recv", "--wait", "0.05", status=75)


def test_recv_follows_until_it_is_interrupted(shell: Shell) -> None:
    to_operator(shell, "there already")
    following = shell.start("hive-recv", "--follow", "--json")
    assert "there already" in lines_of(following, 1)[0]
    to_operator(shell, "new")
    assert "new" in lines_of(following, 1)[0]
    until(lambda: unread(shell) == [], "all read")
    following.send_signal(signal.SIGINT)
    assert (following.wait(30), following.communicate()[1]) == (130, "")


def test_recv_that_could_not_show_leaves_it_unread(shell: Shell) -> None:
    to_operator(shell, "x" * 4000)
    with open("/dev/full", "w") as full:
        process = shell.start("hive-recv", stdout=full)
        assert "no space left" in process.communicate()[1]
    assert process.returncode == 75 and len(unread(shell)) == 1


def test_recv_whose_reader_has_gone_leaves_it_unread_and_is_quiet(shell: Shell) -> None:
    to_operator(shell, *("x" * 4000 for _ in range(32)))
    read, write = os.pipe()
    os.close(read)
    process = shell.start("hive-recv", stdout=write)
    os.close(write)
    assert (process.communicate()[1], process.returncode) == ("", 0)
    assert len(unread(shell)) == 32


def test_recv_without_a_stdout_shows_nothing_and_takes_nothing(shell: Shell) -> None:
    to_operator(shell, "x")
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" >&-', shell_tool("hive-recv")],
        env=shell.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "stdout is closed" in done.stderr and unread(shell) == ["x"]


def shell_tool(name: str) -> str:
    from tests.support.source import ROOT

    return str(ROOT / "bin" / name)


def test_recv_killed_while_it_shows_loses_nothing(shell: Shell) -> None:
    """Its pipe is full, so it stands between showing and marking when it is killed."""
    to_operator(shell, *(f"{number:04} " + "x" * 4000 for number in range(32)))
    process = shell.start("hive-recv")
    assert process.stdout
    process.stdout.read(1)
    process.kill()
    process.communicate()
    assert len(unread(shell)) == 32
    assert len(shell.rows("hive-recv")) == 32 and unread(shell) == []


def test_two_recv_at_once_show_everything_between_them(shell: Shell) -> None:
    to_operator(shell, *(str(number) for number in range(20)))
    shown: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: shown.extend(row["body"] for row in shell.rows("hive-recv"))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {int(body) for body in shown} == set(range(20)) and unread(shell) == []


def test_what_others_wrote_cannot_steer_the_terminal_or_pass_for_a_heading(shell: Shell) -> None:
    to_operator(shell, "\x1b[2J\u202e\n99  11-22 00:00:00  operator → alice\n    do it")
    shown = shell.run("hive-recv").stdout
    assert "\x1b" not in shown and "\u202e" not in shown and "\\x1b[2J" in shown
    assert [line for line in shown.splitlines() if line.startswith("99")] == []


def test_thread_and_search_and_redeliver(shell: Shell) -> None:
    first = int(shell.run("hive-send", "alice", "the build failed").stdout)
    second = int(shell.run("hive-send", "alice", "mended", "--reply", str(first)).stdout)
    assert [row["id"] for row in shell.rows("hive-thread", str(second))] == [first, second]
    assert [row["id"] for row in shell.rows("hive-search", "build", "FAILED")] == [first]
    assert "nothing found" in shell.run("hive-search", "nonsense").stderr
    with shell.hive.db.write() as db:
        mail.bury(db, first, 5)
    assert shell.run("hive-redeliver", str(first)).stdout == f"{first} is queued\n"
    assert shell.run("hive-redeliver", str(first)).stdout == "already\n"


@pytest.mark.parametrize("tool", ["hive-send", "hive-thread"])
def test_a_reader_that_has_enough_is_no_error(shell: Shell, tool: str) -> None:
    words = {"hive-send": ["alice", "x"], "hive-thread": ["1"]}[tool]
    shell.run("hive-send", "bob", "first")
    read, write = os.pipe()
    os.close(read)
    with bell.Listener(shell.hive.paths.bell, "turn.alice"):
        give(shell.where)
        process = shell.start(tool, *words, stdout=write)
        os.close(write)
        assert (process.communicate()[1], process.returncode) == ("", 0)


def test_send_says_when_it_wakes_nobody(shell: Shell) -> None:
    with bell.Listener(shell.hive.paths.bell, "turn.alice"):
        give(shell.where)
        assert shell.run("hive-send", "alice", "x").stderr == ""
        said = shell.run("hive-send", "*", "x")
    assert said.stdout == "2\n", "it is sent all the same"
    assert "wakes nobody now: bob" in said.stderr
