"""The scene of two agents: the operator asks alice, alice asks bob, bob answers alice, alice tells the operator.

What is believed is what the rows, the events, the transcripts and the model itself saw.
"""

import json
from typing import Any

from tests.support.claude_cli import VERSION
from tests.support.hive import LiveHive
from tests.support.script import Call, Rule, Say, Seen

SEND = "mcp__hyperhive__send"
FOR_ALL = {
    f"mcp__hyperhive__{name}"
    for name in (
        *("send", "recv", "whoami", "wake", "history", "request_next_turn"),
        *("ask", "answer", "cancel", "remind", "loose_ends"),
    )
}
COMPETING = {"SendMessage", "ScheduleWakeup", "CronCreate", "AskUserQuestion", "Task", "Agent"}

ASK, QUESTION, ANSWER, WORD = "please ask bob", "what is six times seven", "it is 42", "bob says 42"
SCENE = [
    Rule(ASK, [Call(SEND, to="bob", body=QUESTION), Say("bob is asked")]),
    Rule(QUESTION, [Call(SEND, to="alice", body=ANSWER), Say("alice is told")]),
    Rule(ANSWER, [Call(SEND, to="operator", body=WORD), Say("the operator is told")]),
]


def play(hive: LiveHive) -> None:
    """Plays the scene in a hive that was raised with it, and looks at all that is left of it."""
    hive.tool("hive-spawn", "alice")
    hive.tool("hive-spawn", "bob")

    hive.tool("hive-send", "alice", ASK)
    word = hive.rows("hive-recv", "--wait", "90")

    assert [(message["sender"], message["body"]) for message in word] == [("alice", WORD)]
    hive.until_value("SELECT count(*) = 3 FROM turns WHERE ended_at IS NOT NULL")
    check_rows(hive)
    check_events(hive)
    check_transcripts(hive)
    check_the_model(hive)


def check_rows(hive: LiveHive) -> None:
    """Four messages, each taken once and settled; three turns, all of them ok."""
    columns = "sender, recipient, body, lane, state, deliveries"
    assert hive.db.all(f"SELECT {columns} FROM messages ORDER BY id") == [
        ("operator", "alice", ASK, "urgent", "acked", 0),
        ("alice", "bob", QUESTION, "normal", "acked", 0),
        ("bob", "alice", ANSWER, "normal", "acked", 0),
        ("alice", "operator", WORD, "normal", "acked", 0),
    ]
    turns = hive.db.all("SELECT agent, outcome, wake_message FROM turns ORDER BY id")
    assert turns == [("alice", "ok", 1), ("bob", "ok", 2), ("alice", "ok", 3)]


def check_events(hive: LiveHive) -> None:
    """Every change has its event, in an order that its cause allows, without a gap."""
    rows = hive.db.all("SELECT seq, kind, subject, payload FROM events ORDER BY seq")
    assert [seq for seq, *_ in rows] == list(range(1, len(rows) + 1))
    of_kind: dict[str, list[dict[str, Any]]] = {}
    for _, kind, _, payload in rows:
        of_kind.setdefault(kind, []).append(json.loads(payload))
    assert [event["id"] for event in of_kind["sent"]] == [1, 2, 3, 4]
    assert [event["outcome"] for event in of_kind["turn_ended"]] == ["ok", "ok", "ok"]
    acked = [message for event in of_kind["acked"] for message in event["ids"]]
    assert sorted(acked) == [1, 2, 3, 4]
    assert not {"requeued", "died", "egress_refused", "warning_raised"} & of_kind.keys()
    place = {(kind, payload): seq for seq, kind, _, payload in rows}
    for turn in (1, 2, 3):
        started, ended = (
            next(
                at
                for (k, text), at in place.items()
                if k == kind and json.loads(text)["turn"] == turn
            )
            for kind in ("turn_started", "turn_ended")
        )
        assert started < ended


def check_transcripts(hive: LiveHive) -> None:
    """Every line of each turn is there: from init, by the call and its result, to the end."""
    for name, results in {
        "alice": ["bob is asked", "the operator is told"],
        "bob": ["alice is told"],
    }.items():
        lines = hive.transcript(name)
        starts = [line for line in lines if line.get("subtype") == "init"]
        assert [line["claude_code_version"] for line in starts] == [VERSION] * len(results)
        for line in starts:
            servers = {server["name"]: server["status"] for server in line["mcp_servers"]}
            assert servers == {"hyperhive": "connected"}
        assert [line["result"] for line in lines if line["type"] == "result"] == results
        assert SEND in json.dumps([line for line in lines if line["type"] == "assistant"])


def check_the_model(hive: LiveHive) -> None:
    """What the model was offered and shown; nothing that the script had not foreseen."""
    model = hive.model
    assert model.unmatched == []
    assert [carried(seen) for seen in model.requests] == [
        ASK,
        ASK,
        QUESTION,
        QUESTION,
        ANSWER,
        ANSWER,
    ]
    for seen in model.requests:
        assert {name for name in seen.tools if name.startswith("mcp__")} == FOR_ALL
        assert not COMPETING & set(seen.tools)
    names = {ASK: "alice", QUESTION: "bob", ANSWER: "alice"}
    for seen in model.requests:
        assert names[carried(seen)] in seen.system
    after_call = [seen for seen in model.requests if seen.step == 1]
    assert [[result.is_error for result in seen.results] for seen in after_call] == [[False]] * 3
    assert all("operator" in seen.prompt for seen in model.requests[:2])


def carried(seen: Seen) -> str:
    """Which of the scene's messages a request's prompt carries."""
    return next(text for text in (ASK, QUESTION, ANSWER) if text in seen.prompt)
