"""From `hive-approve` to the box running the new config, when there is nothing to build: what a deploy itself costs."""

import json
import statistics
import time

import pytest

from tests.bench.rig import pairs, report
from tests.conftest import RaiseHive
from tests.support.hive import LiveHive
from tests.support.people import Word

STEPS = {
    "hive-approve": "kind = 'approval_decided'",
    "the worker starts": "kind = 'deploy_started'",
    "tags, candidate": "kind = 'deploy_progressed' AND payload LIKE '%\"building\"%'",
    "trial in a box": "kind = 'deploy_progressed' AND payload LIKE '%switching%'",
    "box switched": "kind = 'deploy_progressed' AND payload LIKE '%recording%'",
    "recorded": "kind = 'deploy_ended'",
}
"""The event that ends each part, in their order."""


class Deploys:
    """Deploys of alice, one after the other; `parts` has the milliseconds of each part of each."""

    def __init__(self, hive: LiveHive) -> None:
        self.hive, self.count = hive, 0
        self.parts: dict[str, list[float]] = {name: [] for name in STEPS}

    def one(self) -> float:
        """Milliseconds from before `hive-approve` until the box has what was proposed."""
        number = self._proposed()
        seq = int(self.hive.db.value("SELECT max(seq) FROM events"))
        began = at = time.time()
        self.hive.tool("hive-approve", str(number))
        self.hive.until_value("SELECT status = 'deployed' FROM approvals WHERE id = ?", number)
        switched = 0.0
        for name, what in STEPS.items():
            sql = f"SELECT at FROM events WHERE seq > ? AND {what} ORDER BY seq LIMIT 1"
            then = float(self.hive.db.value(sql, seq))
            self.parts[name].append((then - at) * 1000)
            at = then
            if name == "box switched":
                switched = then
        return (switched - began) * 1000

    def restart(self) -> float:
        """Milliseconds that systemd alone takes to stop and start the agent's units."""
        began = time.perf_counter()
        self.hive.systemctl("stop", "hive-agent@alice.target")
        self.hive.systemctl("start", "hive-agent@alice.target")
        return (time.perf_counter() - began) * 1000

    def _proposed(self) -> int:
        self.count += 1
        place = f"{self.hive.directory}/state/proposed/alice"
        with open(f"{place}/agent.json", "w", encoding="utf-8") as file:
            json.dump({"model": f"m{self.count}"}, file)
        commit: list[Word] = ["git", "-C", place, "commit", "-qam", f"change {self.count}"]
        self.hive.person.run(commit)
        return int(self.hive.tool("hive-request-apply-commit", "alice", "main").stdout)


@pytest.mark.timeout(600)
def test_a_deploy(live_hive: RaiseHive) -> None:
    hive = live_hive([])
    hive.tool("hive-stop", "manager")  # it would be told, and turns are measured elsewhere
    hive.tool("hive-spawn", "alice")
    deploys = Deploys(hive)
    measured = pairs(deploys.one, deploys.restart)
    report("approve → box has the new config", measured, unit="ms", against="systemd alone")
    for name, taken in deploys.parts.items():
        print(f"{name}: {statistics.median(taken):.0f} ms")
