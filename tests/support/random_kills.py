"""Random kills, from a seed: agents are proposed, deployed, destroyed, revived and purged, and each time one of the
processes that do it dies at one of its fault points; sometimes the next one too, and sometimes a copy goes on."""

import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from hivelib.flow import deciding, eligible, jobs, submitting
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.model.records import Caller
from hivelib.store import agents, approvals
from tests.support import agreement
from tests.support.deploy_rig import OPERATOR
from tests.support.fault_points import END
from tests.support.kill_rig import KillRig

NAMES = ("alice", "bob", "carol")
MANAGER = Caller("manager", "manager", "mcp")
TEXTS = ('{{"model": "m{n}"}}\n',) * 4 + (
    '{{"extra_mcp_servers": {{"x{n}": {{"command": "no-such-program"}}}}}}\n',
    '{{"model": "unstartable{n}"}}\n',
)
TORN, TWICE = 0.25, 0.3
"""How often a copy goes on, and how often the next worker dies too."""


class Process(NamedTuple):
    """A process that may die: what it is, and what it does."""

    what: str
    does: Callable[[Hive], object]


class Kills:
    """What was killed in a hive, and what it came to."""

    def __init__(self, rig: KillRig, seed: int) -> None:
        self.rig, self.seed = rig, seed
        self.killed, self.torn, self.twice = Counter[str](), 0, 0
        self._random, self._count = random.Random(seed), 0
        self._points: dict[str, int] = {}
        self._where = ""

    def one(self) -> None:
        """One change of one agent, with one kill or two; AssertionError when something does not agree afterwards."""
        self._where = f"seed {self.seed}, kill {self.killed.total() + 1}"
        try:
            self._kill()
        except Exception as error:
            error.add_note(self._where)
            raise

    def _kill(self) -> None:
        rig, chain = self.rig, self._chain(self._random.choice(NAMES))
        victim = self._random.randrange(len(chain))
        for process in chain[:victim]:
            process.does(rig.hive)
        what, does = chain[victim]
        torn = self._random.random() < TORN
        point = self._random.randint(1, self._points.get(what, 40))
        passed = rig.killed(point, does, torn=torn)
        if passed[-1] == END:
            self._points[what] = len(passed)
        self._where += f": {what} before {passed[-1]}"
        self.killed[what] += 1
        self.torn += torn
        if self._random.random() < TWICE:
            lane = self._random.choice(("approvals", "approvals", "lifecycle", "submissions"))
            passed = rig.killed(self._random.randint(1, 20), rig.worker(lane))
            self.twice += 1
            self.killed[f"the next worker of the {lane}"] += 1
            self._where += f", then {lane} before {passed[-1]}"
        rig.go_on(reconcile_first=self._random.random() < 0.5)
        agreement.quiet(rig.hive)
        for name in NAMES:
            agreement.same(rig.hive, rig.box, name)

    def outcomes(self) -> Counter[str]:
        """How many approvals came to what."""
        return Counter(one.status for one in approvals.latest(self.rig.hive.db, 1_000_000))

    def _chain(self, name: str) -> list[Process]:
        """The processes of a change that makes sense for that agent now."""
        rig, agent = self.rig, agents.get(self.rig.hive.db, name)
        if agent is None and not eligible.has_proposed(rig.hive, name):
            return self._new(name)
        if agent is None or (agent.state != "destroyed" and self._random.random() < 0.7):
            return self._change(name)
        if agent.state != "destroyed":
            return self._lifecycle("destroy", name, "approvals")
        what = self._random.choice(("revive", "revive", "purge", "spawn"))
        if what == "spawn":
            return self._new(name)
        return self._lifecycle(what, name, *(("approvals",) if what == "revive" else ()))

    def _new(self, name: str) -> list[Process]:
        """A new agent, or its repositories only; one that is asked for already is decided now."""
        if self._pending(name):
            return self._decide(name)
        there = agents.get(self.rig.hive.db, name)

        def ask(hive: Hive) -> object:
            if there or self._random.random() < 0.5:
                return submitting.request_spawn(hive, SHELL, name, "", "{}\n")
            return submitting.request_init_config(hive, MANAGER, name)

        fetch = Process("a first look", self.rig.worker("submissions"))
        return [Process("who proposes", ask), fetch, *self._decide(name)]

    def _change(self, name: str) -> list[Process]:
        self._count += 1
        text = self._random.choice(TEXTS).format(n=f"{self.seed}-{self._count}")
        self.rig.propose(name, text)
        return self._decide(name)

    def _decide(self, name: str) -> list[Process]:
        verdict = "denies" if self._random.random() < 0.2 else "approves"

        def decide(hive: Hive) -> object:
            number = self._pending(name)
            if verdict == "denies":
                return deciding.deny(hive, OPERATOR, number, "no")
            return deciding.approve(hive, OPERATOR, number)

        does = "deploy" if verdict == "approves" else "deny"
        worker = Process(f"the approvals worker, to {does}", self.rig.worker("approvals"))
        return [Process(f"who {verdict}", decide), worker]

    def _pending(self, name: str) -> int:
        """The newest proposal that waits for a decision; 0 when there is none."""
        waiting = approvals.unresolved(self.rig.hive.db, name)
        return max((one.id for one in waiting if one.status == "pending"), default=0)

    def _lifecycle(self, kind: str, name: str, *also: str) -> list[Process]:
        ask = Process(f"who asks to {kind}", lambda hive: jobs.ask(hive, kind, name, "operator"))
        lanes = ("lifecycle", *also)
        workers = [
            Process(f"the {lane} worker, to {kind}", self.rig.worker(lane)) for lane in lanes
        ]
        return [ask, *workers]
