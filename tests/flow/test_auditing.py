"""hive-doctor --deep finds each damage, says the line that mends it, and changes nothing; a whole hive has none."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.base import bell, clock
from hivelib.base.db import Database
from hivelib.flow import auditing, jobs, mailing
from hivelib.flow.opening import open_transcript
from hivelib.host import git
from hivelib.model.auditing import Fault
from hivelib.store import jobs as job_rows
from hivelib.store import mail, search, turns
from tests.support.deploy_rig import DeployRig
from tests.support.kill_rig import KillRig

OPUS = '{"model": "opus"}\n'
AGO = clock.now() - 1000


def audit(rig: DeployRig) -> list[Fault]:
    return list(auditing.audit(rig.hive, lambda words: None))


@pytest.fixture
def lived(rig: KillRig) -> KillRig:
    """A hive in which much happened: alice deployed twice and failed once, carol destroyed, bob with a proposal."""
    for name in ("alice", "carol"):
        rig.deploy(name, "{}", "spawn")  # 1, 2
    rig.deploy("alice", OPUS)  # 3
    rig.deploy("alice", '{"model": 3}\n')  # 4, failed
    rig.destroyed("carol")
    rig.deploy("bob", "{}", "spawn")  # 5
    rig.propose("bob", OPUS)  # 6
    mailing.send(rig.hive, mailing.SHELL, "alice", "to be found")
    search.catch_up(rig.hive.db)
    transcript = open_transcript(rig.hive, "alice", create=True)
    assert transcript
    transcript.close()
    return rig


def everything(rig: DeployRig) -> list[object]:
    """All rows and all files, to the byte and the second."""
    tables = ("agents", "messages", "turns", "approvals", "jobs", "events", "warnings", "facts")
    rows = [rig.hive.db.all(f"SELECT * FROM {table}") for table in tables]
    files = [(path, path.lstat()[:6]) for path in sorted(Path(rig.hive.paths.state).rglob("*"))]
    return [*rows, *(one for one in files if not one[0].name.endswith(("-shm", "-wal")))]


def test_a_whole_hive_has_no_fault_and_is_left_as_it_is(lived: KillRig) -> None:
    before = everything(lived)
    said: list[str] = []
    assert list(auditing.audit(lived.hive, said.append)) == []
    assert len(said) == len(auditing.SECTIONS)
    assert everything(lived) == before


def sql(rig: DeployRig, text: str) -> None:
    with rig.hive.db.write() as db:
        db.execute(text)


def drop_tag(rig: DeployRig, name: str, tag: str) -> None:
    git.git(rig.hive.paths.applied(name), "tag", "-d", tag)


def add_tag(rig: DeployRig, name: str, tag: str) -> None:
    place = rig.hive.paths.applied(name)
    git.tag(place, tag, git.commit_of(place, "refs/heads/main"), f"{tag} {name}\n\nWho: x\n\ny")


def put(path: str, text: str = "x", mode: int = 0o600) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_text(text)
    os.chmod(path, mode)
    os.utime(path, (AGO, AGO))


def running_turn(rig: DeployRig) -> None:
    with rig.hive.db.write() as db:
        turns.begin(db, "dora", 1, "sonnet", clock.now())


def stray_claim(rig: DeployRig) -> None:
    with rig.hive.db.write() as db:
        number = turns.begin(db, "alice", 1, "sonnet", clock.now())
        mail.claim(db, mail.ready(db, "alice", clock.now(), 1), number, clock.now())
        turns.end(db, number, "lost", "", clock.now())


def running_job(rig: DeployRig) -> None:
    number = jobs.ask(rig.hive, "stop", "bob", "operator")
    with rig.hive.db.write() as db:
        job_rows.begin(db, number, clock.now())


def dead_fifo(rig: DeployRig) -> None:
    put(path := f"{rig.hive.paths.bell}/events/0123")
    os.unlink(path)
    os.mkfifo(path)
    os.utime(path, (AGO, AGO))


def torn_index(rig: DeployRig) -> None:
    sql(rig, "DELETE FROM messages_search_docsize WHERE id = 1")


def torn_transcript(rig: DeployRig) -> None:
    path = Path(rig.hive.paths.transcript("alice"))
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)


DAMAGES: dict[str, tuple[Callable[[DeployRig], object], str, str]] = {
    # what was done: (how, in the fault's name or words, in the line that mends it)
    "tag missing": (
        lambda r: drop_tag(r, "alice", "approved/1"),
        "lacks tag approved/1",
        "hive-show 1",
    ),
    "tag contradicts": (
        lambda r: add_tag(r, "alice", "deployed/4"),
        "has tag deployed/4",
        "hive-show 4",
    ),
    "tag of no row": (lambda r: add_tag(r, "alice", "deployed/77"), "there is no row", "'*/77'"),
    "tag of another": (lambda r: add_tag(r, "bob", "denied/2"), "its row is about carol", "'*/2'"),
    "row is forged": (
        lambda r: sql(
            r,
            "UPDATE approvals SET status = 'deployed', tag = 'deployed/6', resolved_at = 1 WHERE id = 6",
        ),
        "is deployed in its row and lacks tag approved/6, building/6, deployed/6",
        "hive-show 6",
    ),
    "other commit": (
        lambda r: sql(r, f"UPDATE approvals SET fetched_sha = '{'0' * 40}' WHERE id = 5"),
        "names another commit than its row",
        "hive-show 5",
    ),
    "other deployed": (
        lambda r: sql(r, f"UPDATE agents SET deployed_sha = '{'1' * 40}' WHERE name = 'bob'"),
        "its row says 111111111111, applied/main says",
        "hive-rebuild bob",
    ),
    "turn of nobody": (running_turn, "runs for dora", "hive-up"),
    "claim of an ended turn": (stray_claim, "which does not run", "hive-redeliver"),
    "reminder of nobody": (
        lambda r: sql(
            r,
            "INSERT INTO reminders(owner, incarnation, body, due_at, created_at, created_by)"
            " VALUES('alice', 999, 'x', 2e9, 1.0, 'alice')",
        ),
        "waits for alice, and no such agent",
        "hive-cancel reminder",
    ),
    "question that cannot be read": (
        lambda r: sql(
            r,
            "INSERT INTO questions(asker, target, question, options, asked_at)"
            " VALUES('bob', 'operator', 'x', '7', 1.0)",
        ),
        "cannot be read: options is no JSON list of text",
        "hive-cancel question",
    ),
    "job without worker": (running_job, "no worker is in the lane lifecycle", "hive-up"),
    "transcript of nobody": (
        lambda r: put(r.hive.paths.transcript("eve")),
        "transcripts/eve.sqlite: is of no agent",
        "rm ",
    ),
    "transcript torn": (torn_transcript, "transcripts/alice.sqlite", "move "),
    "agent's files of nobody": (
        lambda r: put(f"{r.hive.paths.agent('eve')}/state/x"),
        "agents/eve: is of no agent",
        "rm -r",
    ),
    "half a config": (
        lambda r: put(f"{r.hive.paths.agent('bob')}/agent.json.new"),
        "was left half done",
        "rm ",
    ),
    "build of nobody": (
        lambda r: put(f"{r.hive.paths.build('eve', '0' * 40)}/x"),
        "builds/eve: is of no agent",
        "rm -r",
    ),
    "log of nothing": (lambda r: put(r.hive.paths.build_log(99)), "log of no approval", "rm "),
    "candidate": (
        lambda r: put(f"{r.hive.paths.candidates}/3/flake.nix"),
        "candidate of no deploy",
        "rm -r",
    ),
    "fetch left over": (
        lambda r: put(f"{r.hive.paths.place('applied')}/.incoming/x"),
        ".incoming: is of no agent",
        "rm -r",
    ),
    "git's lock": (lambda r: put(f"{r.hive.paths.meta}/.git/index.lock"), "git that died", "rm "),
    "a link": (
        lambda r: os.symlink("/etc", f"{r.hive.paths.state}/builds/bob2"),
        "builds/bob2",
        "rm ",
    ),
    "decision of no row": (
        lambda r: put(r.hive.paths.decision(88), "{}"),
        "decisions/88: is about no approval",
        "rm ",
    ),
    "no decision": (
        lambda r: put(r.hive.paths.decision(6), "{}"),
        "decisions/6",
        "look who made it",
    ),
    "half a decision": (
        lambda r: put(r.hive.paths.decision(0)[:-1] + ".6.ab"),
        "is no decision",
        "rm ",
    ),
    "bell": (dead_fifo, "nobody reads this bell", "rm "),
    "open database": (
        lambda r: os.chmod(r.hive.paths.database, 0o666),
        "grants too much",
        "chmod 664",
    ),
    "open state": (lambda r: os.chmod(r.hive.paths.state, 0o755), "grants too much", "chmod 750"),
    "index": (torn_index, "1 of ", "rebuild"),
}


def test_each_damage_is_found_with_its_mend(lived: KillRig) -> None:
    seen: set[Fault] = set()
    with bell.Listener(lived.hive.paths.bell, "broker"):  # the hive is up, so bells are read
        for what, (damage, words, mend) in DAMAGES.items():
            damage(lived)
            new = [one for one in audit(lived) if one not in seen]
            hit = [one for one in new if words in f"{one.name}: {one.words}"]
            assert len(hit) >= 1 and len(new) <= 3, (what, new)
            assert all(mend in one.mend for one in hit), (what, hit)
            seen |= set(new)


def test_a_decision_whose_owner_may_not_decide_is_found(lived: KillRig) -> None:
    if os.geteuid():
        pytest.skip("only root can run a hive as another user")
    os.chown(lived.hive.paths.decision(1), 12345, -1)
    assert [one.name for one in audit(lived) if "may not decide" in one.words] == ["decisions/1"]
    os.chown(lived.hive.paths.database, 12345, -1)
    assert any("belongs to user 12345" in one.words for one in audit(lived))


def test_a_damaged_database_is_found(lived: KillRig) -> None:
    root = int(
        lived.hive.db.value("SELECT rootpage FROM sqlite_master WHERE name = 'messages_pair'")
    )
    lived.hive.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(lived.hive.paths.database, "r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    with Database(lived.hive.paths.database) as db:
        found = list(auditing.audit(lived.hive._replace(db=db), lambda words: None))
    assert "damaged" in found[0].words and "restore a backup" in found[0].mend


def test_the_mends_of_claims_and_of_the_index_mend_them(lived: KillRig) -> None:
    stray_claim(lived)
    (fault,) = audit(lived)
    assert mailing.redeliver(lived.hive, int(fault.mend.split()[-1]))
    assert [one.redelivered for one in mail.peek(lived.hive.db, "alice", 1)] == [True]
    torn_index(lived)
    (fault,) = audit(lived)
    sql(lived, shlex.split(fault.mend)[-1])
    assert audit(lived) == []
