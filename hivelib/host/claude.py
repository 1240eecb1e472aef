"""How claude is run for a turn: its arguments, its files, its environment; nothing here runs it.

The role is *appended* to claude's own system prompt: replacing it would also take away what claude tells the model
about its built-in tools, and Bash, Edit, Read and Write are worse without (SPEC section 8 leaves the choice open).
Compaction stays claude's own for now: with it off, a session that has grown too long fails for ever, and nothing here
compacts one yet. docs and options: facts, claude-cli.
"""

import os
from typing import Any, NamedTuple

from hivelib.model.settings import Settings

INSTALL = "npm install -g @anthropic-ai/claude-code"
"""The line that brings Claude Code."""

SERVER = "hyperhive"
"""Our MCP server's name: claude sees its tools as mcp__hyperhive__…"""

HOOK = "inbox_hook"
"""The tool that claude's hooks call at each batch of tools and at the end; the model never sees it."""

BUILT_IN = ("Bash", "Edit", "Read", "Write", "ToolSearch")
"""What of claude's own tools an agent has. All others that claude knows are not offered.

ToolSearch: where claude defers tools (on the real API it does), it is the only way to those of an agent's extra MCP
servers; without it they are simply gone (measured). claude offers it only when something is deferred."""

# Named once more because a later claude may offer them whatever --tools says: they would do what send, ask, remind and
# the manager's tools do, past the broker and unseen.
COMPETING = (
    "SendMessage",
    "ListAgents",
    "AskUserQuestion",
    "ScheduleWakeup",
    "CronCreate",
    "CronDelete",
    "CronList",
    "Task",
    "Agent",
    "Workflow",
    "EnterWorktree",
    "ExitWorktree",
)

API_IN_BOX = "http://api.hive"
"""Where a box finds the model's API when hive-egress holds the key."""

PLACEHOLDER_KEY = "kept-by-hive-egress"
"""claude wants a key before it asks; hive-egress takes it off and puts the real one on."""


class Session(NamedTuple):
    """The conversation a turn belongs to: its id (a UUID), and whether claude has it already."""

    id: str
    known: bool


def missing(settings: Settings) -> str:
    """Why there is no claude that a box could run, in words; empty when there is one."""
    path = settings.claude.path
    if not path:
        return f"no claude is set up (as the operator: `{INSTALL}`, then `hive-up`)"
    return (
        "" if os.path.exists(path) else f"{path} is gone (as the operator: `hive-up --claude PATH`)"
    )


def arguments(model: str, session: Session) -> list[str]:
    """claude's arguments for a turn. hive-exec replaces `{files}/`, hive-claude adds to the list of --allowedTools."""
    words = [
        "--print",
        "--verbose",
        "--input-format",
        "stream-json",
        "--output-format",
        "stream-json",
    ]
    words += ["--model", model, "--resume" if session.known else "--session-id", session.id]
    words += ["--append-system-prompt-file", "{files}/system.md"]
    words += ["--settings", "{files}/settings.json"]
    words += ["--mcp-config", "{files}/mcp.json", "--strict-mcp-config"]
    words += ["--tools", ",".join(BUILT_IN)]
    words += ["--allowedTools", *BUILT_IN, f"mcp__{SERVER}__*"]
    return [*words, "--disallowedTools", f"mcp__{SERVER}__{HOOK}", *COMPETING]


def files(turn: int, role: str) -> dict[str, Any]:
    """The files that the arguments name: `role` is the text of the system prompt."""
    return {"system.md": role, "settings.json": _settings(), "mcp.json": _mcp(turn)}


def _settings() -> dict[str, Any]:
    return {
        "autoMemoryEnabled": False,
        "hooks": {event: _hook(event) for event in ("PostToolBatch", "Stop")},
        "attribution": {"commit": "", "pr": ""},
        "cleanupPeriodDays": 3650,  # the session is the agent's memory: claude must not tidy it away
    }


def _hook(event: str) -> list[dict[str, Any]]:
    call = {"type": "mcp_tool", "server": SERVER, "tool": HOOK, "input": {"event": event}}
    return [{"hooks": [call]}]


def _mcp(turn: int) -> dict[str, Any]:
    server = {
        "command": "/opt/hive/hive-mcp-pump",
        "args": ["/run/hive/mcp/mcp.sock", str(turn)],
        # Else the first request may be made without our tools, or with all of them deferred (facts, section 0).
        "alwaysLoad": True,
    }
    return {"mcpServers": {SERVER: server}}


def environment(settings: Settings) -> dict[str, str]:
    """What claude's environment has beside the box's own."""
    env = {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "CLAUDE_CODE_DISABLE_CRON": "1",
        "CLAUDE_CODE_MAX_RETRIES": str(settings.claude.max_retries),
        # Not CLAUDE_CODE_SUBPROCESS_ENV_SCRUB: with it claude runs Bash in a sandbox of its own, which needs socat and
        # a user namespace. A box gives neither, so every command failed. There is no key in a box to hide from them.
        # A cold hive-mcp answers after 2.3 s; on a busy machine more than claude's 5 s.
        "MCP_CONNECT_TIMEOUT_MS": "30000",
    }
    if settings.claude.tool_search:
        env["ENABLE_TOOL_SEARCH"] = "true"
    if settings.api.key_file:
        env |= {"ANTHROPIC_BASE_URL": API_IN_BOX, "ANTHROPIC_API_KEY": PLACEHOLDER_KEY}
    return env


def user_line(text: str) -> dict[str, Any]:
    """The line for claude's stdin that says something to the model."""
    return {"type": "user", "message": {"role": "user", "content": text}}


def interrupt_line() -> dict[str, Any]:
    """The line for claude's stdin that stops what it does; the session stays usable."""
    request = {"subtype": "interrupt"}
    return {"type": "control_request", "request_id": "hive-interrupt", "request": request}
