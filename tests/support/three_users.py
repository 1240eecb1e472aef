"""A hive of real users, as under the system manager: one that parses hostile bytes, one that deploys, an operator.

The state is HIVE's; decisions and what is deployed lie in a directory of root's, as tmpfiles.d makes them.
"""

import json
import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hivelib.base import clock
from hivelib.base.users import User
from hivelib.flow import deciding, jobs, working
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import open_hive
from hivelib.host import meta, repositories
from hivelib.model.records import Approval
from hivelib.store import agents, approvals, events
from hivelib.store import jobs as job_rows
from tests.support.deploy_rig import DeployRig
from tests.support.people import made_user
from tests.support.state import make_state
from tests.support.undecided import forge

HIVE = 65534  # nobody
OPERATOR = 1  # daemon, and a member of its group, which is the operators'
GIT_GROUP = 60  # games: none of these is in it
TABLE = '[operator]\ngroup = "daemon"\n'


RACER = """#!/usr/bin/python3 -IS
import os, sqlite3, sys
counter, database, at, sql = {counter!r}, {database!r}, {at!r}, {sql!r}
count = int(open(counter).read() or 0) + 1 if os.path.exists(counter) else 1
open(counter, "w").write(str(count))
if count >= at:
    try:
        with sqlite3.connect(database, timeout=0.1) as db:
            db.execute(sql)
    except sqlite3.OperationalError:
        pass  # the worker writes just now
os.execv("/usr/bin/git", ["git", *sys.argv[1:]])
"""
"""A git that changes a row first, from its call number `at` on."""


class ThreeUsers:
    """The hive of one test: the manager and alice run, each user is a uid of the kernel."""

    def __init__(self, where: Path, patch: pytest.MonkeyPatch) -> None:
        self.git: User = made_user()
        where.chmod(0o755)
        (where / "deployed").mkdir()
        hive = make_state(where, f'deployed_dir = "{where}/deployed"\n{TABLE}')
        patch.setenv("HIVE_CONFIG", str(where / "hive.toml"))
        self.rig = DeployRig(hive, where, patch)
        program = where / "programs/systemctl"
        builds = f"{hive.paths.deployed!r} + '/builds/'"
        program.write_text(program.read_text().replace('state + "/builds/"', builds))
        for place in (hive.paths.bell, hive.paths.slots):
            os.makedirs(place, exist_ok=True)
        for name in ("agents", "decisions", "applied", "meta", "builds", "transcripts"):
            os.makedirs(hive.paths.place(name), exist_ok=True)
        self._give_away(where)
        hive.db.close()
        (where / "hive.toml").chmod(0o644)
        self.deployer(lambda rig: (rig.ask("seed", "manager"), None)[1])
        first = self.propose("{}\n", kind="spawn")
        self.approve(first)
        self.work()
        assert self.deployer(lambda rig: rig.approval(first)).status == "deployed", self.notes()

    def _give_away(self, where: Path) -> None:
        paths, gid = self.rig.hive.paths, self.git.gid
        for path in where.rglob("*"):
            os.chown(path, HIVE, gid)
            path.chmod(0o2770 if path.is_dir() else 0o660)
        self.rig.world.chmod(0o777)
        (where / "programs").chmod(0o755)
        (where / "programs/systemctl").chmod(0o755)
        os.chown(paths.deployed, 0, gid)
        os.chmod(paths.deployed, 0o750)
        for name in ("applied", "meta", "builds"):
            os.chown(paths.place(name), self.git.uid, GIT_GROUP)
            os.chmod(paths.place(name), 0o2755)
        os.chown(paths.place("decisions"), 0, OPERATOR)
        os.chmod(paths.place("decisions"), 0o3775)

    def run(self, uid: int, work: Callable[[DeployRig], Any]) -> Any:
        """What `work` gives, done by a process of that uid; AssertionError with what it raised."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.umask(0o002 if uid == self.git.uid else 0o007)
                os.setgroups([self.git.gid])
                gid = OPERATOR if uid == OPERATOR else self.git.gid
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
                self.rig.hive = open_hive(self.rig.hive.settings)
                with self.rig.hive.db:
                    said = (True, work(self.rig))
            except Exception:  # noqa: BLE001  shown by the parent
                said = (False, traceback.format_exc())
            with os.fdopen(writing, "wb") as file:
                pickle.dump(said, file)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            ok, found = pickle.loads(file.read())
        assert os.waitpid(child, 0)[1] == 0
        assert ok, found
        return found

    def hive(self, work: Callable[[DeployRig], Any]) -> Any:
        """As the taken-over services."""
        return self.run(HIVE, work)

    def deployer(self, work: Callable[[DeployRig], Any]) -> Any:
        """As the user that deploys."""
        return self.run(self.git.uid, work)

    def approve(self, number: int) -> None:
        """An operator says yes."""
        self.run(OPERATOR, lambda rig: rig.approve(number))

    def work(self) -> None:
        """The approvals' worker, from its start to its end."""
        self.deployer(lambda rig: working.run(rig.hive, "approvals"))

    def propose(self, config: str, name: str = "alice", kind: str = "apply_commit") -> int:
        """A pending approval."""
        number: int = self.deployer(lambda rig: rig.propose(name, config, kind))
        return number

    def row(self, number: int) -> Approval:
        """The row of an approval."""
        found: Approval = self.deployer(lambda rig: rig.approval(number))
        return found

    def notes(self) -> list[str]:
        """What came of all jobs, in order."""
        return list(
            self.deployer(lambda rig: [job.note for job in job_rows.latest(rig.hive.db, 99)])
        )

    def deployed(self) -> dict[str, object]:
        """All that a deploy changes: mains, meta, boxes, who was started how often."""

        def look(rig: DeployRig) -> dict[str, object]:
            settings = rig.hive.settings
            names = sorted(os.listdir(rig.hive.paths.place("applied")))
            started = (rig.world / "asked").read_text().count("start hive-agent@")
            boxes = {name: rig.box(name) for name in (*names, "eve")}
            mains = {name: repositories.main(settings, name) for name in names}
            tags = {
                name: [
                    word.approval
                    for word in repositories.history(settings, name)
                    if word.kind == "deployed"
                ]
                for name in names
            }
            return {
                "mains": mains,
                "tags": tags,
                "meta": meta.head(settings),
                "boxes": boxes,
                "starts": started,
            }

        return dict(self.deployer(look))

    def refusals(self, number: int) -> list[str]:
        """Why the worker did not believe an approval, once for each event."""

        def look(rig: DeployRig) -> list[str]:
            rows = events.latest(rig.hive.db, 100, subject=f"approval:{number}")
            return [
                json.loads(row.payload)["why"] for row in rows if row.kind == "decision_refused"
            ]

        return list(self.deployer(look))


def approving(rig: DeployRig, number: int) -> str:
    """What comes of it when this user approves by the verb itself."""
    try:
        deciding.approve(rig.hive, SHELL, number)
    except Exception as error:  # noqa: BLE001  the test reads what it was
        return str(error)
    return "done"


def forge_job(rig: DeployRig, kind: str, name: str, approval: int | None = None) -> None:
    """A job as whoever can write the database writes it."""
    with rig.hive.db.write() as db:
        jobs.queue(db, kind, name, "operator", approval)


def forge_agent(rig: DeployRig, name: str, commit: str) -> None:
    """A row that says that an agent runs with a commit."""
    with rig.hive.db.write() as db:
        agents.remove(db, name)
        agents.add(db, name, "agent", "bwrap", "{}", clock.now())
        agents.set_state(db, name, "running", clock.now())
        agents.set_deployed(db, name, commit, "x", clock.now())


def forge_row(rig: DeployRig, kind: str, status: str) -> int:
    """A row of that status that nobody asked for, about an agent that there is not."""
    with rig.hive.db.write() as db:
        more = {"incarnation": None, "description": "", "by": "manager", "config": "{}"}
        now = clock.now()
        number = approvals.add(db, kind, "eve", "main", at=now, expires_at=now + 1000, **more)  # type: ignore[arg-type]
    forge(
        rig.hive,
        number,
        status=status,
        fetched_sha="0" * 40,
        decided_at=now,
        decided_uid=0,
        decided_by="root",
        surface="shell",
    )
    return number
