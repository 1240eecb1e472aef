"""Five million messages, a fiftieth of them old: senders beside hive-vacuum wait at most twice as long as without it.

Writes its figures to docs/reliability.md.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.soak.pages import put
from tests.support.aged import beside

PAUSE = 0.02


@pytest.mark.timeout(24 * 3600)
def test_a_vacuum_of_millions_holds_up_nobody(request: pytest.FixtureRequest) -> None:
    count = request.config.getoption("--messages")
    where = Path(
        tempfile.mkdtemp(prefix="hb", dir="/var/tmp")
    )  # on the disk: a tmpfs hides what syncs cost
    try:
        found = beside(where, count // 50, count - count // 50, PAUSE)
    finally:
        shutil.rmtree(where)
    rows = {
        "messages, and as many events": f"{count:,}",
        "of them old enough to go": f"{count // 50:,}",
        "gone after": f"{found.seconds:.0f} s of work",
        "99 of 100 sends while it pauses": f"{found.without:.1f} ms",
        "99 of 100 sends while it works": f"{found.with_it:.1f} ms",
        "**ratio (bar: 2)**": f"**{found.with_it / found.without:.2f}**",
    }
    table = "".join(f"| {what} | {figure} |\n" for what, figure in rows.items())
    put(
        "Vacuum",
        f"Eight processes that send, with {PAUSE * 1000:.0f} ms between two messages, on {os.cpu_count()} cores,"
        " beside a hive-vacuum\nthat works two seconds, then pauses two, and so on. No message of theirs was lost.\n\n"
        f"| | |\n|---|---|\n{table}",
    )
    assert found.with_it <= 2 * found.without
