"""The figures of the kills of approvals, and their section of docs/reliability.md."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

TITLE = "Approvals and deploys"
WORDS = """Agents are proposed, decided about, deployed, destroyed, revived and purged, with real git, database and
decision files (systemd is one that only takes orders), while who does it is killed with SIGKILL before a random
one of the things that others see of it: a commit, a ring, a rename, a file removed, a git that writes, an order
to systemd. Then the lanes' workers and `hive-reconcile` go on, or are killed too. A *torn copy* is the state
directory as `cp -a` copies it at that point; it takes the place of the original, and the hive goes on with it.
After each kill these must agree:

* rows, tags, decision files, meta's log and flake.lock, applied/main, what the box runs with, and whether it runs;
* each approval is wholly done or wholly undone; the manager and the events say so once;
* no job, candidate, quarantine or half a file is left.
"""


class Round(NamedTuple):
    """What came of one round: `kills` by what was killed, how many of them on `torn` copies, how many were of a worker
    that mended an earlier one (`twice`), how approvals ended, and the promise that was broken, if one."""

    seed: int
    kills: Counter[str]
    torn: int
    twice: int
    ends: Counter[str]
    broken: str


def section(rounds: Sequence[Round]) -> str:
    """The section for these rounds, Markdown."""
    kills, ends = Counter[str](), Counter[str]()
    for one in rounds:
        kills += one.kills
        ends += one.ends
    totals = {
        "rounds, each from a seed of its own": f"{len(rounds)} ({rounds[0].seed} to {rounds[-1].seed})",
        "processes killed": kills.total(),
        "of them while they mended what another kill had left": sum(one.twice for one in rounds),
        "torn copies brought up": sum(one.torn for one in rounds),
        "approvals": f"{ends.total()} ({', '.join(f'{count} {end}' for end, count in sorted(ends.items()))})",
        "**promises broken**": f"**{sum(bool(one.broken) for one in rounds)}**",
    }
    lines = [
        WORDS,
        "| | |",
        "|---|---|",
        *(f"| {what} | {count} |" for what, count in totals.items()),
    ]
    lines += ["", "| killed | times |", "|---|---|"]
    lines += [f"| {what} | {count} |" for what, count in sorted(kills.items())]
    lines += ["", *(f"* {one.broken.splitlines()[0]}" for one in rounds if one.broken)]
    return "\n".join(lines).rstrip() + "\n"
