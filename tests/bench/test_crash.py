"""How soon a crash is known: from SIGKILL of a box to the row, against what systemd takes to call ExecStopPost=."""

import os
import signal
import statistics
import time
from pathlib import Path

import pytest

from tests.bench.rig import report
from tests.support.dying_boxes import Scene, scene
from tests.support.people import Person
from tests.support.waiting import until

TIMES = 50
SETTINGS = {
    "mail": {"pause_first": 0.0, "pause_most": 0.0, "deliveries_most": 1},
    "crashes": {"loop_count": 1000},
    "turns": {"per_hour": 100000},
}
BARE = """[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sleep 1000
ExecStopPost=/bin/sh -c 'date +%%s.%%N >{stopped}.new && mv {stopped}.new {stopped}'
CollectMode=inactive-or-failed
"""


def ours(play: Scene) -> float:
    """Milliseconds from the death of a box to the row that tells of it."""
    seq = play.db.value("SELECT max(seq) FROM events")
    play.turn("be-held")
    began = time.time()
    play.kill_box()
    sql = "SELECT at FROM events WHERE kind = 'container_crash' AND seq > ?"
    return (float(until(lambda: play.db.value(sql, seq), "the row")) - began) * 1000


def bare(play: Scene, stopped: Path) -> float:
    """Milliseconds from the death of a service that is nobody's to the time that its ExecStopPost= reads."""
    stopped.unlink(missing_ok=True)
    play.hive.systemctl("start", "bare.service")
    pid = until(lambda: play.hive.main_pid("bare.service"), "it runs")
    began = time.time()
    os.kill(pid, signal.SIGKILL)
    until(stopped.exists, "ExecStopPost= was called")
    state = ("show", "-p", "ActiveState", "--value", "bare.service")
    until(lambda: play.hive.systemctl(*state) in ("failed", "inactive"), "it is over")
    return (float(stopped.read_text()) - began) * 1000


@pytest.mark.timeout(900)
def test_a_crash(ordinary_user: Person, short_path: Path) -> None:
    with scene(ordinary_user, short_path / "a", SETTINGS) as play:
        stopped = play.hive.directory / "stopped"
        unit = play.hive.directory / "config/systemd/user/bare.service"
        unit.write_text(BARE.format(stopped=stopped))
        play.hive.systemctl("daemon-reload")
        taken = [(ours(play), bare(play, stopped)) for _ in range(TIMES)]
    mine, systemds = zip(*taken, strict=True)
    against = "systemd's own call of ExecStopPost="
    for what, choose in (("median of 50", statistics.median), ("worst of 50", max)):
        both = choose(mine), choose(systemds)
        report(
            f"a box is killed → the row, {what}",
            (*both, both[0] / both[1]),
            unit="ms",
            against=against,
        )
