"""What hive-up tells a person: what runs, where, and what to type next."""

import shlex
from collections.abc import Mapping
from typing import Any

BANNER = "*** demo: scripted agents, no model is called ***"


def welcome(facts: Mapping[str, Any], bindir: str, *, export: bool) -> str:
    """The text for `facts` (flow.raising.facts); `export` says that the tools need HIVE_CONFIG to find this hive."""
    agents = facts["agents"]
    lines = [BANNER] if facts["demo"] else []
    lines += [f"hive-up: {what}" for what in facts["done"] or ["everything was there already"]]
    where = "a private systemd" if facts["systemd"] == "private" else "the user's own systemd"
    lines += [
        f"agents    {', '.join(f'{name} ({state})' for name, state in agents.items())}",
        f"runs as   {facts['user']}, under {where}",
        f"state     {facts['state']}",
        f"settings  {facts['config']}",
        f"logs      {facts['logs'] or 'journalctl --user -u hive-*'}",
        f"page      {facts['url']} (hive-dashboard-url gives the way in)",
    ]
    lines += [f"note      {note}" for note in facts["notes"]]
    return "\n".join([*lines, "", "Next, type:", *next_lines(facts, bindir, export=export)])


def next_lines(facts: Mapping[str, Any], bindir: str, *, export: bool) -> list[str]:
    """The three things to type next, and before them what a shell needs to know."""
    others = [name for name in facts["agents"] if name != "manager"]
    lines = [f"  export PATH={shlex.quote(bindir)}:$PATH"]
    if export:
        lines.append(f"  export HIVE_CONFIG={shlex.quote(facts['config'])}")
    if others:
        return [
            *lines,
            f"  hive-transcript {others[0]} --follow",
            f"  hive-send {others[0]} 'hello, who are you?'",
            "  hive-recv --follow",
        ]
    return [
        *lines,
        "  hive-spawn alice",
        "  hive-send alice 'hello, who are you?'",
        "  hive-recv --follow",
    ]
