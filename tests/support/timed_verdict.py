"""What must be after a campaign against promises of time: each was kept once, none before its time, none is lost."""

import json
import os
from collections import Counter
from typing import Any

from hivelib.base.db import Database
from hivelib.flow.opening import Hive
from hivelib.model.records import Reminder
from hivelib.store import reminders

AGENTS = ("alice", "bob", "carol")
Asked = dict[str, dict[str, Any]]


def hold(hive: Hive, asked: Asked, answered: dict[str, int]) -> None:
    """AssertionError for what was lost, came twice, came early, or is not whole.

    `asked` is what was asked for, by its key, and `answered` the number that each was answered with.
    """
    assert answered.keys() == asked.keys()
    verbs = {key: one["verb"] for key, one in asked.items()}
    by_verb = {
        verb: {key: number for key, number in answered.items() if verbs[key] == verb}
        for verb in ("remind", "ask", "answer")
    }
    _reminders(hive, asked, by_verb["remind"])
    _questions(hive.db, asked, by_verb["ask"], by_verb["answer"])


def _reminders(hive: Hive, asked: Asked, answered: dict[str, int]) -> None:
    rows = {one.id: one for one in reminders.latest(hive.db, len(asked) + 1)}
    assert sorted(answered.values()) == sorted(rows), "what was asked for is there once"
    sent: dict[str, list[float]] = {}
    for body, at in hive.db.all("SELECT body, sent_at FROM messages WHERE sender = 'reminder'"):
        sent.setdefault(_key(hive, body, rows), []).append(at)
    told, set_anew = _told(hive.db, "reminder_fired"), _told(hive.db, "schedule_changed")
    for key, number in answered.items():
        row, said, times = rows[number], asked[key], sent.get(key, [])
        assert len(times) == told[number] == row.fired, f"reminder {number}"
        assert all(at >= said["due_at"] for at in times), f"reminder {number} came early"
        if said["every"]:
            passed = (row.due_at - said["due_at"]) / said["every"]
            # Where the clock went back by more than a period, it begins anew and has another rhythm.
            kept = set_anew[number] or abs(passed - row.fired - row.skipped) < 0.01
            assert kept, f"reminder {number}"
        else:
            assert (row.state, row.fired) == ("fired", 1), f"reminder {number}: {row.state}"
    assert sum(map(len, sent.values())) == sum(told.values())


def _told(db: Database, kind: str) -> Counter[int]:
    """How many events of a kind there are for each number."""
    rows = db.all("SELECT payload ->> 'id' FROM events WHERE kind = ?", kind)
    return Counter(number for (number,) in rows)


def _key(hive: Hive, body: str, rows: dict[int, Reminder]) -> str:
    """Which reminder a message is; when it points to a file, the file must be whole."""
    words = body.rpartition(")\n\n")[2]
    if not words.startswith("/state/"):
        return words.split(" ")[0]
    path = words.partition(" is what")[0].removeprefix("/state/")
    for owner in AGENTS:
        file = f"{hive.paths.agent_state(owner)}/{path}"
        if os.path.exists(file):
            with open(file, encoding="utf-8") as spilled:
                text = spilled.read()
            assert text in {row.body for row in rows.values()}, f"{path} is not whole"
            return text.split(" ")[0]
    raise AssertionError(f"{path} is not there")


def _questions(
    db: Database, asked: Asked, answered: dict[str, int], answers: dict[str, int]
) -> None:
    rows = {
        row[0]: row[1:]
        for row in db.all("SELECT id, state, answer, deadline_at, answered_at FROM questions")
    }
    assert sorted(answered.values()) == sorted(rows), "what was asked is there once"
    bodies = db.all("SELECT body FROM messages WHERE sender = 'system'")
    notices = [json.loads(body) for (body,) in bodies]
    heard = {one["id"]: one["answer"] for one in notices}
    assert len(notices) == len(heard) == len(rows), "each asker hears once"
    told = {"answered": _told(db, "question_answered"), "expired": _told(db, "question_expired")}
    given = {number: asked[key]["body"] for key, number in answers.items() if number}
    for number, (state, answer, deadline, ended) in rows.items():
        assert {end: told[end][number] for end in told} == {
            end: int(end == state) for end in told
        }, f"question {number}"
        assert heard[number] == answer == given.get(number, "[expired]"), f"question {number}"
        assert state == "answered" or ended >= deadline, f"question {number} expired early"
