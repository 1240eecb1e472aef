"""The tools that show: what they give as JSON is documented, what they show is safe, what they follow is not missed."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hivelib.base import bell, clock
from hivelib.flow import mailing, settling
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import open_transcript
from hivelib.flow.settling import Outcome
from hivelib.store import agents, transcripts
from tests.bin.conftest import Shell, give, lines_of
from tests.support.residents import begin_turn, in_turn
from tests.support.source import ROOT
from tests.support.waiting import until

SAID = [
    {"type": "system", "subtype": "init", "model": "sonnet", "session_id": "s", "mcp_servers": []},
    {"type": "assistant", "message": {"content": [{"type": "text", "text": "I look\x1b[2J"}]}},
    {
        "type": "assistant",
        "message": {"content": [{"type": "tool_use", "name": "Bash", "input": {"command": "ls"}}]},
    },
    {"type": "user", "message": {"content": [{"type": "tool_result", "content": "a\nb\nc"}]}},
    {"type": "result", "is_error": False, "num_turns": 2, "total_cost_usd": 0.5},
]
HOSTILE = [
    "no JSON \x1b[2J",
    "[" * 50_000,
    '{"type":"result","num_turns":' + "9" * 4000 + "}",
    '{"type":"result","total_cost_usd":NaN,"duration_ms":Infinity}',
    '{"type":"assistant","message":{"content":[1,null,{"type":"text"},{"type":"tool_use"}]}}',
    '{"type":"assistant","message":[]}',
    '{"type":"user","message":{"content":[{"type":"tool_result","content":[{"x":1},3]}]}}',
    '{"type":"system","subtype":"init","mcp_servers":[3,{"name":["\\u001b"]}]}',
    '{"type":["x"],"subtype":{}}',
    '{"type":"assistant","message":{"content":"\\ud800\\u001b[2J\\u202e"}}',
    json.dumps({"type": "x", "deep": json.loads("[" * 900 + "]" * 900)}),
]


def write_transcript(shell: Shell, name: str, turn: int, lines: list[str]) -> None:
    db = open_transcript(shell.hive, name, create=True)
    assert db
    with db:
        for line in lines:
            transcripts.append(db, turn, clock.now(), "line", line)
    give(shell.where)


def fields_of(shell: Shell, tool: str) -> set[str]:
    """The fields that a tool's help documents."""
    text = " ".join(shell.run(tool, "--help").stdout.split())
    listed = text.partition("JSON fields: ")[2].partition(". Example")[0]
    return {part.split(" = ")[0] for part in listed.split("; ") if " = " in part}


def test_json_has_exactly_the_documented_fields(shell: Shell) -> None:
    with shell.hive.db.write() as db:
        mailing.notify(shell.hive, "operator", "hello")
        agents.park(db, "bob", "rate_limited", clock.now() + 9, "later", clock.now())
    begin_turn(shell.hive, "alice")
    write_transcript(shell, "alice", 1, [json.dumps(line) for line in SAID])
    calls = {
        "hive-agents": [],
        "hive-status": [],
        "hive-events": [],
        "hive-transcript": ["alice"],
        "hive-recv": [],
        "hive-thread": ["1"],
        "hive-search": ["hello"],
        "hive-send": ["alice", "x"],
        "hive-check-config": [],
        "hive": [],
    }
    mailing.send(shell.hive, SHELL, "alice", "an event")
    for tool, words in calls.items():
        rows = shell.rows(tool, *words)
        assert rows, tool
        for row in rows:
            assert row.keys() == fields_of(shell, tool), tool


def test_agents_shows_turns_inboxes_and_parkings(shell: Shell) -> None:
    turn = begin_turn(shell.hive, "alice")
    for body in ("one", "two"):
        mailing.send(shell.hive, SHELL, "alice", body)
    mailing.take(shell.hive, in_turn(turn), 1)
    with shell.hive.db.write() as db:
        agents.park(db, "bob", "auth_failed", None, "no\x1blogin", clock.now())
    rows = {row["name"]: row for row in shell.rows("hive-agents")}
    assert list(rows) == ["manager", "alice", "bob"], "the manager first"
    assert [rows["alice"][name] for name in ("turn", "queued", "claimed")] == [turn.id, 1, 1]
    assert "auth_failed, until told: no\\x1blogin" in shell.run("hive-agents").stdout


def test_status_names_what_needs_an_eye(shell: Shell) -> None:
    sent = mailing.send(shell.hive, SHELL, "alice", "poison").id
    for _ in range(5):
        turn = begin_turn(shell.hive, "alice")
        with shell.hive.db.write() as db:
            db.execute("UPDATE messages SET not_before = 0")
        mailing.take(shell.hive, in_turn(turn), 1)
        settling.end_turn(shell.hive, turn, Outcome("failed", "it broke"))
    running = begin_turn(shell.hive, "bob")
    status = shell.rows("hive-status")[0]
    assert [letter["id"] for letter in status["dead"]] == [sent]
    assert [warning["mend"] for warning in status["warnings"]] == [f"hive-redeliver {sent}"]
    assert [turn["id"] for turn in status["turns"]] == [running.id]
    assert status["unread"] == 1 and status["running"] in (False, None)
    page = shell.run("hive-status").stdout
    assert f"hive-redeliver {sent}" in page and "poison" in page and "1 unread" in page
    one = shell.rows("hive-status", "alice")[0]
    assert [row["name"] for row in one["agents"]] == ["alice"]
    assert [turn["outcome"] for turn in one["turns"]] == ["failed"] * 5


def test_events_are_listed_after_a_number_and_by_kind_and_subject(shell: Shell) -> None:
    for name in ("alice", "bob", "alice"):
        mailing.send(shell.hive, SHELL, name, "x")
    rows = shell.rows("hive-events")
    assert [row["subject"] for row in rows] == ["alice", "bob", "alice"]
    assert [row["seq"] for row in shell.rows("hive-events", "--after", "1")] == [2, 3]
    assert [row["seq"] for row in shell.rows("hive-events", "--subject", "alice")] == [1, 3]
    assert [row["seq"] for row in shell.rows("hive-events", "--limit", "1")] == [3]
    assert [row["seq"] for row in shell.rows("hive-events", "--after", "0", "--limit", "1")] == [1]
    assert shell.rows("hive-events", "--kind", "acked") == []


def test_events_followed_are_all_of_them_in_order(shell: Shell) -> None:
    mailing.send(shell.hive, SHELL, "alice", "before")
    following = shell.start("hive-events", "--follow", "--json")
    seen = [json.loads(lines_of(following, 1)[0])["seq"]]
    for number in range(200):
        mailing.send(shell.hive, SHELL, "bob", str(number))
    seen += [json.loads(line)["seq"] for line in lines_of(following, 200)]
    following.send_signal(signal.SIGINT)
    assert following.wait(30) == 130 and seen == list(range(1, 202))


def test_a_transcript_is_shown_short_and_safe(shell: Shell) -> None:
    write_transcript(shell, "alice", 1, ['{"type":"result"}'])
    write_transcript(shell, "alice", 2, [json.dumps(line) for line in SAID])
    shown = shell.run("hive-transcript", "alice").stdout
    assert "turn 2" in shown and "turn 1" not in shown
    assert "I look\\x1b[2J" in shown and "→ Bash  ls" in shown
    assert "← a  (+2 lines)" in shown and "0.5000 USD" in shown
    assert "turn 1" in shell.run("hive-transcript", "alice", "--turn", "1").stdout
    raw = shell.run("hive-transcript", "alice", "--raw").stdout.splitlines()
    assert [json.loads(line) for line in raw] == SAID


@pytest.mark.parametrize(
    "line", HOSTILE, ids=lambda line: line[:30].encode("unicode_escape").decode()
)
def test_a_hostile_line_breaks_no_view(shell: Shell, line: str) -> None:
    write_transcript(shell, "alice", 1, [line, '{"type":"result","is_error":false}'])
    shown = shell.run("hive-transcript", "alice").stdout
    assert all(char.isprintable() or char == "\n" for char in shown) and "= done" in shown
    assert len(shell.rows("hive-transcript", "alice")) == 2


def test_a_transcript_is_followed_from_its_turns_beginning(shell: Shell) -> None:
    write_transcript(shell, "alice", 1, ['{"n":0}'])
    following = shell.start("hive-transcript", "alice", "--follow", "--json")
    seen = [json.loads(line)["row"] for line in lines_of(following, 1)]
    db = open_transcript(shell.hive, "alice")
    assert db
    with db:
        for number in range(50):
            transcripts.append(db, 1 + number // 25, clock.now(), "line", "{}")
            bell.ring(shell.hive.paths.bell, "agent.alice")
    seen += [json.loads(line)["row"] for line in lines_of(following, 50)]
    following.kill()
    following.communicate()
    assert seen == list(range(1, 52))


def test_a_transcript_that_is_not_there_yet_is_followed_too(shell: Shell) -> None:
    following = shell.start("hive-transcript", "alice", "--follow", "--json")
    until(lambda: os.path.isdir(f"{shell.hive.paths.bell}/agent.alice"), "it listens")
    write_transcript(shell, "alice", 1, ["{}"])
    bell.ring(shell.hive.paths.bell, "agent.alice")
    assert json.loads(lines_of(following, 1)[0])["row"] == 1
    following.kill()
    following.communicate()


def test_logs_are_read_from_the_hives_own_files(shell: Shell) -> None:
    os.makedirs(shell.hive.paths.log, exist_ok=True)
    with open(f"{shell.hive.paths.log}/hive-turn@alice.log", "w") as log:
        log.write("one\ntwo \x1b[2J\n")
    shown = shell.run("hive-logs", "alice", "--lines", "1").stdout
    assert "two \\x1b[2J" in shown and "one" not in shown
    assert "nothing was logged" in shell.run("hive-logs", "hive-broker").stderr


def test_hive_lists_the_tools_and_becomes_one(shell: Shell) -> None:
    names = [row["name"] for row in shell.rows("hive")]
    assert {"hive-send", "hive-recv", "hive-status"} <= set(names)
    assert "hive-turn" not in names and "hive-mcp-pump" not in names
    shell.run("hive", "send", "alice", "hello", "--lane", "normal")
    assert [row["recipient"] for row in shell.rows("hive-thread", "1")] == ["alice"]
    assert "did you mean send" in shell.refusal("hive", "sned", status=2)
    assert "_HIVE_SEND_COMPLETE" in shell.run("hive", "--completion", "bash").stdout


def test_a_completed_word(shell: Shell) -> None:
    asked = {
        "COMP_WORDS": "hive-send --la",
        "COMP_CWORD": "1",
        "_HIVE_SEND_COMPLETE": "bash_complete",
    }
    done = subprocess.run(
        [ROOT / "bin/hive-send"],
        env={**shell.environment(), **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "plain,--lane\n"


def test_a_bug_is_said_to_be_one_with_where_it_happened(shell: Shell) -> None:
    shell.hive.db.execute("ALTER TABLE agents RENAME TO elsewhere")
    process = shell.start("hive-agents")
    out, err = process.communicate()
    lines = err.splitlines()
    assert (process.returncode, out) == (3, "")
    assert lines[0].startswith("hive-agents: a bug: OperationalError: no such table: agents")
    assert any("store/agents.py" in line for line in lines)


def test_interrupted_while_it_waits_is_130_and_quiet(shell: Shell) -> None:
    process = shell.start("hive-recv", "--wait", "60")
    fifos = Path(shell.hive.paths.bell, "mail.operator")
    until(lambda: [*fifos.glob("[!.]*")], "it listens")  # by another name it is not there yet
    process.send_signal(signal.SIGINT)
    assert (process.communicate(), process.returncode) == (("", ""), 130)
    assert os.listdir(fifos) == [], "its fifo is gone"


def test_check_config_names_every_fault(shell: Shell) -> None:
    path = shell.where / "hive.toml"
    assert "is right" in shell.run("hive-check-config").stdout
    path.write_text('[web]\nport = "x"\n[mail]\npair_limit = 1.5\n')
    done = shell.run("hive-check-config", str(path), status=2)
    assert "web.port" in done.stderr and "mail.pair_limit" in done.stderr and done.stdout == ""
    path.write_text("[mail]\nbody_limt = 3\n")
    assert "did you mean mail.body_limit" in shell.run("hive-check-config", status=2).stderr
    for text, said in (
        ("[web]\nport = 0", "web.port: 0 is not from 1 to 65535"),
        ('[systemd]\nscope = "x"', "systemd.scope: 'x' is none of user, private, system"),
        ("[idle]\nmcp_seconds = nan", "idle.mcp_seconds"),
        ("state_dir = 2020-01-01", "state_dir"),
    ):
        path.write_text(text)
        assert said in shell.run("hive-check-config", status=2).stderr


HOT = {"hive-send": ["alice", "x"], "hive-recv": []}
COSTLY = [
    "pydantic",
    "sqlite_utils",
    "sh",
    "mcp",
    "asyncio",
    "socket",
    "pathlib",
    "subprocess",
    "bottle",
]


@pytest.mark.parametrize("tool", HOT)
def test_the_hot_tools_import_nothing_that_they_do_not_use(shell: Shell, tool: str) -> None:
    """python -X importtime names every module that a whole run has imported."""
    process = subprocess.run(
        [ROOT / ".venv/bin/python3", "-X", "importtime", ROOT / "bin" / tool, *HOT[tool]],
        env=shell.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in process.stderr.splitlines()}
    assert "click" in imported and imported & set(COSTLY) == set()
