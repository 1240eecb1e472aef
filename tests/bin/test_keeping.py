"""hive-vacuum and hive-export as they are typed, and the examples of docs/persistence.md."""

import base64
import itertools
import json
import os
import re
import stat
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from hivelib.base import clock
from hivelib.flow import mailing
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import open_transcript
from hivelib.store import mail, transcripts
from tests.bin.conftest import Shell, give
from tests.support.aged import age
from tests.support.docs import commands_in
from tests.support.source import ROOT

DAY = 86400.0


def add_lines(shell: Shell, *days: float) -> None:
    transcript = open_transcript(shell.hive, "alice", create=True)
    assert transcript
    with transcript:
        for count in days:
            transcripts.append(transcript, 1, clock.now() - count * DAY, "assistant", '{"x":1}')
    give(shell.where)


def exported(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def of_table(lines: list[dict[str, Any]], table: str) -> list[dict[str, Any]]:
    return [line["row"] for line in lines if line["table"] == table and "transcript" not in line]


def test_a_dry_run_says_what_the_next_run_does(shell: Shell) -> None:
    age(shell.hive, 300, 20)
    add_lines(shell, 20, 1)
    before = shell.everything()
    for words in (["--dry-run"], []):
        assert shell.everything() == before
        first, second = shell.rows("hive-vacuum", *words)
        assert {table: count for table, count in first["rows"].items() if count} == {
            "messages": 300,
            "events": 300,
        }
        assert (second["database"], second["rows"]) == ("transcripts/alice.sqlite", {"lines": 1})
    said = shell.run("hive-vacuum").stdout.splitlines()
    assert [line.partition(";")[0] for line in said] == [
        "hive.sqlite: nothing went",
        "transcripts/alice.sqlite: nothing went",
    ]


def test_a_damaged_transcript_is_said_and_keeps_no_other(shell: Shell) -> None:
    age(shell.hive, 10, 1)
    add_lines(shell, 20, 20, 1)
    Path(shell.hive.paths.transcript("aaa")).write_bytes(b"damage" * 1000)
    give(shell.where)
    done = shell.run("hive-vacuum", status=1)
    assert "aaa.sqlite is damaged" in done.stdout and "10 messages, 10 events went" in done.stdout
    assert "2 lines went" in done.stdout and done.stderr.count("\n") == 1
    lost = shell.run("hive-export", status=1)
    assert lost.stderr.count("\n") == 1 and "damaged" in lost.stderr
    assert sum("transcript" in line for line in exported(lost.stdout)) == 1


def test_an_export_has_every_row_but_secrets_and_the_index(shell: Shell) -> None:
    mailing.send(shell.hive, SHELL, "alice", "\x1b[2J \u202e ünï 'x' \ud7ff")
    with shell.hive.db.write() as db:
        odd = mail.add(db, "alice", "bob", "x", lane="normal", at=1.5)
        db.execute("UPDATE messages SET body = CAST(x'ff00fe' AS TEXT) WHERE id = ?", (odd,))
        db.execute("UPDATE messages SET acked_at = 9e999 WHERE id = ?", (odd,))
        db.execute("INSERT INTO web_logins VALUES('a hash', 'admin', 1, 9e9)")
        db.execute("INSERT INTO web_sessions VALUES('a hash', 'admin', 1, 9e9, 1, '')")
    add_lines(shell, 2, 1)
    text = shell.run("hive-export").stdout
    assert text.isascii() and "a hash" not in text
    lines = exported(text)
    names = (
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'messages_search*'"
    )
    for (table,) in shell.hive.db.all(
        f"{names} AND name NOT GLOB '*web_*' AND name NOT GLOB 'sqlite_*'"
    ):
        count = shell.hive.db.value(f'SELECT count(*) FROM "{table}"')
        assert len(of_table(lines, table)) == count, table
    first, second = of_table(lines, "messages")
    assert first["body"] == "\x1b[2J \u202e ünï 'x' \ud7ff"
    assert first["recipient"] == "alice" and first["acked_at"] is None
    assert base64.b64decode(second["body"]["base64"]) == b"\xff\x00\xfe"
    assert (second["acked_at"], second["sent_at"]) == ({"real": "inf"}, 1.5)
    said = [line for line in lines if "transcript" in line]
    assert [(line["transcript"], line["row"]["payload"]) for line in said] == [
        ("alice", '{"x":1}')
    ] * 2
    assert lines[-2:] == said


def test_an_export_into_a_file_is_whole_private_and_never_in_the_place_of_another(
    shell: Shell,
) -> None:
    mailing.send(shell.hive, SHELL, "alice", "hello")
    made = shell.rows("hive-export", str(shell.where / "all.jsonl"))[0]
    file = shell.where / "all.jsonl"
    assert made == {"file": str(file), "lines": len(exported(file.read_text()))}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert "already" in shell.refusal("hive-export", str(file), status=1)
    assert file.read_bytes() == before
    assert not (shell.where / "all.jsonl.part").exists()


def test_an_export_is_of_one_instant_holds_up_nobody_and_needs_little_memory(shell: Shell) -> None:
    age(shell.hive, 0, 80_000, "x" * 500)
    give(shell.where)
    process = shell.start("hive-export", text=False)
    assert process.stdout
    first = process.stdout.readline()  # it has begun, and waits for us: a pipe holds 64 KiB
    for number in range(20):
        mailing.send(shell.hive, SHELL, "alice", f"later {number}")
    counts, most = Counter[str](), 0
    for number, line in enumerate(itertools.chain([first], process.stdout)):
        counts[json.loads(line)["table"]] += 1
        if number == 150_000:  # most of it is through, and it waits for us
            status = Path(f"/proc/{process.pid}/status").read_text()
            most = int(re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[0]) * 1024
    assert process.wait() == 0
    assert counts["messages"] == counts["events"] == 80_000
    assert 0 < most < os.stat(shell.hive.paths.database).st_size


def test_a_reader_that_has_enough_is_no_error(shell: Shell) -> None:
    age(shell.hive, 0, 2_000, "x" * 500)
    give(shell.where)
    process = shell.start("hive-export", text=False)
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b"", 0)


def test_the_examples_of_the_page_do_what_it_says(shell: Shell) -> None:
    mailing.send(shell.hive, SHELL, "alice", "hello")
    page = (ROOT / "docs/persistence.md").read_text()
    lines = [
        line[2:]
        for line in page.splitlines()
        if line.startswith(("$ hive-export", "$ hive-vacuum"))
    ]
    assert len(lines) == 3 and list(commands_in("page", page))
    for line in lines:
        done = subprocess.run(
            ["bash", "-ec", f"set -o pipefail; {line}"],
            env=shell.environment() | {"PATH": f"{ROOT}/bin:/usr/bin:/bin"},
            cwd=shell.where,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), line
    assert (shell.where / "hive-today.jsonl").exists()
