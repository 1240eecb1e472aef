"""Whatever a tool is given: one clear line, the right exit status, nothing half-done, no traceback."""

import os
from pathlib import Path

import pytest

from hivelib.store import mail
from tests.bin.conftest import Shell, give
from tests.support.docs import inner, tools
from tests.support.people import made_user
from tests.support.wrong_calls import CALLED_WRONGLY, REFUSED


def shown(words: object) -> str:
    return ascii(words)[:60]


@pytest.mark.parametrize("words", CALLED_WRONGLY, ids=shown)
def test_a_wrong_call_is_one_line_and_status_2(shell: Shell, words: tuple[str, ...]) -> None:
    shell.refusal(*words, status=2)


@pytest.mark.parametrize("words", REFUSED, ids=shown)
def test_what_cannot_be_is_one_line_and_status_1(shell: Shell, words: tuple[str, ...]) -> None:
    shell.refusal(*words, status=1)


@pytest.mark.parametrize(
    ("stdin", "status", "said"),
    [
        (b"\xff\xfe", 2, "not valid UTF-8"),
        (b"nul \0 in it", 1, "NUL"),
        (b"", 1, "empty"),
        (b"x" * 4098, 1, "more than 4096 bytes"),
        (b"x" * 3_000_000, 1, "more than 4096 bytes"),
    ],
)
def test_a_body_from_stdin_is_held_to_the_same(
    shell: Shell, stdin: bytes, status: int, said: str
) -> None:
    assert said in shell.refusal("hive-send", "alice", "-", stdin=stdin, status=status)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (b"{", "no JSON"),
        (b"[]", "must be an object"),
        (b'{"egres": []}', "did you mean egress"),
        (b'{"model": 3}', "model: input should be a valid string"),
        (b'{"egress": ["*."]}', "egress entry"),
        (b'{"extra_mcp_servers": {"hyperhive": {}}}', "the hive's own"),
        (b'{"extra_mcp_servers": {"x": {"comand": "y"}}}', "extra_mcp_servers.x.comand"),
        (b"\xff", "not valid UTF-8"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_a_bad_agent_json_makes_no_agent(shell: Shell, config: bytes, said: str) -> None:
    assert said in shell.refusal("hive-spawn", "carol", "--config", "-", stdin=config, status=2)


def test_an_endless_stdin_is_not_read_to_its_end(shell: Shell) -> None:
    with open("/dev/zero", "rb") as endless:
        process = shell.start("hive-send", "alice", "-", stdin=endless)
        assert "more than 4096 bytes" in process.communicate(timeout=30)[1]
    assert process.returncode == 1


def test_bodies_at_the_limit_and_odd_ones_that_are_text_go_through(shell: Shell) -> None:
    bodies = [
        "ä" * 2048,
        "\x1b[2J",
        "--help",
        "{}",
        "\u202e",
        "'; DROP TABLE messages; --",
        "$(id)",
    ]
    for body in bodies:
        shell.run("hive-send", "alice", "--", body)
    assert [message.body for message in mail.peek(shell.hive.db, "alice", 99)] == bodies


TYPED = sorted(set(tools()) - inner() - {"hive-up", "hive-down", "hive-check", "hive-doctor"})
NEEDS_A_HIVE = {
    "hive-agents": [],
    "hive-ask": ["alice", "x"],
    "hive-questions": [],
    "hive-events": [],
    "hive-recv": [],
    "hive-remind": ["alice", "now", "x"],
    "hive-reminders": [],
    "hive-search": ["x"],
    "hive-send": ["alice", "x"],
    "hive-start": ["alice"],
    "hive-status": [],
    "hive-thread": ["1"],
    "hive-transcript": ["alice"],
    "hive-backup": ["x.tar"],
    "hive-vacuum": [],
    "hive-export": [],
}


@pytest.mark.parametrize("tool", NEEDS_A_HIVE)
def test_without_a_hive_each_tool_says_how_to_start_one(tool: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, None)  # type: ignore[arg-type]  there is none
    done = shell.run(tool, *NEEDS_A_HIVE[tool], status=2)
    assert done.stderr.count("\n") == 1 and "hive-up" in done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == [], "nothing was made"


def test_a_hive_that_is_not_ours_is_said_so(shell: Shell) -> None:
    os.chmod(shell.hive.paths.database, 0)
    if os.geteuid() == 0:  # the tool drops to the hive's user, who may not read it now
        done = shell.run("hive-agents", status=75)
        assert "cannot open" in done.stderr and done.stderr.count("\n") == 1


def test_a_hive_of_root_is_refused(shell: Shell) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can run a hive as another user")
    os.chown(shell.hive.paths.state, 0, 0)
    assert "belongs to root" in shell.refusal("hive-send", "alice", "x", status=2)


def test_root_becomes_the_hives_user(shell: Shell) -> None:
    shell.run("hive-send", "alice", "x")
    give_up = made_user().uid if os.geteuid() == 0 else os.geteuid()
    owners = {path.stat().st_uid for path in Path(shell.hive.paths.state).rglob("*")}
    assert owners == {give_up}, "no file of another user lies in the state"


def test_a_newer_schema_is_said_in_one_line(shell: Shell) -> None:
    shell.hive.db.execute("PRAGMA user_version=999")
    assert "newer hyperhive" in shell.refusal("hive-send", "alice", "x", status=1)


@pytest.mark.parametrize("text", ["[mail]\nbody_limt = 3", "[mail", "mail = 3", "\x00"])
def test_bad_settings_name_file_and_field(shell: Shell, text: str) -> None:
    (shell.where / "hive.toml").write_text(text)
    give(shell.where)
    assert "hive.toml: " in shell.refusal("hive-send", "alice", "x", status=2)


def test_a_damaged_database_is_said_in_one_line(shell: Shell) -> None:
    shell.hive.db.close()
    for name in ("hive.sqlite", "hive.sqlite-wal", "hive.sqlite-shm"):
        path = Path(f"{shell.hive.paths.state}/{name}")
        if path.exists():
            path.write_bytes(b"damage" * 5000)
    done = shell.run("hive-send", "alice", "x", status=1)
    assert "damaged" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("tool", TYPED)
def test_help_and_nonsense(shell: Shell, tool: str) -> None:
    assert shell.run(tool, "--help").stdout
    if (Path(__file__).parents[2] / "bin" / tool).read_bytes().startswith(b"#!/usr/bin/env"):
        shell.refusal(tool, "--nonsense", status=2)
