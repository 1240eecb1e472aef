"""Strict validation of what people write: hive.toml and agent.json. Costs pydantic; only who checks pays it.

base/config.py reads hive.toml with the same classes and stops at the first fault; this names them all, and looks at
values too.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from hivelib.model.egress import parse_entries
from hivelib.model.names import nearest
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
    "idle.door_seconds": (0, 86400 * 365),
}
_ONE_OF = {"systemd.scope": ("user", "private", "system")}


class McpServer(BaseModel):
    """One of an agent's own MCP servers, as claude's configuration has them, and the tools that may be used."""

    model_config = ConfigDict(extra="forbid", strict=True)

    command: str = ""
    args: list[str] = []
    env: dict[str, str] = {}
    allowedTools: list[str] = ["*"]


class AgentConfig(BaseModel):
    """agent.json: what an agent may have of its own (SPEC section 6)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str = ""
    allowed_recipients: list[str] = []
    extra_mcp_servers: dict[str, McpServer] = {}
    bash_patterns: list[str] = []
    egress: list[str] = []
    budgets: dict[str, float] = {}
    limits: dict[str, Any] = {}


def faults_of_settings(table: dict[str, Any]) -> list[str]:
    """What is wrong with the table of a hive.toml, one line for each fault; nothing wrong, nothing in it."""
    if misplaced := list(_misplaced(Settings, table, "")):
        return misplaced
    try:
        # As JSON, for in Python strict means that each table is a Settings already. A TOML date
        # becomes a list, which nothing wants.
        TypeAdapter(Settings).validate_json(
            json.dumps(table, default=lambda value: [str(value)]), strict=True
        )
    except ValidationError as error:
        return _lines(error)
    return [*_out_of_bounds(table), *_half_a_proxy(table.get("web", {}).get("proxy", {}))]


def faults_of_agent(text: str) -> list[str]:
    """What is wrong with the text of an agent.json, one line for each fault."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [f"this is no JSON: {error}"]
    if not isinstance(data, dict):
        return ["agent.json must be an object"]
    unknown = [
        _unknown_key(key, "", list(AgentConfig.model_fields))
        for key in data.keys() - AgentConfig.model_fields.keys()
    ]
    if unknown:
        return sorted(unknown)
    try:
        AgentConfig.model_validate(data)
    except ValidationError as error:
        return _lines(error)
    faults = []
    if "hyperhive" in data.get("extra_mcp_servers", {}):
        faults.append("extra_mcp_servers.hyperhive: the name is the hive's own")
    try:
        parse_entries(data.get("egress", []))
    except ValueError as error:
        faults.append(str(error))
    return faults


def _misplaced(kind: type[Any], table: dict[str, Any], where: str) -> Iterator[str]:
    hints = kind.__annotations__
    for key, value in table.items():
        if key not in hints:
            yield _unknown_key(key, where, list(hints))
        elif not issubclass(hints[key], tuple):
            continue
        elif isinstance(value, dict):
            yield from _misplaced(hints[key], value, f"{key}.")
        else:  # pydantic would take a list for one
            yield f"{key}: must be a table; write [{key}]"


def _unknown_key(key: str, where: str, known: list[str]) -> str:
    near = nearest(key, known)
    hint = (
        f"did you mean {' or '.join(where + name for name in near)}?"
        if near
        else f"known: {', '.join(known)}"
    )
    return f"{where}{key}: unknown; {hint}"


def _out_of_bounds(table: dict[str, Any]) -> Iterator[str]:
    for name, value in _flat(table, ""):
        if name in _BOUNDS and not _BOUNDS[name][0] <= value <= _BOUNDS[name][1]:
            low, high = _BOUNDS[name]
            yield f"{name}: {value} is not from {low:.0f} to {high:.0f}"
        if name in _ONE_OF and value not in _ONE_OF[name]:
            yield f"{name}: {value!r} is none of {', '.join(_ONE_OF[name])}"


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


def _lines(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
        for fault in error.errors()
    ]
