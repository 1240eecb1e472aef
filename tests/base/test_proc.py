"""Running other programs."""

import pytest

from hivelib.base import clock, proc
from hivelib.base.errors import HiveError, NotNow


def quickest(seconds: float | None) -> float:
    """The shortest of five runs of a program that does nothing, in seconds."""
    spans = []
    for _ in range(5):
        began = clock.monotonic()
        proc.run(["true"], seconds=seconds)
        spans.append(clock.monotonic() - began)
    return min(spans)


@pytest.mark.alone
def test_a_limit_of_time_costs_no_time() -> None:
    assert quickest(60) < quickest(None) + 0.06


def test_what_takes_too_long_is_ended() -> None:
    began = clock.monotonic()
    with pytest.raises(NotNow, match=r"sleep took longer than 0\.1 s"):
        proc.run(["sleep", "60"], seconds=0.1)
    with pytest.raises(NotNow, match=r"sh took longer than 0\.1 s"):
        proc.run(["sh", "-c", "sleep 60 & sleep 60"], seconds=0.1)
    assert clock.monotonic() - began < 30


def test_how_a_program_ended_is_said() -> None:
    assert proc.run(["sh", "-c", "cat; echo no >&2; exit 3"], stdin="x", check=False) == (
        3,
        "x",
        "no\n",
    )
    assert proc.run(["sh", "-c", "kill -KILL $$"], check=False, seconds=60).status == -9
    with pytest.raises(HiveError, match="sh -c exit 3: status 3"):
        proc.run(["sh", "-c", "exit 3"], seconds=60)
    with pytest.raises(HiveError, match="no program"):
        proc.run(["no-such-program"])
