"""What a hive costs while nothing happens: memory of all its processes with one agent and with fifty."""

import pytest

from tests.bench.rig import report_more
from tests.conftest import RaiseHive
from tests.support.hive import LiveHive
from tests.support.memory import pss
from tests.support.waiting import until

STAYING = ("systemd", "hive-broker", "hive-reminder", "hive-dashboard")
OTHERS = 49


def idle(hive: LiveHive) -> dict[int, str]:
    """The hive's processes, once none is left that only works."""

    def quiet() -> dict[int, str]:
        found = hive.processes()
        working = [words for words in found.values() if not any(one in words for one in STAYING)]
        starting = len(found) > len(set(found.values()))  # a fork that is about to become a service
        return {} if working or starting else found

    return until(quiet, "an idle hive", 120, lambda: list(hive.processes().values()))


@pytest.mark.timeout(600)
def test_memory_of_an_idle_hive(live_hive: RaiseHive) -> None:
    hive = live_hive([], idle={"mcp_seconds": 1.0, "egress_seconds": 1.0})
    alone = idle(hive)
    one = sum(map(pss, alone))
    for number in range(OTHERS):
        hive.tool("hive-spawn", f"a{number}")
    assert hive.db.value("SELECT count(*) FROM agents WHERE state = 'running'") == OTHERS + 1
    together = idle(hive)
    fifty = sum(map(pss, together))
    assert sorted(together.values()) == sorted(alone.values())
    report_more("memory idle, 50 agents", fifty, one, unit="MB", against="1 agent", at_most=5)
