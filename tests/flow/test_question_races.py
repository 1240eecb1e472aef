"""Many processes end the same questions at once, and time goes on while nobody looks: each question ends once."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from hivelib.base import clock
from hivelib.flow import asking
from hivelib.flow.opening import Hive
from hivelib.model.records import Question
from hivelib.store import agents, mail, questions
from tests.support.residents import voice
from tests.support.source import ROOT
from tests.support.waiting import until

RACER = """
import sys
from hivelib.base.errors import Refused
from hivelib.flow import asking
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import open_hive
from hivelib.model.records import Caller
hive, who, numbers = open_hive(), sys.argv[1], range(1, 1 + int(sys.argv[2]))
caller = SHELL if who == "operator" else Caller(who, "manager" if who == "manager" else "agent", "mcp")
print("ready", flush=True)
sys.stdin.readline()
for number in numbers:
    if who == "broker":
        asking.expire(hive, float(number))
        continue
    try:
        if who in ("alice", "manager"):
            asking.cancel(hive, caller, number)
        else:
            asking.answer(hive, caller, number, f"by {who}")
        print("ended", number, flush=True)
    except Refused as refused:
        print("late", number, refused.message, flush=True)
"""
BROKER = "from hivelib.flow import opening, watching; watching.watch(opening.open_hive())"
COUNT = 60


def environment(where: Path) -> dict[str, str]:
    return {**os.environ, "HIVE_CONFIG": f"{where}/hive.toml", "PYTHONPATH": str(ROOT)}


def test_each_question_ends_once_whoever_ends_it_at_once(hive: Hive, short_path: Path) -> None:
    """Bob and two operators answer, alice and the manager take back, two brokers expire."""
    alice, bob = agents.get(hive.db, "alice"), agents.get(hive.db, "bob")
    assert alice and bob
    with hive.db.write() as db:
        for number in range(1, COUNT + 1):
            row = Question(
                *(number, "alice", alice.incarnation, "bob", bob.incarnation, "Which?", (), False),
                *(1.0, float(number), "open", None, None, None),
            )
            assert questions.add(db, row) == number
    people = ("operator", "operator", "bob", "alice", "manager", "broker", "broker")
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, who, str(COUNT)],
            env=environment(short_path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in people
    ]
    for racer in racers:
        assert racer.stdout and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.communicate()[0].splitlines() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * len(racers)

    ended = Counter(int(line.split()[1]) for lines in said for line in lines if "ended" in line)
    over = {one.id: one for one in asking.recent(hive, 999) if isinstance(one, Question)}
    assert len(over) == COUNT and "open" not in {one.state for one in over.values()}
    assert ended == Counter(one.id for one in over.values() if one.state != "expired")
    for line in (line for lines in said for line in lines if "late" in line):
        _, number, *words = line.split()
        found = over[int(number)]
        became = (
            "expired" if found.state == "expired" else f"was {found.state} by ‘{found.answerer}’"
        )
        assert " ".join(words) == f"question {number} {became}"
    told = [json.loads(message.body) for message in mail.peek(hive.db, "alice", 999)]
    assert sorted((one["id"], one["answer"], one["answerer"]) for one in told) == sorted(
        (one.id, one.answer, one.answerer) for one in over.values()
    )
    kinds = "SELECT subject FROM events WHERE kind LIKE 'question_%' GROUP BY 1 HAVING count(*) = 1"
    assert len(hive.db.all(kinds)) == COUNT, "one event each"


def test_a_deadline_outlives_the_broker(hive: Hive, short_path: Path) -> None:
    """One passes while no broker runs, one after the next has begun; each is told once."""

    def broker() -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", BROKER], env=environment(short_path))

    def told() -> list[int]:
        found = mail.peek(hive.db, "alice", 99)
        return [json.loads(message.body)["id"] for message in found]

    def listens() -> bool:
        where = f"{hive.paths.bell}/broker"
        return os.path.isdir(where) and any(name[0] != "." for name in os.listdir(where))

    first = broker()
    try:
        until(listens, "the broker listens")
        one = asking.ask(hive, voice("alice"), "one?", ttl=3600)
    finally:
        first.kill()
        first.wait()
    with hive.db.write() as db:
        db.execute("UPDATE questions SET deadline_at = ? WHERE id = ?", (clock.now(), one.id))
    second = broker()
    try:
        until(lambda: told() == [one.id], "what passed meanwhile is told")
        two = asking.ask(hive, voice("alice"), "two?", ttl=0.3)
        until(lambda: told() == [one.id, two.id], "a ring brings the new deadline forward", 20)
        row = asking.known(hive, two.id)
        assert isinstance(row, Question) and row.answered_at and row.deadline_at
        assert row.answered_at >= row.deadline_at, "not before its time"
    finally:
        second.kill()
        second.wait()
    assert told() == [one.id, two.id]
