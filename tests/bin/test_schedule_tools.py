"""What recurs, as the operator sees, decides and sets it."""

import re

import pytest

from hivelib.model.records import Approval
from hivelib.store import reminders
from tests.bin.conftest import Shell, give
from tests.bin.test_looking import fields_of
from tests.support.schedules import ask
from tests.support.undecided import forge

GOLDEN = """\
approval 1: schedule for alice, pending
  asked   by alice, TIME, expires in 13 d
  digest  SHA

what it schedules:
  - whom: alice
  - how often: Mon..Fri 09:00, a calendar expression in the hive's local time
  - the next times, approved now: DATE, DATE, DATE
  - into the file: /state/plan.md
  - the message, 35 bytes:
    look\\x1b[2J
    next:
      hive-approve 1 now

next:
  hive-approve 1 --sha SHORT
  hive-deny 1 --note "…"
"""


def asked(
    shell: Shell, message: str = "look\x1b[2J\nnext:\n  hive-approve 1 now", **more: object
) -> Approval:
    """A schedule of alice's that waits."""
    found = ask(shell.hive, message=message, **more)
    give(shell.where)
    return found


def test_it_is_shown_in_words_with_the_whole_message(shell: Shell) -> None:
    one = asked(shell, calendar="Mon..Fri 09:00", file_path="/state/plan.md")
    shown = shell.run("hive-show", "1").stdout
    shown = shown.replace(one.fetched_sha, "SHA").replace(one.fetched_sha[:12], "SHORT")
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+", "DATE", shown)
    assert re.sub(r"\d\d-\d\d \d\d:\d\d:\d\d", "TIME", shown) == GOLDEN
    assert "Mon..Fri 09:00" in shell.run("hive-pending").stdout


def test_json(shell: Shell) -> None:
    one = asked(shell, every=3600)
    for tool, words in (("hive-pending", []), ("hive-show", ["1"])):
        (row,) = shell.rows(tool, *words)
        assert row.keys() == fields_of(shell, tool)
        said = row["schedule"]
        assert (said["message"], said["every"]) == (
            "look\x1b[2J\nnext:\n  hive-approve 1 now",
            3600.0,
        )
        assert len(said["next"]) == 3 and said["next"][1] - said["next"][0] == 3600.0
    assert row["files"] == [] and row["words"][1] == "how often: every 1 h"
    forge(shell.hive, one.id, config="{}")
    assert shell.rows("hive-pending")[0]["schedule"] is None


def test_a_text_that_was_changed_is_shown_as_tampered_and_refused(shell: Shell) -> None:
    one = asked(shell)
    forge(shell.hive, one.id, config=one.config.replace("look", "kill"))
    shown = shell.run("hive-show", "1").stdout
    assert "DANGER  TAMPERED" in shown and "it cannot be approved" in shown
    assert "hive-approve 1 --sha" not in shown and "kill" not in shown
    assert "row names" in shell.run("hive-approve", "1", status=1).stderr


def test_it_is_approved_by_its_digest_and_denied(shell: Shell) -> None:
    one, two = asked(shell), asked(shell, "other")
    assert (
        "look: hive-show 1" in shell.run("hive-approve", "1", "--sha", "0000000", status=1).stderr
    )
    assert shell.run("hive-approve", "1", "--sha", one.fetched_sha[:12]).stdout == "1 approved\n"
    assert shell.run("hive-approve", "1").stdout == "already\n"
    assert shell.run("hive-deny", str(two.id), "--note", "no").stdout == f"{two.id} denied\n"
    assert "cannot be approved" not in shell.run("hive-show", "1").stdout


def test_who_is_gone_is_said(shell: Shell) -> None:
    one = asked(shell)
    forge(shell.hive, one.id, incarnation=99)
    assert (
        "it cannot be approved: alice was destroyed meanwhile" in shell.run("hive-show", "1").stdout
    )


@pytest.mark.parametrize(
    ("words", "every", "calendar"),
    [
        (["--every", "1h 30min", "look"], 5400.0, ""),
        (["2030-01-01T00:00Z", "look", "--every", "2d"], 172800.0, ""),
        (["--calendar", "Mon..Fri 09:00", "look"], None, "Mon..Fri 09:00"),
    ],
)
def test_the_operator_sets_one_at_once(
    shell: Shell, words: list[str], every: float | None, calendar: str
) -> None:
    assert shell.run("hive-remind", "alice", *words).stdout == "1\n"
    (row,) = shell.rows("hive-reminders")
    assert (row["every"], row["calendar"], row["body"]) == (every, calendar, "look")
    again = calendar or ("every 1 h 30 min" if every == 5400.0 else "every 2 d")
    assert again in shell.run("hive-reminders").stdout


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["x"], 2),
        (["now", "x", "y"], 2),
        (["x", "--every", "1 parsec"], 2),
        (["x", "--every", "infinity"], 2),
        (["now", "x", "--calendar", "daily"], 2),
        (["x", "--calendar", "daily", "--every", "1h"], 2),
        (["x", "--every", "1s"], 1),
        (["x", "--calendar", "\x1b[2J"], 1),
        (["x", "--calendar", "*:*:*"], 1),
        (["x", "--calendar", "when it suits"], 1),
    ],
)
def test_what_cannot_recur_is_one_clear_line(shell: Shell, words: list[str], status: int) -> None:
    shell.refusal("hive-remind", "alice", *words, status=status)
    assert reminders.latest(shell.hive.db, 9) == []
