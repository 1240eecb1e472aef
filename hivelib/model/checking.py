"""Strict validation of what people write: hive.toml and agent.json. Costs pydantic; only who checks pays it.

base/config.py reads hive.toml with the same classes and stops at the first fault; this names them all, and looks at
values too.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from hivelib.model.bounds import out_of_bounds
from hivelib.model.egress import parse_entries
from hivelib.model.names import nearest
from hivelib.model.settings import Settings


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
    return list(out_of_bounds(table))


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


def _lines(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
        for fault in error.errors()
    ]
