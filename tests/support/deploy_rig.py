"""A hive whose approvals' worker is real, down to git, the database and decision files; only systemd is an executable
with a world of its own: which agents' targets are up, which trials and starts fail."""

from pathlib import Path

import pytest

from hivelib.base import clock
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow import deciding, deploying, jobs
from hivelib.flow.opening import Hive
from hivelib.host import git, meta, repositories
from hivelib.model.records import Agent, Approval, Caller, Job
from hivelib.store import agents, approvals
from hivelib.store import jobs as job_rows
from tests.support import agreement, order_book

OPERATOR = Caller("operator", "operator", "shell")


class DeployRig:
    """The rig of one test."""

    def __init__(self, hive: Hive, where: Path, patch: pytest.MonkeyPatch) -> None:
        self.hive = hive
        self.world = order_book.install(where, hive.paths.state, patch)

    def ask(self, kind: str, name: str) -> str:
        """Queues a job that no approval stands behind, and does all there is to do; gives its note."""
        job = jobs.ask(self.hive, kind, name, "operator")
        self.work()
        done = job_rows.get(self.hive.db, job)
        assert done
        return done.note

    def propose(self, name: str, config: str | None, kind: str = "apply_commit") -> int:
        """A pending approval: what the submissions' worker leaves. `config` None is the template's."""
        hive, agent = self.hive, agents.live(self.hive.db, name)
        main = repositories.main(hive.settings, name)
        with hive.db.write() as db:
            number = approvals.add(
                db,
                kind,
                name,
                "main",
                incarnation=agent.incarnation if agent else None,
                description="",
                by="manager",
                at=clock.now(),
                expires_at=clock.now() + 1000,
            )
        if kind == "apply_commit":
            assert main and config is not None
            files = {"agent.json": config}
            place = hive.paths.applied(name)
            commit = git.write_commit(place, files, main, f"proposal {number}\n", clock.now())
        else:
            words = (hive.settings, name, "agent", config or "", "manager", "wished", clock.now())
            commit = repositories.seed(*words)
        repositories.tag(hive.settings, name, "proposal", number, commit, "manager", "")
        with hive.db.write() as db:
            approvals.move(
                db,
                number,
                "submitting",
                "pending",
                fetched_sha=commit,
                lock_hash=deciding.lock_hash(hive, name, commit),
                base=main,
            )
        return number

    def approve(self, number: int) -> None:
        """The operator says yes; nothing is done yet."""
        assert deciding.approve(self.hive, OPERATOR, number)

    def deploy(self, name: str, config: str | None, kind: str = "apply_commit") -> Approval:
        """Proposes, approves, and does it."""
        number = self.propose(name, config, kind)
        self.approve(number)
        self.work()
        return self.approval(number)

    def work(self) -> None:
        """What the approvals' worker does from its start to its end."""
        deploying.recover(self.hive)
        while waiting := job_rows.unfinished(self.hive.db, "approvals"):
            self.do(waiting[0])

    def do(self, job: Job) -> None:
        """One job, as flow/working.py does it."""
        hive = self.hive
        with hive.db.write() as db:
            job_rows.begin(db, job.id, clock.now())
        try:
            note, state = getattr(deploying, job.kind)(hive, job, lambda step: None), "done"
        except NotNow:
            raise
        except HiveError as error:
            note, state = str(error), "failed"
        with hive.db.write() as db:
            job_rows.end(db, job.id, state, note, clock.now())

    def job(self, number: int) -> Job:
        """The job that an approval waits for."""
        waiting = job_rows.unfinished(self.hive.db, "approvals")
        return next(job for job in waiting if job.approval == number)

    def approval(self, number: int) -> Approval:
        """The row."""
        found = approvals.get(self.hive.db, number)
        assert found
        return found

    def agent(self, name: str) -> Agent:
        """The row."""
        found = agents.get(self.hive.db, name)
        assert found
        return found

    def box(self, name: str) -> str | None:
        """The agent.json that the box has, while it is up; `stopped: …` while not; None without a box."""
        try:
            text = Path(self.hive.paths.agent_config(name)).read_text().strip()
        except FileNotFoundError:
            return None
        return text if (self.world / f"up.{name}").exists() else f"stopped: {text}"

    def log(self) -> list[str]:
        """Meta's log without the commits' names, newest first."""
        return [entry.words.rsplit(" ", 1)[0] for entry in meta.log(self.hive.settings)]

    def told(self, event: str, to: str = "manager") -> list[dict[str, object]]:
        """What the manager was told of that kind, oldest first."""
        return agreement.told(self.hive, event, to)

    def restarts(self, name: str) -> int:
        """How often the agent was told that it was restarted."""
        sql = (
            "SELECT count(*) FROM messages WHERE recipient = ? AND body LIKE 'you were restarted%'"
        )
        return int(self.hive.db.value(sql, name))

    def agrees(self, number: int) -> str:
        """Looks that all says the same of an approval and its agent, and nothing is left over; gives its status."""
        found = self.approval(number)
        agreement.quiet(self.hive)
        agreement.settled(self.hive, found)
        agreement.same(self.hive, self.box, found.agent)
        agreement.log(self.hive, approvals.latest(self.hive.db, 1_000_000))
        return found.status
