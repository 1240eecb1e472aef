"""Questions over raw lines against the real hive-mcp: asked, answered, asked again after a kill, taken back."""

import json
from typing import Any

import pytest

from hivelib.flow import asking, mailing
from hivelib.model.records import Question
from hivelib.store import agents
from tests.support.mcp_rig import McpRig
from tests.support.waiting import until


def words(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


def told(rig: McpRig, name: str) -> dict[str, Any]:
    """The newest message in an inbox."""
    body: dict[str, Any] = json.loads(mailing.inbox(rig.hive, name, 99)[-1].body)
    return body


def test_a_peer_is_asked_and_the_answer_comes_back(rig: McpRig) -> None:
    asked = rig.box("alice").call(
        "ask", {"question": "Which?", "options": ["a", "b"], "to": "bob", "ttl_seconds": 600}
    )
    number, deadline = (asked["structuredContent"][name] for name in ("id", "deadline_at"))
    assert asked["structuredContent"] == {"id": number, "target": "bob", "deadline_at": deadline}
    assert words(asked).startswith(f"question {number} goes to bob; ") and "[expired]" in words(
        asked
    )
    bob = rig.box("bob")
    [message] = bob.call("recv")["structuredContent"]["messages"]
    assert message["sender"] == "system"
    body = json.loads(message["body"])
    assert (body["event"], body["asker"], body["options"]) == (
        "question_asked",
        "alice",
        ["a", "b"],
    )
    done = bob.call("answer", {"id": body["id"], "answer": "neither"})
    assert done["structuredContent"] == {"id": number, "asker": "alice"}
    assert told(rig, "alice") == {
        "event": "question_answered",
        "id": number,
        "question": "Which?",
        "answer": "neither",
        "answerer": "bob",
    }
    again = bob.call("answer", {"id": number, "answer": "both"})
    assert again["isError"] and "was answered by ‘bob’" in words(again)


def test_what_was_asked_is_asked_once_though_its_answer_is_lost_with_the_server(
    rig: McpRig,
) -> None:
    """The pump asks again under the same nonce and id; so it does for an answer and a cancel."""
    alice, bob = rig.begin("alice"), rig.begin("bob")

    def twice(turn: Any, tool: str, arguments: dict[str, Any], request_id: str) -> dict[str, Any]:
        nonce = f"{turn.id:032}"
        first = rig.box(turn.agent, turn, nonce).call(tool, arguments, request_id)
        rig.hang_up()
        rig.again()
        again = rig.box(turn.agent, turn, nonce).call(tool, arguments, request_id)
        assert first == again and not first["isError"]
        found: dict[str, Any] = first["structuredContent"]
        return found

    before = len(asking.recent(rig.hive, 99))
    one = twice(alice, "ask", {"question": "Which?", "to": "bob"}, "a1")["id"]
    twice(bob, "answer", {"id": one, "answer": "this"}, "b1")
    assert len(asking.recent(rig.hive, 99)) == before + 1
    assert len(rig.states("bob")[-1:]) == 1 and told(rig, "alice")["answer"] == "this"
    events = "SELECT count(*) FROM events WHERE subject = ?"
    assert rig.hive.db.value(events, f"question:{one}") == 2, "asked and answered, once each"


def test_loose_ends_are_ones_own_the_managers_are_all(rig: McpRig) -> None:
    alice, bob, manager = rig.box("alice"), rig.box("bob"), rig.box("manager")
    one = alice.call("ask", {"question": "x" * 3000 + "\n\x1b[2J"})["structuredContent"]["id"]
    two = bob.call("ask", {"question": "Which?", "to": "alice"})["structuredContent"]["id"]
    with rig.hive.db.write() as db:
        bad = asking.questions.add(db, asking.known(rig.hive, two)._replace(asker="carol"))  # type: ignore[arg-type]
        db.execute("UPDATE questions SET options = '{', target = 'dave' WHERE id = ?", (bad,))
    found = alice.call("loose_ends")
    ends = found["structuredContent"]
    assert [(end["id"], end["asker"], end["target"]) for end in ends["questions"]] == [
        (one, "alice", "operator"),
        (two, "bob", "alice"),
    ]
    assert ends["questions"][0]["question"] == "x" * 1000 and ends["unread"] == 1
    assert "approvals" not in ends and "\x1b" not in words(found)
    assert len(bob.call("loose_ends")["structuredContent"]["questions"]) == 1
    found = manager.call("loose_ends")
    ends = found["structuredContent"]
    assert [end["id"] for end in ends["questions"]] == [one, two, bad]
    assert ends["questions"][2]["broken"] == "options is no JSON list of text"
    assert json.loads(ends["questions"][2]["raw"])["options"] == "{"
    assert ends["approvals"] == [] and f"question {bad} cannot be read" in words(found)
    for number in (one, two, bad):
        result = manager.call("cancel", {"kind": "question", "id": number})
        assert result["structuredContent"] == {"kind": "question", "id": number}
    assert manager.call("loose_ends")["structuredContent"]["questions"] == []
    assert told(rig, "bob")["answer"] == "[cancelled by manager]"


def test_an_agent_takes_back_its_own_only_and_answers_what_it_was_asked_only(rig: McpRig) -> None:
    with (
        rig.hive.db.write() as db
    ):  # whom no other test had refused: such a line comes once a minute
        agents.add(db, "mallory", "agent", "bwrap", "{}", 0.0)
    alice, mallory = rig.box("alice"), rig.box("mallory")
    one = alice.call("ask", {"question": "Which?"})["structuredContent"]["id"]
    for tool, said in (
        ("answer", {"id": one, "answer": "x"}),
        ("cancel", {"kind": "question", "id": one}),
    ):
        assert "not yours" in words(mallory.call(tool, said))
    said_so = f"mallory: ‘answer’ refused: question {one} is not yours"
    until(lambda: said_so in "".join(rig.complaints()), "a line in the journal")
    assert "not yours" in words(alice.call("answer", {"id": one, "answer": "x"}))
    assert not alice.call("cancel", {"kind": "question", "id": one})["isError"]
    found = asking.known(rig.hive, one)
    assert isinstance(found, Question) and found.answer == "[cancelled by alice]"


@pytest.mark.parametrize("kind", ["reminder ", "approval", ""])
def test_cancel_names_what_it_can(rig: McpRig, kind: str) -> None:
    assert rig.box("alice").call("cancel", {"kind": kind, "id": 1})["isError"]
