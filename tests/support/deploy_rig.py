"""A hive whose approvals' worker is real, down to git, the database and decision files; only systemd is an executable
with a world of its own: which agents' targets are up, which trials and starts fail."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hivelib.base import clock, proc
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow import deciding, deploying, jobs
from hivelib.flow.opening import Hive, open_hive
from hivelib.host import flake, git, meta, repositories, systemd
from hivelib.model import states
from hivelib.model.records import Agent, Approval, Caller, Job
from hivelib.store import agents, approvals
from hivelib.store import jobs as job_rows

OPERATOR = Caller("operator", "operator", "shell")
SYSTEMCTL = """#!/usr/bin/python3 -IS
import json, os, sys
world, state = {world!r}, {state!r}
words = [word for word in sys.argv[1:] if not word.startswith("-")]
verb, units = words[0], words[1:]
open(world + "/asked", "a").write(" ".join(words) + "\\n")
for unit in units:
    name = unit.partition("@")[2].partition(".")[0]
    if verb == "start" and unit.startswith("hive-trial@"):
        place = state + "/builds/" + name + "/trial"
        if "no-such-program" in open(place + "/agent.json").read():
            open(place + "/log", "w").write("hive-claude: extra_mcp_servers.x: no program no-such-program\\n")
            sys.exit("Job for " + unit + " failed.")
    elif verb == "start" and unit.startswith("hive-agent@"):
        if "unstartable" in open(state + "/agents/" + name + "/agent.json").read():
            sys.exit("Job for " + unit + " failed.")
        open(world + "/up." + name, "w")
    elif verb == "stop" and unit.startswith("hive-agent@"):
        if os.path.exists(world + "/up." + name):
            os.unlink(world + "/up." + name)
    elif verb in ("list-units", "stop"):
        pass
    else:
        sys.exit("unexpected: " + " ".join(words))
if verb == "list-units":
    up = [name[3:] for name in os.listdir(world) if name.startswith("up.")]
    rows = [dict(unit="hive-agent@" + name + ".target", active="active", sub="active") for name in up]
    print(json.dumps([row for row in rows if row["unit"] in units]))
"""


WRITES = {"update-ref", "tag", "read-tree", "fetch", "start", "stop"}


def _count_actions(point: int, hive: Hive) -> None:
    left = point

    def action() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(argv: Sequence[str], **more: Any) -> proc.Done:
        if WRITES.intersection(argv):
            action()
        return really_run(argv, **more)

    really_run = proc.run
    proc.run = run
    systemd.__dict__["run"] = run
    hive.db.connection.set_trace_callback(lambda sql: action() if sql == "COMMIT" else None)
    sys.addaudithook(lambda event, _: action() if event == "os.rename" else None)


class DeployRig:
    """The rig of one test."""

    def __init__(self, hive: Hive, where: Path, patch: pytest.MonkeyPatch) -> None:
        self.hive, self.world = hive, where / "systemd"
        self.world.mkdir()
        program = where / "programs/systemctl"
        program.parent.mkdir()
        program.write_text(SYSTEMCTL.format(world=str(self.world), state=hive.paths.state))
        program.chmod(0o755)
        patch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    def ask(self, kind: str, name: str) -> str:
        """Queues a job that no approval stands behind, and does all there is to do; gives its note."""
        job = jobs.ask(self.hive, kind, name, "operator")
        self.work()
        done = job_rows.get(self.hive.db, job)
        assert done
        return done.note

    def propose(self, name: str, config: str | None, kind: str = "apply_commit") -> int:
        """A pending approval: what the submissions' worker leaves. `config` None is the template's."""
        hive, agent = self.hive, agents.get(self.hive.db, name)
        main = repositories.main(hive.settings, name)
        with hive.db.write() as db:
            number = approvals.add(
                db,
                kind,
                name,
                "main",
                incarnation=agent.incarnation if agent and agent.state != "destroyed" else None,
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

    def killed_at(self, point: int) -> bool:
        """Lets a worker of its own do what there is to do, and kills it before its action number `point`: a commit of
        the database, a rename, a git that writes, an order to systemd. False when it had ended before that."""
        child = os.fork()
        if child == 0:
            try:
                _count_actions(point, hive := open_hive(self.hive.settings))
                self.hive = hive
                self.work()
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

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
        rows = self.hive.db.all("SELECT body FROM messages WHERE recipient = ? ORDER BY id", to)
        bodies = [json.loads(body) for (body,) in rows if body.startswith("{")]
        return [body for body in bodies if body["event"] == event]

    def restarts(self, name: str) -> int:
        """How often the agent was told that it was restarted."""
        sql = (
            "SELECT count(*) FROM messages WHERE recipient = ? AND body LIKE 'you were restarted%'"
        )
        return int(self.hive.db.value(sql, name))

    def agrees(self, number: int) -> str:
        """Looks that row, tags, main, meta, box and agent say the same of an approval, and nothing is left over; gives
        its status."""
        found, settings = self.approval(number), self.hive.settings
        assert found.status in states.RESOLVED, found
        tags = repositories.tagged(settings, found.agent, number)
        main, pinned = (
            repositories.main(settings, found.agent),
            flake.agents_of(meta.lock(settings)).get(found.agent),
        )
        ok = found.status == "deployed"
        assert ("deployed" in tags, "failed" in tags) == (ok, not ok)
        assert main == (found.fetched_sha if ok else found.base)
        assert (f"deploy {found.agent} deployed/{number}" in self.log()) == (
            ok and found.kind != "init_config"
        )
        agent = agents.get(self.hive.db, found.agent)
        if agent and agent.state != "destroyed":
            assert agent.deployed_sha == main == pinned
            config = git.show(self.hive.paths.applied(found.agent), main, "agent.json") or ""
            assert agent.config == config
            up = "" if agent.state == "running" else "stopped: "
            assert self.box(found.agent) == f"{up}{config.strip()}"
        elif not ok:
            assert pinned is None and self.box(found.agent) is None
        resolved = [one for one in self.told("approval_resolved") if one["id"] == number]
        assert [one["status"] for one in resolved] == [found.status]
        assert [one["tag"] for one in resolved] == [f"{found.status}/{number}"]
        left = [name for name in os.listdir(self.hive.paths.state) if "candidate" in name]
        assert left == []
        place = Path(self.hive.paths.meta)
        assert (place / "flake.lock").read_text() == meta.lock(settings)
        return found.status
