"""Proposals as the submissions' worker leaves them: a commit in applied under proposal/ID, its row pending."""

import json
import os

from hivelib.base import clock
from hivelib.base.paths import Paths
from hivelib.flow import resolving, submitting
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.host import decisions, git, repositories
from hivelib.model.changes import ApprovalPending
from hivelib.model.records import Approval, Decision, Job
from hivelib.store import approvals, events, jobs, mail
from tests.support.residents import settle_in


def quiet(_: str) -> None:
    """Whoever does not want to know."""


def job_of(hive: Hive, approval: int, kind: str) -> Job:
    """The newest job of a kind about an approval."""
    return [
        one for one in jobs.latest(hive.db, 100) if (one.kind, one.approval) == (kind, approval)
    ][-1]


def fetch(hive: Hive, approval: int) -> str:
    """Does the submissions' worker's part; gives the note."""
    return submitting.fetch(hive, job_of(hive, approval, "fetch"), quiet)


def deployed(hive: Hive, name: str, text: str = "{}\n") -> str:
    """Gives an agent an applied repository whose main is a commit of this agent.json, as after a deploy."""
    place = Paths.of(hive.settings).applied(name)
    git.init(place)
    before = git.commit_of(place, repositories.MAIN)
    commit = git.write_commit(place, {"agent.json": text}, before, "deployed")
    git.move(place, repositories.MAIN, commit, before)
    os.makedirs(f"{hive.paths.proposed(name)}/.git", exist_ok=True)
    return commit


def inhabited(hive: Hive) -> Hive:
    """The hive once manager, alice and bob run in it and alice's and bob's configurations are deployed."""
    settle_in(hive, "manager", "alice", "bob")
    for name in ("alice", "bob"):
        deployed(hive, name)
    return hive


def propose(hive: Hive, name: str, text: str = '{"model": "opus"}\n') -> Approval:
    """A pending apply_commit of a commit with this agent.json, on top of what is deployed."""
    place = Paths.of(hive.settings).applied(name)
    main = git.commit_of(place, repositories.MAIN)
    commit = git.write_commit(place, {"agent.json": text}, main, "proposed")
    number = submitting.request_apply_commit(hive, SHELL, name, "main", "more of it")
    repositories.tag(hive.settings, name, "proposal", number, commit, "operator", "", clock.now())
    with hive.db.write() as db:
        approvals.move(
            db, number, "submitting", "pending", fetched_sha=commit, lock_hash="", base=main
        )
        subject = resolving.subject(number)
        events.record(db, ApprovalPending(subject, id=number, agent=name, sha=commit))
    return resolving.known(hive, number)


def now(hive: Hive, number: int) -> Approval:
    """The approval as it is now."""
    return resolving.known(hive, number)


def kinds(hive: Hive, number: int) -> list[str]:
    """What happened to an approval, in order."""
    return [row.kind for row in events.latest(hive.db, 100, subject=resolving.subject(number))]


def queued(hive: Hive, number: int) -> list[str]:
    """The jobs about an approval that wait, but for its fetch."""
    found = [job.kind for job in jobs.unfinished(hive.db) if job.approval == number]
    return [kind for kind in found if kind != "fetch"]


def told(hive: Hive) -> list[dict[str, object]]:
    """What the manager was told."""
    return [json.loads(message.body) for message in mail.peek(hive.db, "manager", 100)]


def forge(hive: Hive, number: int, **columns: object) -> None:
    """What the hive's own user could do to a row."""
    names = ", ".join(f"{name} = ?" for name in columns)
    with hive.db.write() as db:
        db.execute(f"UPDATE approvals SET {names} WHERE id = ?", (*columns.values(), number))


def write_decision(hive: Hive, approval: Approval, **fields: object) -> bool:
    """The decision file alone, as a decider leaves it who is killed then; `fields` differ."""
    decisions.prepare(hive.paths)
    said = Decision(
        approval=approval.id,
        verdict="approve",
        kind=approval.kind,
        agent=approval.agent,
        incarnation=approval.incarnation or 0,
        commit=approval.fetched_sha,
        lock=approval.lock_hash,
        base=approval.base,
        note="",
        login="x",
        surface="shell",
        at=clock.now(),
    )
    return decisions.write(hive.paths, said._replace(**fields))  # type: ignore[arg-type]
