"""The tool `remind`, over raw lines against the real hive-mcp."""

import time

import pytest

from hivelib.flow import reminding, resolving
from tests.support.mcp_rig import McpRig


def test_an_agent_reminds_itself_and_a_call_asked_again_is_answered_the_same(rig: McpRig) -> None:
    box = rig.box("alice")
    said = {"message": "tea", "delay_seconds": 60, "file_path": "/state/tea.md"}
    first = box.call("remind", said, "r")
    number, due = first["structuredContent"]["id"], first["structuredContent"]["due_at"]
    assert due == pytest.approx(time.time() + 60, abs=30)
    assert first["content"][0]["text"].startswith(f"reminder {number} comes at 2")
    assert box.call("remind", said, "r") == first
    at = box.call("remind", {"message": "coffee", "at_unix_timestamp": 1.5})["structuredContent"]
    found = reminding.listed(rig.hive)
    assert [(one.id, one.owner, one.created_by) for one in found] == [
        (at["id"], "alice", "alice"),
        (number, "alice", "alice"),
    ]
    assert (found[0].due_at, found[1].file_path) == (1.5, "/state/tea.md")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "takes one of"),
        ({"delay_seconds": 1, "at_unix_timestamp": 1}, "takes one of"),
        ({"delay_seconds": 0}, "greater than 0"),
        ({"delay_seconds": 1e10}, "ten years"),
        ({"at_unix_timestamp": 1e300}, "ten years"),
        ({"delay_seconds": 1, "file_path": "/etc/passwd"}, "below /state"),
        ({"delay_seconds": 1, "message": "x" * 65537}, "65536 are allowed"),
        ({"delay_seconds": 1, "owner": "bob"}, "no argument"),
        ({"delay_seconds": 1, "every_seconds": 60}, "takes one of"),
        ({"every_seconds": 60, "calendar": "daily"}, "takes one of"),
        ({"every_seconds": 59}, "too often"),
        ({"calendar": "*:*:0/5"}, "again after 5 s"),
        ({"calendar": "when it suits"}, "systemd knows no"),
        ({"calendar": ""}, "either a period or a calendar"),
        ({"calendar": "--help"}, "no calendar expression"),
    ],
)
def test_what_may_not_be_is_said(rig: McpRig, said: dict[str, object], words: str) -> None:
    result = rig.box("bob").call("remind", {"message": "x", **said})
    assert result["isError"] and words in result["content"][0]["text"]
    assert [one for one in reminding.listed(rig.hive) if one.owner == "bob"] == []


def test_one_that_recurs_waits_for_the_operator_and_asked_again_is_one(rig: McpRig) -> None:
    box = rig.box("bob")
    said = {"message": "stand up", "calendar": "Mon..Fri 09:00"}
    first = box.call("remind", said, "r")
    number = first["structuredContent"]["approval"]
    assert f"waits for the operator's yes: approval {number}" in first["content"][0]["text"]
    assert box.call("remind", said, "r") == first
    found = resolving.known(rig.hive, number)
    assert (found.kind, found.agent, found.status) == ("schedule", "bob", "pending")
    hourly = {"agent": "bob", "message": "x", "every_seconds": 3600, "description": "so it is"}
    made = rig.box("manager").call("request_schedule", hourly)["structuredContent"]
    assert made == {"id": made["id"], "status": "pending", "note": ""}
    found = resolving.known(rig.hive, made["id"])
    assert (found.agent, found.requested_by, found.description) == ("bob", "manager", "so it is")
    assert [one for one in reminding.listed(rig.hive) if one.owner == "bob"] == []


def test_a_reminder_is_a_loose_end_until_its_owner_or_the_manager_takes_it_back(
    rig: McpRig,
) -> None:
    alice, bob, manager = rig.box("alice"), rig.box("bob"), rig.box("manager")
    numbers = [
        alice.call("remind", {"message": "tea\x1b[2J", "delay_seconds": 600})["structuredContent"][
            "id"
        ]
        for _ in range(2)
    ]
    found = alice.call("loose_ends")
    mine = found["structuredContent"]["reminders"]
    assert {(one["id"], one["owner"], one["state"]) for one in mine} >= {
        (number, "alice", "pending") for number in numbers
    }
    assert "\x1b" not in found["content"][0]["text"]
    theirs = bob.call("loose_ends")["structuredContent"]["reminders"]
    assert not [one for one in theirs if one["owner"] == "alice"]
    refused = bob.call("cancel", {"kind": "reminder", "id": numbers[0]})
    assert refused["isError"] and "you have no reminder" in refused["content"][0]["text"]
    for box, number in zip((alice, manager), numbers, strict=True):
        for _ in range(2):  # asked again, it is the same
            done = box.call("cancel", {"kind": "reminder", "id": number})
            assert done["structuredContent"] == {"kind": "reminder", "id": number}
        assert reminding.get(rig.hive, number).state == "cancelled"
