"""Senders beside hive-vacuum: 99 of 100 sends take at most twice what they take without it."""

from pathlib import Path

import pytest

from tests.bench.rig import report
from tests.support.aged import beside


@pytest.mark.timeout(1800)
def test_eight_senders_beside_a_vacuum(disk: Path) -> None:
    """200,000 messages, 195,000 of them old; each sender pauses 20 ms, as eight busy agents never would."""
    found = beside(disk, 195_000, 5_000, 0.02)
    assert found.left < 0.5
    report(
        "send, p99, 8 senders beside a vacuum",
        (found.with_it, found.without, found.with_it / found.without),
        unit="ms",
        against="while it pauses",
        at_most=2,
    )
