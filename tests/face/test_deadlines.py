"""Deadlines: nobody is let go early or forgotten, and one that was prolonged wakes nobody twice."""

import pytest

from hivelib.base import clock
from hivelib.face.deadlines import Deadlines


def test_who_is_late_is_told_and_who_was_given_more_time_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    found: Deadlines[str] = Deadlines()
    assert found.patience() is None and found.passed() == []
    for name, seconds in (("a", 15.0), ("b", 30.0), ("c", 15.0), ("d", 15.1)):
        found.give(name, seconds)
    found.give("c", 60.0)
    found.forget("d")
    found.forget("nobody")
    now = 115.0
    assert found.passed() == []
    patience = found.patience()
    assert patience and 0 < patience < 0.3
    now = 115.5
    assert found.passed() == ["a"]
    found.forget("a")
    now = 131.0
    assert found.passed() == ["b"]
    found.forget("b")
    assert list(found) == ["c"]
    found.forget("c")
    now = 161.0
    assert found.passed() == [] and found.patience() is None
