"""What the manager proposes through its tools; that there is no tool to approve, and none of these for others."""

import threading

import pytest

from hivelib.flow import resolving
from hivelib.flow.opening import open_hive
from hivelib.store import approvals
from tests.support.mcp_rig import McpRig
from tests.support.undecided import fetch
from tests.support.waiting import until


def test_a_proposal_is_answered_when_it_was_looked_at_and_once(rig: McpRig) -> None:
    box = rig.box("manager")

    def worker() -> None:
        hive = open_hive(rig.hive.settings)
        with hive.db:
            until(lambda: approvals.latest(hive.db, 1), "it is asked for")
            fetch(hive, approvals.latest(hive.db, 1)[0].id)

    thread = threading.Thread(target=worker)
    thread.start()
    asked = {"name": "carol", "description": "writes songs"}
    first = box.call("request_spawn", asked, request_id=70)
    thread.join()
    number = first["structuredContent"]["id"]
    assert first["structuredContent"] == {"id": number, "status": "pending", "note": ""}
    assert "the operator decides now" in first["content"][0]["text"]
    found = resolving.known(rig.hive, number)
    assert (found.requested_by, found.description) == ("manager", "writes songs")
    resolving.resolve(rig.hive, found, "superseded", "")
    assert box.call("request_spawn", asked, request_id=70) == first
    assert len(approvals.latest(rig.hive.db, 9)) == number


@pytest.mark.parametrize(
    ("tool", "said", "words"),
    [
        ("request_spawn", {"name": "alice"}, "there is an agent alice"),
        ("request_init_config", {"name": "x", "description": "a\u202eb"}, "cannot be seen"),
        ("request_init_config", {"name": "x", "why": "y"}, "no argument"),
        ("request_apply_commit", {"agent": "alise", "commit_ref": "main"}, "did you mean alice"),
        ("request_apply_commit", {"agent": "alice", "commit_ref": "-x"}, "no branch"),
        ("request_apply_commit", {"agent": "alice"}, "commit_ref is missing"),
        ("approve", {"id": 1}, "there is no tool"),
        ("hive-approve", {"id": 1}, "there is no tool"),
    ],
)
def test_what_is_refused(rig: McpRig, tool: str, said: dict[str, object], words: str) -> None:
    before = approvals.latest(rig.hive.db, 99)
    result = rig.box("manager").call(tool, said)
    assert result["isError"] and words in result["content"][0]["text"]
    assert approvals.latest(rig.hive.db, 99) == before


@pytest.mark.parametrize("tool", ["request_init_config", "request_apply_commit", "request_spawn"])
def test_others_do_not_propose(rig: McpRig, tool: str) -> None:
    result = rig.box("alice").call(tool, {"name": "x"})
    assert result["isError"] and "no tool" in result["content"][0]["text"]
