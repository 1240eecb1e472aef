"""A hive that has been at work for long: many agents, much to decide, and a history of any length behind it."""

import random

from hivelib.base import clock
from hivelib.base.db import Database
from hivelib.flow.opening import Hive
from hivelib.model.names import OPERATOR
from hivelib.store import agents, approvals, mail

AGENTS, APPROVALS, SHOWN = 100, 50, 100
_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) "
_HISTORY = (
    "INSERT INTO messages(sender, recipient, body, state, sent_at, deliveries, claimed_by, acked_at)"
    " SELECT 'a' || (i % 100), 'a' || (i * 7 % 100), 'please look at the logs of unit ' || i, 'acked', ?2 + i, 0,"
    " 1 + i / 5, ?2 + i FROM n",
    "INSERT INTO events(at, kind, subject, payload)"
    " SELECT ?2 + i, 'acked', 'a' || (i * 7 % 100), json_object('ids', json_array(i), 'turn', 1 + i / 5) FROM n",
    "INSERT INTO jobs(lane, kind, agent, approval, state, by, queued_at, ended_at)"
    " SELECT 'deploys', 'deploy', 'a' || (i % 100), i, 'done', 'operator', ?2 + i, ?2 + i FROM n"
    " WHERE i <= ?1 / 20",
    "INSERT INTO approvals(kind, agent, status, requested_by, requested_at, expires_at, resolved_at)"
    " SELECT 'apply_commit', 'a' || (i % 100), 'deployed', 'manager', ?2 + i, ?2 + i, ?2 + i FROM n"
    " WHERE i <= ?1 / 20",
    "INSERT INTO turns(agent, incarnation, started_at, ended_at, outcome, model, cost_usd, context_window,"
    " last_context_tokens, input_tokens, output_tokens)"
    " SELECT 'a' || (i / ?3 % 100), 1 + i / ?3 % 100, ?2 + i, ?2 + i + 1, 'ok', 'sonnet', 0.01, 200000,"
    " 5000 + i % 90000, 2, 500 FROM n WHERE i % ?3 = 0",
)
_WORDS = (
    "agent answer branch build check commit config deploy error event fail file find fix "
    "function lines log look machine mail make manager message module network note open path "
    "please read repository result review run schedule second send service start stop "
)


def fill(hive: Hive, history: int, *, messages_a_turn: int = 5, seed: int = 5) -> None:
    """A hundred agents and fifty proposals; `history` messages that are over, with an event each, a turn for
    each few, a deploy for each twenty; and what a page shows in full: a hundred more, half of them unread."""
    chance, now = random.Random(seed), clock.now()
    with hive.db.write(durable=False) as db:
        for number in range(AGENTS):
            agents.add(db, f"a{number}", "agent", "bwrap", "{}", now)
            agents.set_state(db, f"a{number}", "running", now)
        for sql in _HISTORY:
            db.execute(
                _COUNT + sql,
                (history, now - history - 1000, messages_a_turn)[: 3 if "?3" in sql else 2],
            )
        for number in range(SHOWN):
            to = OPERATOR if number % 2 else f"a{number}"
            mail.add(db, f"a{number}", to, prose(chance), lane="normal", at=now)
        _propose(db, chance, now)


def prose(chance: random.Random) -> str:
    """Some sentences, as long as agents' letters are."""
    return "\n\n".join(
        " ".join(chance.choices(_WORDS.split(), k=chance.randint(10, 40)))
        + f" {chance.getrandbits(40):x}."
        for _ in range(3)
    )


def _propose(db: Database, chance: random.Random, now: float) -> None:
    for number in range(APPROVALS):
        one = approvals.add(
            db,
            "apply_commit",
            f"a{number}",
            "main",
            incarnation=1,
            description=prose(chance)[:300],
            by="manager",
            at=now,
            expires_at=now + 86400,
        )
        sha = f"{chance.getrandbits(160):040x}"
        approvals.move(db, one, "submitting", "pending", fetched_sha=sha)
