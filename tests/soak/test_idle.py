"""Ten minutes of an idle hive, counted (tests/support/idling.py); the figures go to docs/performance.md."""

import os
import platform
import time

import pytest

from tests.conftest import RaiseHive
from tests.soak.pages import put_between
from tests.support import idling, verdict
from tests.support.idling import Idled
from tests.support.source import ROOT

MARKS = ("<!-- idle -->", "<!-- end of idle -->")


@pytest.mark.timeout(1000)
def test_ten_minutes_of_an_idle_hive(request: pytest.FixtureRequest, live_hive: RaiseHive) -> None:
    seconds = request.config.getoption("--idle")
    hive = live_hive([], idle={"mcp_seconds": 1.0, "egress_seconds": 1.0})
    verdict.is_idle(hive)
    found = idling.idled(hive, seconds)
    put_between(MARKS, shown(found, len(hive.model.requests)), ROOT / "docs/performance.md")
    assert found.faults() == []
    assert hive.model.requests == []


def shown(idled: Idled, asked: int) -> str:
    """The figures, Markdown."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    lines = [
        f"Measured {day}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}:"
        f" {idled.minutes:.0f} minutes, {asked} calls of a model.",
        "",
        "| process | woke, a minute | processor time, ms a minute |",
        "|---|---|---|",
    ]
    for words, cost in sorted(idled.costs):
        program = words.replace(f"{ROOT}/bin/../.venv/bin/python3 {ROOT}/bin/", "")
        a_minute = f"{cost.wakes / idled.minutes:.1f} | {1000 * cost.seconds / idled.minutes:.1f}"
        lines.append(f"| `{program}` | {a_minute} |")
    return "\n".join(lines) + "\n"
