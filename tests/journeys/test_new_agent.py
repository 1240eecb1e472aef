"""From "we need a carol" to carol's answer: the manager asks and edits in its box, the operator looks and decides.

The real CLI against a scripted model, real units, real git. One hive lives through all chapters, in their order.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.hive import LiveHive
from tests.support.script import Call, Rule, Say, Seen
from tests.support.waiting import until

TOOL = "mcp__hyperhive__"
AT_HOME = "cd /agents/carol/config"


def edited(settings: str, branch: str = "main") -> Say:
    """The manager's step that writes agent.json and commits it, on a branch of its own unless it is main."""
    change = f"printf '%s' '{settings}' > agent.json && git commit -qam 'change agent.json'"
    where = "" if branch == "main" else f"git checkout -qB {branch} applied/main && "
    return Call(
        "Bash", command=f"{AT_HOME} && git fetch -q applied && {where}{change} && echo done"
    )


def proposed(branch: str, why: str) -> Say:
    """The manager's step that proposes a branch."""
    return Call(TOOL + "request_apply_commit", agent="carol", commit_ref=branch, description=why)


def change(word: str, settings: str) -> Rule:
    """What the manager does when the operator says `word`: edit, commit, propose."""
    steps = [edited(settings, word), proposed(word, f"as asked: {word}"), Say("proposed")]
    return Rule(f"please {word}\\b", steps, agent="the manager")


RULES = [
    Rule(
        "we need a carol",
        [
            Call(TOOL + "request_init_config", name="carol", description="answers questions"),
            Say("asked for carol"),
        ],
        agent="the manager",
    ),
    Rule(
        '"config_ready"',
        [
            edited('{"allowed_recipients": ["operator"]}'),
            proposed("main", "carol may only write to the operator"),
            Say("proposed carol's configuration"),
        ],
        agent="the manager",
    ),
    change("modelled", '{"model": "opus", "egress": ["*"]}'),
    change("broken", '{"extra_mcp_servers": {"notes": {"command": "no-such-program"}}}'),
    change("first", '{"model": "haiku"}'),
    change("second", '{"model": "sonnet"}'),
    change("late", '{"model": "opus"}'),
    Rule(
        "are you there",
        [Call(TOOL + "send", to="operator", body="carol is here"), Say("answered")],
        agent="You are carol",
    ),
    Rule("", [Say("noted")], endless=True),
]


def asked(hive: LiveHive, words: str) -> None:
    """The operator says something to the manager."""
    hive.tool("hive-send", "manager", words)


def pending(hive: LiveHive, count: int = 1) -> list[int]:
    """The ids of the approvals that wait for the operator, once there are so many."""
    sql = "SELECT count(*) = ? FROM approvals WHERE status = 'pending'"
    hive.until_value(sql, count, seconds=60)
    return [int(row["id"]) for row in hive.rows("hive-pending")]


def told(hive: LiveHive, approval: int) -> dict[str, Any]:
    """What the manager was told about an approval that is over: once, and with exactly these fields."""
    hive.until_value("SELECT resolved_at FROM approvals WHERE id = ?", approval)
    sql = "SELECT body FROM messages WHERE recipient = 'manager' AND sender = 'system'"
    bodies = [json.loads(body) for (body,) in hive.db.all(sql) if body.startswith("{")]
    mine = [one for one in bodies if one["event"] == "approval_resolved" and one["id"] == approval]
    assert len(mine) == 1, bodies
    assert mine[0].keys() - {"event"} == {
        *("id", "agent", "kind", "commit_ref", "status", "note", "sha", "tag")
    }
    return mine[0]


def status(hive: LiveHive, approval: int) -> str:
    """Where an approval stands."""
    return str(hive.db.value("SELECT status FROM approvals WHERE id = ?", approval))


def deployed_config(hive: LiveHive) -> dict[str, Any]:
    """carol's agent.json as her box sees it."""
    text = (hive.directory / "state/agents/carol/agent.json").read_text()
    return dict(json.loads(text))


def seen_by(hive: LiveHive, words: str) -> list[Seen]:
    """The model's requests whose prompt has these words."""
    return [seen for seen in hive.model.requests if words in seen.prompt]


def a_new_agent_comes_by_the_operators_word(hive: LiveHive) -> None:
    asked(hive, "we need a carol")
    (first,) = pending(hive)
    assert "answers questions" in hive.tool("hive-show", str(first)).stdout
    assert hive.db.value("SELECT count(*) FROM agents WHERE name = 'carol'") == 0
    hive.tool("hive-approve", str(first), "--follow")
    assert status(hive, first) == "deployed"

    (second,) = pending(hive)  # config_ready woke the manager, which edited, committed and proposed
    assert hive.db.value("SELECT count(*) FROM agents WHERE name = 'carol'") == 0, "nothing yet"
    shown = hive.tool("hive-show", str(second)).stdout
    assert "allowed_recipients" in shown and "operator" in shown
    hive.tool("hive-approve", str(second), "--follow")

    assert told(hive, second)["status"] == "deployed"
    assert told(hive, second)["tag"] == f"deployed/{second}"
    assert deployed_config(hive) == {"allowed_recipients": ["operator"]}
    number = int(hive.tool("hive-send", "carol", "are you there").stdout)
    hive.until_acked(number, seconds=60)
    assert "carol is here" in hive.tool("hive-recv", "--wait", "30").stdout


def a_no_reaches_the_manager_with_its_reason(hive: LiveHive) -> None:
    asked(hive, "please modelled now")
    (one,) = pending(hive)
    shown = hive.tool("hive-show", str(one)).stdout
    assert "opus" in shown and "*" in shown
    hive.tool("hive-deny", str(one), "--note", "opus costs too much")
    hive.until_value("SELECT status = 'denied' FROM approvals WHERE id = ?", one)
    assert "opus costs too much" in told(hive, one)["note"]
    until(
        lambda: seen_by(hive, "opus costs too much"), "the manager reads why", explain=hive.explain
    )
    assert deployed_config(hive) == {"allowed_recipients": ["operator"]}


def a_build_that_fails_changes_nothing_and_says_why(hive: LiveHive) -> None:
    asked(hive, "please broken now")
    (one,) = pending(hive)
    before = hive.db.value("SELECT deployed_sha FROM agents WHERE name = 'carol'")
    failed = hive.tool("hive-approve", str(one), "--follow", check=False)
    assert failed.returncode == 1
    assert status(hive, one) == "failed"
    assert "no-such-program" in told(hive, one)["note"]
    assert told(hive, one)["tag"] == f"failed/{one}"
    assert hive.db.value("SELECT deployed_sha FROM agents WHERE name = 'carol'") == before
    assert deployed_config(hive) == {"allowed_recipients": ["operator"]}


def the_older_of_two_proposals_is_superseded(hive: LiveHive) -> None:
    asked(hive, "please first now")
    (older,) = pending(hive)
    asked(hive, "please second now")
    newer = pending(hive, 2)[-1]
    hive.tool("hive-approve", str(newer), "--follow")
    assert (status(hive, older), status(hive, newer)) == ("superseded", "deployed")
    assert told(hive, older)["status"] == "superseded"
    assert deployed_config(hive) == {"model": "sonnet"}
    refused = hive.tool("hive-approve", str(older), check=False)
    assert refused.returncode == 1 and "superseded" in refused.stderr


def a_proposal_for_a_destroyed_agent_is_over_and_the_agent_can_be_revived(hive: LiveHive) -> None:
    asked(hive, "please late now")
    (one,) = pending(hive)
    hive.tool("hive-destroy", "carol")
    hive.until_value("SELECT status = 'superseded' FROM approvals WHERE id = ?", one)
    assert "destroyed" in told(hive, one)["note"]
    assert hive.tool("hive-approve", str(one), check=False).returncode == 1
    assert [row["name"] for row in hive.rows("hive-tombstones")] == ["carol"]

    hive.tool("hive-revive", "carol")
    assert hive.rows("hive-tombstones") == []
    assert deployed_config(hive) == {"model": "sonnet"}
    number = int(hive.tool("hive-send", "carol", "are you there").stdout)
    hive.until_acked(number, seconds=60)


@pytest.mark.timeout(600)
def test_an_agents_life_by_the_operators_word(live_hive: Callable[..., LiveHive]) -> None:
    hive = live_hive(RULES)
    for chapter in CHAPTERS:
        chapter(hive)


CHAPTERS = (
    a_new_agent_comes_by_the_operators_word,
    a_no_reaches_the_manager_with_its_reason,
    a_build_that_fails_changes_nothing_and_says_why,
    the_older_of_two_proposals_is_superseded,
    a_proposal_for_a_destroyed_agent_is_over_and_the_agent_can_be_revived,
)
