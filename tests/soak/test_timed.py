"""Ten thousand deadlines: rounds of the campaign of tests/flow/test_timed_campaign.py, each in a hive and from a seed
of its own. Writes its figures to docs/reliability.md."""

import os
from collections import Counter
from typing import NamedTuple

import pytest

from tests.soak.pages import put
from tests.support.residents import settle_in
from tests.support.state import make_state, short_directory
from tests.support.timed_campaign import AGENTS, SETTINGS, Campaign

ROUNDS, DEADLINES = 10, 1000
SEED = 9000
TITLE = "Promises of time"
WORDS = """Deadlines at random within days, on a clock of the tests' own that jumps ahead and back (libfaketime; the
machine's is never touched) and while machines "sleep" (SIGSTOP, a jump, SIGCONT). hive-reminder, hive-broker and
whoever sets, asks or answers are killed with SIGKILL at random instants and started again; what had no answer is
asked again. Then each of these must hold:

* whatever was asked for is there once, and what was answered is what is there;
* each reminder is one message and one event; one that recurs as many as its row says, and what it missed is counted;
* each question ends once, answered or expired, and whoever asked hears of it once;
* none came before its time; each that is a file is whole.
"""


class Round(NamedTuple):
    """What came of one campaign; `broken`: the promise that did not hold, if one."""

    seed: int
    killed: Counter[str]
    jumps: Counter[str]
    delivered: int
    ended: Counter[str]
    broken: str


@pytest.mark.timeout(24 * 3600)
def test_ten_thousand_deadlines() -> None:
    rounds = []
    for seed in range(SEED, SEED + ROUNDS):
        rounds.append(play(seed))
        put(TITLE, section(rounds))
    assert [one.broken for one in rounds if one.broken] == []


def play(seed: int) -> Round:
    """One round; a broken promise is in its figures, so that the others are still played."""
    with short_directory() as where:
        hive = make_state(where, SETTINGS)
        settle_in(hive, *AGENTS)
        for name in AGENTS:
            os.makedirs(hive.paths.agent_state(name))
        with hive.db:
            campaign, broken = Campaign(hive, seed), ""
            try:
                campaign.run(DEADLINES)
            except AssertionError as error:
                broken = f"seed {seed}: {error}"
            delivered = hive.db.value("SELECT sum(fired) FROM reminders")
            ends = dict(hive.db.all("SELECT state, count(*) FROM questions GROUP BY state"))
    return Round(seed, campaign.killed, campaign.jumps, delivered, Counter(ends), broken)


def section(rounds: list[Round]) -> str:
    """The section for these rounds, Markdown."""
    killed, jumps, ended = Counter[str](), Counter[str](), Counter[str]()
    for one in rounds:
        ended += one.ended
        killed += one.killed
        jumps += one.jumps
    shown = ", ".join(f"{count} {way}" for way, count in sorted(jumps.items()))
    totals = {
        "rounds, each from a seed of its own": f"{len(rounds)} ({rounds[0].seed} to {rounds[-1].seed})",
        "deadlines": len(rounds) * DEADLINES,
        "deliveries of reminders (some recur)": sum(one.delivered for one in rounds),
        **{f"questions {state}": count for state, count in sorted(ended.items())},
        "jumps of the clock": f"{jumps.total()} ({shown})",
        **{f"{what} killed": count for what, count in sorted(killed.items())},
        "**promises broken**": f"**{sum(bool(one.broken) for one in rounds)}**",
    }
    lines = [WORDS, "| | |", "|---|---|"]
    lines += [f"| {what} | {count} |" for what, count in totals.items()]
    lines += ["", *(f"* {one.broken.splitlines()[0]}" for one in rounds if one.broken)]
    return "\n".join(lines).rstrip() + "\n"
