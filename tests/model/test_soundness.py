"""Rows that are what their record says, and rows that are not."""

import pytest

from hivelib.model.records import Job
from hivelib.model.soundness import parted, why_not

SOUND = Job(1, "approvals", "deploy", "alice", None, "queued", "operator", 5.0, None, 7, "", "")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("agent", b"\xff", "agent is no str"),
        ("agent", None, "agent is no str"),
        ("approval", "one", "approval is no int"),
        ("queued_at", "then", "queued_at is no float"),
        ("queued_at", float("inf"), "queued_at is no number"),
        ("queued_at", -1.0, "queued_at is no time"),
        ("ended_at", 1e300, "ended_at is no time"),
    ],
)
def test_what_is_something_else_is_named(name: str, value: object, why: str) -> None:
    other = SOUND._replace(**{name: value})  # type: ignore[arg-type]
    assert why_not(SOUND) == ""
    assert why_not(other) == why
    sound, (unsound,) = parted([SOUND, other, SOUND])
    assert sound == [SOUND, SOUND]
    assert (unsound.name, unsound.why) == ("1", why) and f"{name}={value!r}" in unsound.raw
