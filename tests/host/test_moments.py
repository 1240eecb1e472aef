"""What a person writes for a moment, by the real systemd-analyze, on a machine in Berlin."""

import time
from collections.abc import Iterator

import pytest

from hivelib.base import clock
from hivelib.base.errors import Misuse
from hivelib.host import moments

NINE = 1796112000.0  # 2026-12-01 08:00 UTC


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    "words",
    [
        "2026-12-01T09:00",
        "2026-12-01 09:00:00",
        "2026-12-01T09:00:00.000",
        "2026-12-01T09:00:00,000",
        "2026-12-01T08:00Z",
        "2026-12-01T10:00+02:00",
        "2026-12-01T10:00+0200",
        "2026-12-01T10:00+02",
        "20261201T0900",
        "20261201T080000Z",
        "20261201T100000+0200",
        "Tue 2026-12-01 09:00",
        "2026-12-01 08:00 UTC",
        "@1796112000",
    ],
)
def test_iso_and_systemds_words_are_the_same_moment(words: str) -> None:
    assert moments.timestamp(words) == NINE


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("in 20 min", 1200), ("+1h 30min", 5400), ("In  2 hours", 7200), ("1h left", 3600)],
)
def test_what_is_relative_counts_from_now(words: str, seconds: float) -> None:
    before = clock.now()
    assert before - 1 <= moments.timestamp(words) - seconds <= clock.now() + 1


@pytest.mark.parametrize(
    "words",
    [
        "",
        "20 min",
        "2026-13-01",
        "20261301T0900",
        "2026-12-01T25:00",
        "20261201T09",
        "in",
        "--help",
    ],
)
def test_what_is_none_is_told_with_examples(words: str) -> None:
    with pytest.raises(Misuse, match="is no moment"):
        moments.timestamp(words)
