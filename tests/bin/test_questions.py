"""The tools of questions, as a person uses them."""

import glob
import json
from typing import Any

from hivelib.flow import asking
from hivelib.model.records import Question
from hivelib.store import mail
from tests.bin.conftest import Shell
from tests.support.residents import voice
from tests.support.waiting import until


def ask(shell: Shell, words: str = "Which?", **more: Any) -> Question:
    return asking.ask(shell.hive, voice("alice"), words, **more)


def spoil(shell: Shell, number: int, options: Any) -> None:
    with shell.hive.db.write() as db:
        db.execute("UPDATE questions SET options = ? WHERE id = ?", (options, number))


def told(shell: Shell, name: str) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in mail.peek(shell.hive.db, name, 99)]


def test_what_is_open_is_shown_whole_with_its_time_and_a_broken_row_too(shell: Shell) -> None:
    assert "no question is open" in shell.run("hive-questions").stderr
    one = ask(shell, "Which\n9  of these?", options=["the first", "ä"], multi=True, ttl=300.5)
    bad, last = ask(shell, "x"), ask(shell, "Which?", to="bob")
    spoil(shell, bad.id, "\x1b[2J")
    shown = shell.run("hive-questions").stdout
    assert (
        f"{one.id}  " in shown and "alice → operator  (several answers, expires in 5 min)" in shown
    )
    assert "    Which\n    9  of these?\n  options:\n    - the first\n    - ä\n" in shown
    assert f"{bad.id}  CANNOT BE READ: options is no JSON list of text" in shown
    assert '"options": "\\u001b[2J"' in shown and "\x1b" not in shown
    assert "alice → bob\n    Which?\n" in shown
    rows = shell.rows("hive-questions")
    assert [(row["id"], row["broken"]) for row in rows] == [
        (one.id, None),
        (bad.id, "options is no JSON list of text"),
        (last.id, None),
    ]
    assert (rows[0]["options"], rows[0]["multi"], rows[0]["deadline_at"]) == (
        ["the first", "ä"],
        True,
        one.deadline_at,
    )
    assert rows[1]["question"] is None and json.loads(rows[1]["raw"])["question"] == "x"


def test_an_answer_is_told_and_shown_among_all_and_given_once(shell: Shell) -> None:
    one, two = ask(shell), ask(shell, multi=True)
    assert shell.run("hive-answer", str(one.id), "this").stdout == f"{one.id} is answered\n"
    assert shell.run("hive-answer", str(one.id), "this").stdout == "already\n"
    assert "was answered by ‘operator’" in shell.refusal(
        "hive-answer", str(one.id), "that", status=1
    )
    assert "takes one answer" in shell.refusal(
        "hive-answer", str(ask(shell).id), "a", "b", status=2
    )
    [done] = shell.rows("hive-answer", str(two.id), "a", "b")
    assert done == {"id": two.id, "already": False, "answer": "a, b"}
    assert [one["answer"] for one in told(shell, "alice")] == ["this", "a, b"]
    assert "operator:\n    this\n" in shell.run("hive-questions", "--all").stdout
    assert [row["answer"] for row in shell.rows("hive-questions", "--all")] == [
        "this",
        "a, b",
        None,
    ]


def test_an_answer_from_stdin_is_held_to_the_limit(shell: Shell) -> None:
    one = ask(shell)
    said = shell.refusal("hive-answer", str(one.id), "-", stdin=b"x" * 5000, status=1)
    assert "more than 4096 bytes" in said
    shell.run("hive-answer", str(one.id), "-", stdin="ä\nä\n".encode())
    assert told(shell, "alice")[0]["answer"] == "ä\nä"


def test_a_question_is_cancelled_once_also_a_broken_one(shell: Shell) -> None:
    one, bad = ask(shell), ask(shell)
    spoil(shell, bad.id, "{")
    for number in (one.id, bad.id):
        done = shell.run("hive-cancel", "question", str(number))
        assert done.stdout == f"question {number} is cancelled\n"
        assert shell.run("hive-cancel", "question", str(number)).stdout == "already\n"
    assert [found["answer"] for found in told(shell, "alice")] == ["[cancelled]"] * 2
    assert "cannot be read" in shell.refusal("hive-answer", str(bad.id), "x", status=1)


def test_an_agent_is_asked_and_its_answer_waited_for(shell: Shell) -> None:
    number = int(shell.run("hive-ask", "alice", "How far?", "--option", "done").stdout)
    assert told(shell, "alice")[0]["options"] == ["done"]
    asking.answer(shell.hive, voice("alice"), number, "nearly\x1b[2J")
    assert told(shell, "operator")[0]["answer"] == "nearly\x1b[2J"

    waiting = shell.start("hive-ask", "alice", "And now?", "--wait", "60")
    until(lambda: asking.open_questions(shell.hive), "it is asked")
    until(lambda: glob.glob(f"{shell.hive.paths.bell}/events/*"), "it listens")
    asking.answer(shell.hive, voice("alice"), number + 1, "done\x1b[2J\nall")
    assert waiting.communicate(timeout=60) == ("done\\x1b[2J\nall\n", "")
    assert waiting.returncode == 0


def test_who_waits_for_no_answer_is_told_so(shell: Shell) -> None:
    done = shell.run("hive-ask", "alice", "How far?", "--wait", "0.05", status=75)
    assert done.stdout == "" and "question 1 has no answer yet" in done.stderr
    waiting = shell.start("hive-ask", "alice", "And now?", "--wait", "60")
    until(lambda: len(asking.open_questions(shell.hive)) == 2, "it is asked")
    asking.cancel(shell.hive, voice("manager")._replace(role="manager"), 2)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (1, "") and "[cancelled by manager]" in err
