"""Senders beside hive-vacuum: 99 of 100 sends take at most twice what they take without it."""

import shutil
import statistics
from pathlib import Path

import pytest

from tests.bench.rig import report
from tests.support.aged import beside


@pytest.mark.timeout(1800)
def test_eight_senders_beside_a_vacuum(disk: Path) -> None:
    """200,000 messages, 195,000 of them old; each sender pauses 20 ms, as eight busy agents never would."""
    taken = []
    for number in range(3):
        where = disk / str(number)
        where.mkdir()
        taken.append(beside(where, 195_000, 5_000, 0.02))
        shutil.rmtree(where)
    assert max(one.left for one in taken) < 0.5
    report(
        "send, p99, 8 senders beside a vacuum",
        (
            statistics.median(one.with_it for one in taken),
            statistics.median(one.without for one in taken),
            statistics.median(one.with_it / one.without for one in taken),
        ),
        unit="ms",
        against="without it",
        at_most=2,
    )
