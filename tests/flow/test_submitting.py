"""Proposals: who may make them of whom, how they come into applied, and what is left after a kill."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hivelib.base import clock
from hivelib.base.errors import NotNow, Refused
from hivelib.flow import resolving, spawning, submitting
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.host import git, repositories
from hivelib.model.records import Caller
from hivelib.store import agents, approvals, events, jobs, mail
from tests.support.residents import asked, begin_turn, settle_in, voice
from tests.support.sandbox import sandbox
from tests.support.undecided import deployed, fetch, job_of, propose

MANAGER = Caller("manager", "manager", "mcp")


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Manager and alice run; alice's configuration is deployed, and the manager has a clone of it."""
    settle_in(private_state, "manager", "alice")
    deployed(private_state, "alice")
    os.rmdir(f"{private_state.paths.proposed('alice')}/.git")
    os.rmdir(private_state.paths.proposed("alice"))
    repositories.open_proposed(private_state.settings, "alice")
    return private_state


def commit(hive: Hive, name: str = "alice", **files: str) -> str:
    """The manager's commit of the template with these files."""
    from hivelib.host import templates

    where = Path(hive.paths.proposed(name))
    for path, text in {**templates.files(name, "agent"), **files}.items():
        (where / path.replace("_json", ".json")).write_text(text)
    for words in (("add", "--all"), ("commit", "--quiet", "--message", "work")):
        run = ["git", "-C", str(where), *words]
        subprocess.run(run, env=git.environment(), check=True, capture_output=True)
    return git.commit_of(f"{where}/.git", "refs/heads/main")


def told(hive: Hive) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in mail.peek(hive.db, "manager", 100)]


def test_a_commit_is_fetched_checked_tagged_and_waits_for_the_operator(hive: Hive) -> None:
    main = repositories.main(hive.settings, "alice")
    wanted = commit(hive, agent_json='{"model": "opus"}\n')
    number = submitting.request_apply_commit(hive, MANAGER, "alice", "main", "a bigger one")
    before = resolving.known(hive, number)
    assert (before.status, before.requested_by, before.incarnation) == ("submitting", "manager", 2)
    with sandbox(hive):
        assert fetch(hive, number) == wanted[:12]
    found = resolving.known(hive, number)
    assert (found.status, found.fetched_sha, found.base) == ("pending", wanted, main)
    assert repositories.tagged(hive.settings, "alice", number) == {"proposal": wanted}
    place = hive.paths.applied("alice")
    assert git.show(place, wanted, "agent.json") == '{"model": "opus"}\n'
    kinds = [row.kind for row in events.latest(hive.db, 9, subject=f"approval:{number}")]
    assert kinds == ["approval_added", "approval_pending"]
    assert "pending already" in fetch(hive, number)
    assert not [name for name in os.listdir(f"{hive.paths.state}/applied") if name[0] == "."]


def test_what_cannot_be_fetched_fails_and_the_manager_is_told_once(hive: Hive) -> None:
    number = submitting.request_apply_commit(hive, MANAGER, "alice", "nothing")
    with sandbox(hive):
        assert fetch(hive, number).startswith("failed: ")
    assert "failed already" in fetch(hive, number)
    assert [(one["event"], one["status"]) for one in told(hive)] == [
        ("approval_resolved", "failed")
    ]
    assert "no branch" in told(hive)[0]["note"] == resolving.known(hive, number).note


def test_what_does_not_go_on_from_what_is_deployed_fails(hive: Hive) -> None:
    commit(hive)
    deployed(hive, "alice", '{"model": "haiku"}\n')
    number = submitting.request_apply_commit(hive, MANAGER, "alice", "main")
    with sandbox(hive):
        assert "does not descend from" in fetch(hive, number)
    assert repositories.tagged(hive.settings, "alice", number) == {}


def test_without_a_sandbox_it_waits_but_not_for_ever(hive: Hive) -> None:
    number = submitting.request_apply_commit(hive, MANAGER, "alice", "main")
    with pytest.raises(NotNow, match="sandbox is away"):
        fetch(hive, number)
    assert resolving.known(hive, number).status == "submitting"
    with hive.db.write() as db:
        db.execute("UPDATE approvals SET requested_at = ?", (clock.now() - 601,))
    assert "sandbox is away" in fetch(hive, number)
    assert told(hive)[0]["status"] == "failed"


def test_killed_after_its_tag_the_same_commit_is_shown(hive: Hive) -> None:
    first = commit(hive)
    number = submitting.request_apply_commit(hive, MANAGER, "alice", "main")
    with sandbox(hive):
        fetch(hive, number)
    with hive.db.write() as db:  # the row was not written yet
        db.execute("UPDATE approvals SET status = 'submitting', fetched_sha = '', base = ''")
    commit(hive, agent_json='{"model": "haiku"}\n')  # the branch has moved since
    fetch(hive, number)
    assert resolving.known(hive, number).fetched_sha == first


@pytest.mark.parametrize("kind", ["init_config", "spawn"])
def test_a_new_agents_first_commit_is_the_template(hive: Hive, kind: str) -> None:
    config = '{"model": "opus"}\n' if kind == "spawn" else ""
    if kind == "spawn":
        number = submitting.request_spawn(hive, SHELL, "bob", "a helper", config)
    else:
        number = submitting.request_init_config(hive, MANAGER, "bob", "a helper")
    fetch(hive, number)
    found = resolving.known(hive, number)
    place = hive.paths.applied("bob")
    assert (found.status, found.base, found.config) == ("pending", "", config)
    assert repositories.main(hive.settings, "bob") == ""
    shown = git.show(place, found.fetched_sha, "agent.json")
    assert shown and (shown == config or not config)
    assert git.show(place, found.fetched_sha, "flake.nix")
    with hive.db.write() as db:
        db.execute("UPDATE approvals SET status = 'submitting', fetched_sha = ''")
    fetch(hive, number)
    assert resolving.known(hive, number).fetched_sha == found.fetched_sha


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("init_config", "Bob", "lower-case"),
        ("spawn", "operator", "reserved"),
        ("spawn", "alice", "there is an agent alice"),
        ("init_config", "carol", "has a config repository already"),
        ("init_config", "dave", "hive-revive dave"),
        ("apply_commit", "dave", "hive-revive dave"),
        ("apply_commit", "alise", "did you mean alice?"),
        ("apply_commit", "carl", "did you mean carol"),
        ("apply_commit", "../alice", "no agent"),
    ],
)
def test_whom_a_proposal_cannot_be_about(hive: Hive, kind: str, name: str, words: str) -> None:
    os.makedirs(f"{hive.paths.proposed('carol')}/.git")
    with hive.db.write() as db:
        agents.add(db, "dave", "agent", "bwrap", "{}", clock.now())
        agents.set_state(db, "dave", "destroyed", clock.now())
    with pytest.raises(Refused, match=words):
        ask(hive, kind, name)
    assert approvals.latest(hive.db, 9) == [] and jobs.latest(hive.db, 9) == []


def ask(hive: Hive, kind: str, name: str, caller: Caller = MANAGER) -> int:
    if kind == "apply_commit":
        return submitting.request_apply_commit(hive, caller, name, "main")
    if kind == "spawn":
        return submitting.request_spawn(hive, caller, name)
    return submitting.request_init_config(hive, caller, name)


def test_an_agent_that_was_only_initialised_can_have_its_first_commit(hive: Hive) -> None:
    deployed(hive, "carol")
    found = resolving.known(hive, ask(hive, "apply_commit", "carol"))
    assert (found.agent, found.incarnation) == ("carol", None)


def test_a_tombstones_name_can_be_spawned_again(hive: Hive) -> None:
    with hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", clock.now())
    assert ask(hive, "spawn", "alice")


def test_a_new_name_is_asked_for_once(hive: Hive) -> None:
    number = ask(hive, "init_config", "bob")
    with pytest.raises(Refused, match=f"asked for already: approval {number}"):
        ask(hive, "spawn", "bob")


def test_only_so_many_proposals_of_an_agent_wait(hive: Hive) -> None:
    for _ in range(hive.settings.approvals.pending_most):
        propose(hive, "alice")
    with pytest.raises(Refused, match=r"5 open proposals \(1, 2, 3, 4, 5\)"):
        ask(hive, "apply_commit", "alice")
    assert ask(hive, "init_config", "bob")


@pytest.mark.parametrize(
    "ref",
    [
        *("", "-x", "a..b", "HEAD@{1}", "a\nb", "a b", "/a", "a/", "a//b", ".a", "a.lock", "é"),
        *("x" * 101, "a:b", "a^", "a~1", "--upload-pack=x", "refs/heads/.x", "a\x1b"),
    ],
)
def test_a_ref_is_a_branch_or_a_commit(hive: Hive, ref: str) -> None:
    with pytest.raises(Refused, match="no branch and no commit"):
        submitting.request_apply_commit(hive, MANAGER, "alice", ref)


def test_only_the_manager_and_the_operator_propose(hive: Hive) -> None:
    with pytest.raises(Refused, match="only the manager"):
        ask(hive, "spawn", "bob", voice("alice"))


def test_asked_again_it_is_one_proposal_with_one_outcome(hive: Hive) -> None:
    turn = begin_turn(hive, "manager")
    caller, request = Caller("manager", "manager", "mcp", turn.id), asked(turn)

    def propose_bob() -> int:
        return submitting.request_spawn(hive, caller, "bob", request=request)

    number = propose_bob()
    assert propose_bob() == number
    assert submitting.outcome(hive, number, 0)["status"] == "submitting"
    fetch(hive, number)
    first = submitting.outcome(hive, number, 0, request)
    assert first == {"id": number, "status": "pending", "note": ""}
    resolving.resolve(hive, resolving.known(hive, number), "superseded", "")
    assert submitting.outcome(hive, propose_bob(), 0, request) == first


def test_hive_spawn_is_a_proposal_that_is_approved_at_once(hive: Hive) -> None:
    steps: list[str] = []

    def worker(step: str) -> None:
        """Does what the lanes' workers do, when it is their turn."""
        steps.append(step)
        if step.startswith("approval "):
            fetch(hive, int(step.split()[1]))

    assert spawning.spawn(hive, "alice") is False and spawning.spawn(hive, "manager") is False
    with hive.db.write() as db:  # the deploy's end, told beforehand: nobody deploys in this test
        db.execute(
            "CREATE TRIGGER deployed AFTER UPDATE OF status ON approvals WHEN new.status = 'approved' BEGIN"
            " UPDATE approvals SET status = 'deployed', resolved_at = 1 WHERE id = new.id; END"
        )
    assert spawning.spawn(hive, "bob", '{"model": "opus"}', tell=worker) is True
    assert job_of(hive, 1, "deploy") and steps == ["approval 1"]
