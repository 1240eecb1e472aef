"""How turns of the real CLI end: what the table in hivelib/host/stream.py says, said by claude itself."""

import json
from collections.abc import Callable

import pytest

from tests.support.hive import LiveHive
from tests.support.script import Fail, Gate, Rule, Say, rate_limited, too_long, unauthorized
from tests.support.waiting import until

LOGIN, LIMIT, LONG, BROKEN = "needs a login", "runs into a limit", "is too long", "is refused"
WORK, AGAIN = "take your time", "and now this"


@pytest.mark.timeout(240)
def test_each_outcome_is_recorded_and_the_mail_is_kept(live_hive: Callable[..., LiveHive]) -> None:
    gate = Gate()
    rules = [
        Rule(LOGIN, [unauthorized()], endless=True),
        Rule(LIMIT, [rate_limited(100)], endless=True),
        Rule(LONG, [too_long(None)], endless=True),
        Rule(BROKEN, [Fail(400, "invalid_request_error", "no", times=None)], endless=True),
        Rule(WORK, [Say("I begin", gate=gate, midway=True), Say("on")], endless=True),
        Rule(AGAIN, [Say("done")]),
    ]
    hive = live_hive(rules, mail={"pause_first": 300.0})
    names = {"login": LOGIN, "limit": LIMIT, "long": LONG, "broken": BROKEN, "worker": WORK}
    for name, body in names.items():
        hive.tool("hive-spawn", name)
        hive.tool("hive-send", name, body)
    gate.reached()
    interrupted = hive.tool("hive-interrupt", "worker")
    theirs = "agent != 'manager'"  # who is told of the login that fails
    ended = f"SELECT count(*) = 5 FROM turns WHERE ended_at IS NOT NULL AND {theirs}"
    hive.until_value(ended, seconds=60)

    turns = hive.db.all(f"SELECT agent, outcome FROM turns WHERE {theirs}")
    assert dict(turns) == {
        "login": "auth_failed",
        "limit": "rate_limited",
        "long": "prompt_too_long",
        "broken": "failed",
        "worker": "cancelled",
    }
    number = hive.db.value("SELECT id FROM turns WHERE agent = 'worker'")
    assert interrupted.stdout.split() == [str(number)]
    mail: dict[str, str] = dict(
        hive.db.all("SELECT recipient, state || deliveries FROM messages WHERE sender = 'operator'")
    )
    assert mail == dict.fromkeys(names, "queued1") | {"login": "queued0", "limit": "queued0"}
    parked = "SELECT name, parked_kind FROM agents WHERE parked_kind IS NOT NULL ORDER BY name"
    assert hive.db.all(parked) == [("limit", "rate_limited"), ("login", "auth_failed")]
    told = hive.rows("hive-recv")
    assert sorted(row["body"].split()[0] for row in told) == ["limit", "login"]

    hive.tool("hive-send", "worker", AGAIN)  # its session is whole: this turn continues it
    hive.until_value("SELECT count(*) = 2 FROM turns WHERE agent = 'worker' AND ended_at > 0")
    seen = until(lambda: hive.model.seen(AGAIN), "the next turn's request")
    assert WORK in json.dumps(seen[0].body["messages"])
    last = "SELECT outcome FROM turns WHERE agent = 'worker' ORDER BY id DESC LIMIT 1"
    assert hive.db.value(last) == "ok"
