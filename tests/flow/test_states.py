"""The tables of what may follow what: the docs show them, and the database's own life keeps to them."""

import re

from hivelib.flow import mailing, settling
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.flow.settling import Outcome
from hivelib.model import states
from tests.support.residents import begin_turn, in_turn, settle_in
from tests.support.source import ROOT


def test_the_docs_show_the_same_tables() -> None:
    shown: dict[str, dict[str, set[str]]] = {}
    for line in (ROOT / "docs/persistence.md").read_text().splitlines():
        cells = [re.sub(r" \(.*?\)", "", cell.strip()) for cell in line.split("|")]
        if len(cells) == 5 and cells[1] in ("message", "agent", "turn", "question", "reminder", ""):
            kind = cells[1] or next(reversed(shown))
            shown.setdefault(kind, {})[cells[2]] = set(cells[3].split(", "))
    assert shown["message"] == {
        state: set(after) for state, after in states.MESSAGE.items() if after
    }
    assert shown["agent"] == {state: set(after) for state, after in states.AGENT.items()}
    assert shown["question"] == {
        state: set(after) for state, after in states.QUESTION.items() if after
    }
    assert shown["reminder"] == {
        state: set(after) for state, after in states.REMINDER.items() if after
    }
    assert shown["turn"] == {"`ended_at` empty: runs": set(states.OUTCOMES)}


def test_a_message_moves_only_as_the_table_says(private_state: Hive) -> None:
    hive = private_state
    settle_in(hive, "alice")
    hive.db.execute("CREATE TABLE moves(before TEXT, after TEXT)")
    hive.db.execute(
        "CREATE TRIGGER moved AFTER UPDATE OF state ON messages WHEN old.state != new.state"
        " BEGIN INSERT INTO moves VALUES(old.state, new.state); END"
    )
    mailing.send(hive, SHELL, "alice", "x")
    for outcome in [*states.OUTCOMES, *["failed"] * 5]:
        with hive.db.write() as db:
            db.execute("UPDATE messages SET not_before = 0")
        if not mailing.take(hive, in_turn(turn := begin_turn(hive, "alice")), 1)["messages"]:
            mailing.send(hive, SHELL, "alice", "y")
            mailing.take(hive, in_turn(turn), 1)
        settling.end_turn(hive, turn, Outcome(outcome, ""))
    dead = hive.db.value("SELECT id FROM messages WHERE state = 'dead'")
    mailing.redeliver(hive, dead)
    mailing.mark_read(hive, [message.id for message in mailing.inbox(hive, "operator")])
    moves = {tuple(row) for row in hive.db.all("SELECT DISTINCT before, after FROM moves")}
    allowed = {(before, after) for before, next_ in states.MESSAGE.items() for after in next_}
    assert moves == allowed - {("queued", "dead")}  # destroying takes systemd: tests/units
