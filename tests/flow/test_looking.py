"""What is looked at is what will be approved: each fact of the row is checked against what git holds."""

import os
from pathlib import Path

import pytest

from hivelib.base.errors import Misuse, NotNow, Refused
from hivelib.flow import looking
from hivelib.flow.looking import Shown
from hivelib.flow.opening import Hive
from hivelib.host import git
from hivelib.model.comparing import DANGER
from hivelib.model.records import Approval
from hivelib.store import approvals
from tests.support.deceit import CORPUS
from tests.support.proposals import LINK, PROGRAM, Files, commit, deploy, propose
from tests.support.undecided import forge

SEED = {"agent.json": "{}\n", "agent.nix": "{ }\n", "flake.nix": "{ }\n", "flake.lock": "{}\n"}
OPEN = {**SEED, "agent.json": '{"egress": ["*"]}\n'}


def running(hive: Hive, files: Files = SEED, parent: str = "") -> str:
    """A commit that runs as alice."""
    made = commit(hive.paths.applied("alice"), files, parent)
    deploy(hive, "alice", made)
    return made


def row(hive: Hive, number: int) -> Approval:
    found = approvals.get(hive.db, number)
    assert found
    return found


def dangers(shown: Shown) -> str:
    return "; ".join(one.words for one in shown.cautions if one.severity == DANGER)


def test_a_proposal_is_compared_with_what_runs(private_state: Hive) -> None:
    base = running(private_state)
    number = propose(private_state, "alice", OPEN, base)
    shown = looking.look(private_state, number)
    assert (shown.base, shown.base_is, shown.moved, shown.obstacle) == (
        base,
        "what runs now",
        False,
        "",
    )
    assert [file.path for file in shown.diff.files] == ["agent.json"]
    assert shown.words[0] == 'egress: adds "*"' and "EVERYTHING" in dangers(shown)
    assert shown.diff.commit == shown.approval.fetched_sha == row(private_state, number).fetched_sha


def test_of_a_new_agent_the_whole_seed_is_shown(private_state: Hive) -> None:
    number = propose(private_state, "alice", SEED, kind="init_config")
    shown = looking.look(private_state, number)
    assert (shown.base, shown.base_is) == ("", "nothing runs yet")
    assert [file.path for file in shown.diff.files] == list(SEED) and dangers(shown) == ""
    assert any("ALL of Bash" in words for words in shown.words)


def test_it_can_be_compared_with_what_was_approved_and_proposed_before(private_state: Hive) -> None:
    base = running(private_state)
    first = propose(private_state, "alice", {**SEED, "one": "1\n"}, base)
    second = propose(private_state, "alice", {**SEED, "two": "2\n"}, base)
    third = propose(private_state, "alice", {**SEED, "three": "3\n"}, base)
    for against, words in (("approved", "nothing was approved before"), ("previous", "proposal/2")):
        assert words in looking.look(private_state, third, against).base_is
    git.tag(
        private_state.paths.applied("alice"),
        f"approved/{first}",
        row(private_state, first).fetched_sha,
        "yes",
    )
    for against, other in (("approved", first), ("previous", second)):
        shown = looking.look(private_state, third, against)
        assert shown.base == row(private_state, other).fetched_sha and shown.obstacle == ""
        assert [file.status for file in shown.diff.files] == ["renamed"] or len(
            shown.diff.files
        ) == 2
    assert looking.look(private_state, first, "previous").base_is == "the first proposal"
    with pytest.raises(Misuse, match="running or approved or previous"):
        looking.look(private_state, third, "yesterday")


def test_a_base_that_moved_is_put_right_by_looking(private_state: Hive) -> None:
    base = running(private_state)
    middle = commit(private_state.paths.applied("alice"), {**SEED, "middle": "m\n"}, base)
    number = propose(private_state, "alice", OPEN, middle)
    assert row(private_state, number).base == base
    deploy(private_state, "alice", middle)
    other = looking.look(private_state, number, "previous")
    assert "hive-show" in other.obstacle and row(private_state, number).base == base, "not seen yet"
    shown = looking.look(private_state, number)
    assert (shown.moved, shown.obstacle, shown.base) == (True, "", middle)
    assert shown.approval == row(private_state, number) and shown.approval.base == middle
    assert looking.look(private_state, number).moved is False


def test_what_does_not_build_on_what_runs_must_be_proposed_anew(private_state: Hive) -> None:
    base = running(private_state)
    number = propose(private_state, "alice", OPEN, base)
    running(private_state, {**SEED, "other": "o\n"}, base)
    shown = looking.look(private_state, number)
    assert "must propose anew" in shown.obstacle and not shown.moved
    assert row(private_state, number).base == base
    assert any(shown.obstacle == caution.words for caution in shown.cautions)


def test_what_is_over_is_compared_with_what_ran_then(private_state: Hive) -> None:
    base = running(private_state)
    number = propose(private_state, "alice", OPEN, base)
    deploy(private_state, "alice", row(private_state, number).fetched_sha)
    with private_state.db.write() as db:
        assert approvals.move(db, number, "pending", "approved", resolved_at=1.0)
    shown = looking.look(private_state, number)
    assert shown.base == base and shown.base_is == "what ran when it was decided"
    assert looking.pending(private_state) == [] and len(looking.latest(private_state, 5)) == 1


@pytest.mark.parametrize("what", ["tag moved", "tag gone", "row", "lock"])
def test_what_was_tampered_with_is_said_loudly_and_its_base_stays(
    private_state: Hive, what: str
) -> None:
    base = running(private_state)
    repository = private_state.paths.applied("alice")
    number = propose(private_state, "alice", OPEN, base)
    evil = commit(repository, {**SEED, "evil": "e\n"}, base)
    if what == "lock":
        private_state.db.execute("UPDATE approvals SET lock_hash = 'x'")
    elif what == "row":
        private_state.db.execute("UPDATE approvals SET fetched_sha = ?", (evil,))
    else:
        git.git(repository, "tag", "-d", f"proposal/{number}")
    if what == "tag moved":
        git.tag(repository, f"proposal/{number}", evil, "evil")
    deploy(private_state, "alice", commit(repository, SEED, base))
    shown = looking.look(private_state, number)
    assert "TAMPERED" in dangers(shown) and shown.cautions[0].severity == DANGER
    assert shown.obstacle and not shown.moved and row(private_state, number).base == base


def test_git_never_runs_where_a_forged_row_points(private_state: Hive) -> None:
    base = running(private_state)
    number = propose(private_state, "alice", OPEN, base)
    hostile = private_state.paths.proposed("x")
    commit(hostile, OPEN, "")
    private_state.db.execute("UPDATE approvals SET agent = '../proposed/x'")
    with pytest.raises(Refused, match="tampered"):
        looking.look(private_state, number)


@pytest.mark.parametrize("column", ["base", "fetched_sha"])
def test_git_takes_no_option_from_a_forged_row(
    private_state: Hive, tmp_path: Path, column: str
) -> None:
    """`git diff-tree --output=FILE` writes FILE, with the rights of the operator who looks."""
    number = propose(private_state, "alice", OPEN, running(private_state))
    forge(private_state, number, status="deployed", **{column: f"--output={tmp_path}/mine"})
    with pytest.raises(Refused, match="names no commit: its row was tampered with"):
        looking.look(private_state, number)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_looked_at_says_why(private_state: Hive) -> None:
    with pytest.raises(Refused, match="no approval 7"):
        looking.look(private_state, 7)
    with private_state.db.write() as db:
        number = approvals.add(
            db,
            "apply_commit",
            "alice",
            "x",
            incarnation=None,
            description="",
            by="manager",
            at=1.0,
            expires_at=2.0,
        )
    with pytest.raises(NotNow, match="still being fetched"):
        looking.look(private_state, number)
    assert [one.status for one in looking.pending(private_state)] == ["submitting"]
    with private_state.db.write() as db:
        approvals.move(db, number, "submitting", "failed", note="no such ref", resolved_at=3.0)
    with pytest.raises(Refused, match="no such ref"):
        looking.look(private_state, number)
    other = propose(private_state, "alice", SEED)
    private_state.db.execute("UPDATE approvals SET fetched_sha = ? WHERE id = ?", ("1" * 40, other))
    with pytest.raises(Refused, match="is not in applied"):
        looking.look(private_state, other)


def test_a_purged_agents_proposal_can_still_be_looked_at(private_state: Hive) -> None:
    number = propose(private_state, "alice", SEED)
    private_state.db.execute("UPDATE approvals SET incarnation = 3, status = 'superseded'")
    applied = private_state.paths.applied("alice")
    os.rename(applied, private_state.paths.applied(".alice.3"))
    propose(private_state, "alice", OPEN)
    shown = looking.look(private_state, number)
    assert shown.repository.endswith(".alice.3") and len(shown.diff.files) == len(SEED)


def test_nothing_of_a_hostile_tree_is_overlooked(private_state: Hive) -> None:
    base = running(private_state)
    tree: Files = {
        **SEED,
        **CORPUS,
        "flake.lock": "{ }\n",
        "agent\u202enosj.nix": "x\n",
        "link": (LINK, "/etc/passwd"),
        "run.sh": (PROGRAM, "#!/bin/sh\n"),
        ".gitattributes": "* -diff\n",
    }
    cautions = looking.look(private_state, propose(private_state, "alice", tree, base)).cautions
    said = "\n".join(caution.words for caution in cautions)
    for words in (
        *("flake.lock: the lock changed", "name may deceive", "link: is a symbolic link"),
        *(
            "run.sh: is executable",
            ".gitattributes: may change",
            "binary: not shown",
            "huge line: not shown",
        ),
        *("ansi: has control", "bidi: has characters that turn", "zero-width: has invisible"),
        *(
            "far away: has text pushed",
            "look-alike: has letters",
            "invalid: has bytes",
            "carriage: has control",
        ),
    ):
        assert words in said, words
    assert "crlf: has" not in said and "no newline: has" not in said
    ranks = [caution.severity == DANGER for caution in cautions]
    assert ranks == sorted(ranks, reverse=True), "what matters most is first"
