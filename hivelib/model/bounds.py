"""Between which bounds the values of hive.toml lie, and in what two of them differ. Without pydantic: a tool that meets
an edited file, which nobody may have checked yet, reads this.
"""

import re
from collections.abc import Iterator
from typing import Any

from hivelib.model.settings import Settings

_BOUNDS: dict[str, tuple[float, float]] = {
    "claude.max_retries": (0, 15),
    "web.port": (1, 65535),
    "mail.body_limit": (1, 1024 * 1024),
    "mail.pair_limit": (1, 100000),
    "mail.pause_first": (0, 86400),
    "mail.pause_most": (0, 86400 * 7),
    "mail.deliveries_most": (1, 1000),
    "mail.wake_limit": (1, 100000),
    "turns.per_hour": (1, 100000),
    "turns.at_once": (0, 10000),
    "box.tasks": (16, 4194304),
    "box.disk_bytes": (1024 * 1024, 2**60),
    "box.free_bytes": (0, 2**60),
    "approvals.pending_most": (1, 1000),
    "approvals.expire_seconds": (60, 86400 * 365),
    "approvals.fetch_seconds": (1, 3600),
    "approvals.fetch_bytes": (1024 * 1024, 2**40),
    "approvals.files_most": (1, 10**6),
    "questions.open_most": (1, 10000),
    "questions.ttl_most": (1, 86400 * 365),
    "reminders.pending_most": (1, 100000),
    "reminders.body_limit": (1, 16 * 1024**2),
    "reminders.every_least": (1, 86400 * 365),
    "reminders.attempts_most": (1, 1000),
    "reminders.pause_first": (0, 86400),
    "crashes.loop_count": (2, 1000),
    "crashes.loop_seconds": (1, 86400),
    "retention.acked_days": (0, 36500),
    "retention.events_days": (0, 36500),
    "retention.lines_days": (0, 36500),
    "retention.turns_days": (0, 36500),
    "notify.group_seconds": (0, 3600),
    "notify.per_hour": (1, 3600),
    "idle.mcp_seconds": (0, 86400 * 365),
    "idle.egress_seconds": (0, 86400 * 365),
}
_ONE_OF = {"systemd.scope": ("user", "private", "system")}


def out_of_bounds(table: dict[str, Any]) -> Iterator[str]:
    """What is too much or too little in the table of a hive.toml whose types are right, a line for each."""
    for name, value in _flat(table, ""):
        if name in _BOUNDS and not _BOUNDS[name][0] <= value <= _BOUNDS[name][1]:
            low, high = _BOUNDS[name]
            yield f"{name}: {value} is not from {low:.0f} to {high:.0f}"
        if name in _ONE_OF and value not in _ONE_OF[name]:
            yield f"{name}: {value!r} is none of {', '.join(_ONE_OF[name])}"
    yield from _half_a_proxy(table.get("web", {}).get("proxy", {}))


def _half_a_proxy(given: dict[str, Any]) -> Iterator[str]:
    """Who may reach the socket decides who is let in, so nothing of it is guessed."""
    if not any(given.values()):
        return
    for name in ("socket", "host", "header"):
        if not given.get(name):
            yield f"web.proxy.{name}: is missing; a proxy needs socket, host and header"
    if not str(given.get("socket", "")).startswith("/"):
        yield "web.proxy.socket: must be an absolute path"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", str(given.get("header", ""))):
        yield "web.proxy.header: is no name of a header, like X-Forwarded-User"


def _flat(table: dict[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value


def differing(one: Settings, other: Settings) -> list[str]:
    """The settings that are not the same in both, as `table.name`, sorted."""
    flat = [dict(_flat(_table(settings), "")) for settings in (one, other)]
    return sorted(name for name in flat[0] if flat[0][name] != flat[1][name])


def _table(settings: Any) -> dict[str, Any]:
    return {
        name: _table(value) if isinstance(value, tuple) else value
        for name, value in settings._asdict().items()
    }
