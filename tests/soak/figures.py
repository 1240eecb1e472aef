"""The figures of the kills of turns, and their section of docs/reliability.md."""

import os
import statistics
from collections.abc import Sequence
from typing import NamedTuple, Self

from tests.support import verdict
from tests.support.campaign import SENDER, TARGETS, Campaign, seconds_to_good

TITLE = "Mail and turns"
HEAD = """Rounds in which mail flows to three agents (the real claude CLI in real boxes, a scripted model) while
processes of the hive are killed with SIGKILL, at instants and in an order that a seed gives. Each round is a
hive of its own. Afterwards each of these must hold:

* every body was in a request to the model;
* every message is in exactly one `acked` event, and that one is of a turn that ended ok;
* first deliveries were in order, for each inbox and lane;
* an idle hive's processes are left, and no other.
"""
NAMES = {
    SENDER: "a sender, between its commit and its ring",
    "systemd": "the private systemd itself, then `hive-up` again",
    "bwrap": "bubblewrap",
    "hive-mcp-pump": "hive-mcp-pump, in the box",
    "hive-exec": "hive-exec, in the box",
    "claude": "claude, in the box",
}


class Round(NamedTuple):
    """What came of one campaign; `kills`: target and seconds to the next good turn of whom it hit, if they had mail."""

    seed: int
    messages: int
    redelivered: int
    turns: int
    kills: list[tuple[str, float | None]]
    broken: str

    @classmethod
    def of(cls, campaign: Campaign, broken: str) -> Self:
        """The figures of a campaign that is over; `broken`: the promise that did not hold, if one."""
        hive = campaign.hive
        return cls(
            campaign.seed,
            len(campaign.sent),
            verdict.redeliveries(hive),
            int(hive.db.value("SELECT count(*) FROM turns")),
            [(one.target, seconds_to_good(hive, one)) for one in campaign.killed],
            broken,
        )


def section(rounds: Sequence[Round]) -> str:
    """The section for these rounds, Markdown."""
    kills = [kill for one in rounds for kill in one.kills]
    totals = {
        "rounds, each from a seed of its own": f"{len(rounds)} ({rounds[0].seed} to {rounds[-1].seed})",
        "processes killed": len(kills),
        "messages": sum(one.messages for one in rounds),
        "turns": sum(one.turns for one in rounds),
        "messages that went back to their inbox": sum(one.redelivered for one in rounds),
        "**promises broken**": f"**{sum(bool(one.broken) for one in rounds)}**",
    }
    lines = [
        HEAD,
        "| | |",
        "|---|---|",
        *(f"| {what} | {count} |" for what, count in totals.items()),
    ]
    lines += [
        "",
        "How long until whom it hit had a turn that ended well, in seconds from the kill; a turn with nothing to wait",
        f"for takes about two of them here ({os.cpu_count()} cores, shared with other work). Kills that hit nobody",
        "with mail left are counted, not timed.",
        "",
        "| killed | times | median | worst |",
        "|---|---|---|---|",
    ]
    for target in dict.fromkeys(TARGETS):
        lines.append(row(NAMES.get(target, target), [s for name, s in kills if name == target]))
    lines += [row("all", [seconds for _, seconds in kills]), ""]
    lines += [f"* {one.broken.splitlines()[0]}" for one in rounds if one.broken]
    return "\n".join(lines).rstrip() + "\n"


def row(name: str, kills: Sequence[float | None]) -> str:
    """A line of the table of kills."""
    timed = [seconds for seconds in kills if seconds is not None]
    shown = (f"{statistics.median(timed):.1f}", f"{max(timed):.1f}") if timed else ("", "")
    return f"| {name} | {len(kills)} | {shown[0]} | {shown[1]} |"
