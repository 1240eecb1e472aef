"""A hive in the middle of its day, put straight into a state: something on every page, nothing by chance.

What it says is what agents of a real hive say, with some of what makes a page ugly: a long name of a file, a wide
table, words without a blank, right-to-left script, control characters.
"""

import json

from hivelib.base import bell, clock
from hivelib.flow import asking, mailing, reminding
from hivelib.flow.opening import Hive, open_transcript
from hivelib.flow.rendering import revision
from hivelib.model.records import Caller
from hivelib.store import agents, jobs, mail, transcripts, turns, warnings
from tests.support.residents import settle_in, voice
from tests.support.undecided import deployed, forge, propose

HOUR = 3600.0
MANAGER = Caller("manager", "manager", "mcp")
BEFORE = {"model": "sonnet", "egress": ["packages.example.org"]}
AFTER = {
    "model": "opus",
    "egress": ["packages.example.org", "*.example.org"],
    "extra_mcp_servers": {"files": {"command": "npx", "args": ["-y", "files"]}},
}
CHATTER = (
    ("operator", "alice", "Please look why the nightly build is slow since Tuesday."),
    ("alice", "bob", "You wrote the cache step. Did anything change there on **Tuesday**?"),
    (
        "bob",
        "alice",
        "The key got the date in it, so it never hits:\n\n```yaml\nkey: cache-{{ date }}\n```",
    ),
    ("manager", "*", "Reminder: no deploys on Friday afternoon."),
    (
        "alice",
        "bob",
        "Then it is that. Does this cover it?\n\n| step | before | now |\n|---|---|---|\n"
        "| fetch | 12 s | 11 s |\n| build | 340 s | 1210 s |",
    ),
    (
        "carol",
        "manager",
        "I read `/shared/reports/2026/a-very-long-name-of-a-file-that-nobody-would-type-by-hand.md`.",
    ),
    ("bob", "alice", "Yes. A word without a blank: " + "na" * 60),
    ("dave", "carol", "מסמך ישן\u202e and a bell\x07"),
)
REPORT = """The build is slow because the cache's key has the date in it. I propose:

* take the date out of the key,
* keep the cache for seven days.

Shall I?"""


def fill(hive: Hive) -> Hive:
    """Fills a fresh hive; gives it back."""
    config = json.dumps(BEFORE, indent=2) + "\n"
    settle_in(hive, "manager", "alice", "bob", "carol", "dave", "eve", config=config)
    for name in ("alice", "bob", "carol"):
        commit = deployed(hive, name, config)
        with hive.db.write() as db:
            agents.set_deployed(db, name, commit, revision(), clock.now())
            db.execute("UPDATE agents SET model = 'claude-sonnet-5' WHERE name = ?", (name,))
    _past(hive)
    _turns(hive)
    _mail(hive)
    _questions(hive)
    _trouble(hive)
    reminding.remind(
        hive, mailing.SHELL, "alice", "Look at the nightly build.", due_at=clock.now() + HOUR
    )
    reminding.remind(
        hive, mailing.SHELL, "bob", "Empty the tray.", due_at=clock.now() + 60, every=86400.0
    )
    propose(hive, "alice", json.dumps(AFTER, indent=2) + "\n")
    propose(hive, "bob", json.dumps(BEFORE | {"model": "haiku"}, indent=2) + "\n")
    return hive


def _past(hive: Hive) -> None:
    """Proposals that are over, and jobs."""
    now = clock.now()
    for status, note in (
        ("deployed", ""),
        ("denied", "not before the audit"),
        ("failed", "no `nodejs`"),
    ):
        number = propose(hive, "carol", json.dumps(BEFORE | {"model": status}) + "\n").id
        decided = {
            "decided_by": "root",
            "decided_uid": 0,
            "surface": "shell",
            "decided_at": now - HOUR,
        }
        forge(hive, number, status=status, note=note, resolved_at=now - HOUR, **decided)
    with hive.db.write() as db:
        for one in jobs.unfinished(db):
            jobs.begin(db, one.id, now - HOUR)
            jobs.end(db, one.id, "done", "", now - HOUR)
        jobs.add(db, "lifecycle", "restart", "bob", None, "operator", now)


def _turns(hive: Hive) -> None:
    """A month of turns, and one that runs."""
    now = clock.now()
    with hive.db.write() as db:
        for number in range(160):
            name = ("alice", "bob", "carol")[number % 3]
            began = now - 5 * number * HOUR - 600
            turn = turns.begin(db, name, 2 + number % 3, "sonnet", began)
            outcome = "failed" if number % 17 == 5 else "ok"
            figures = {
                "cost_usd": 0.02 + (number * 7 % 11) / 100,
                "output_tokens": 300 + number * 37 % 900,
            }
            figures |= {"last_context_tokens": 900 * (number + 20), "context_window": 200000}
            turns.end(db, turn, outcome, "", began + 20 + number % 9, **figures)
        turn = turns.begin(db, "alice", 2, "sonnet", now - 40)
        turns.set_wake(db, turn, "operator", None)
    with open_transcript(hive, "alice", create=True) as lines:
        for line in LINES:
            transcripts.append(lines, turn, now - 30, str(line["type"]), json.dumps(line))


def _assistant(*blocks: dict[str, object]) -> dict[str, object]:
    return {"type": "assistant", "message": {"content": list(blocks)}}


def _call(number: str, name: str, **given: str) -> dict[str, object]:
    return {"type": "tool_use", "id": number, "name": name, "input": given}


def _result(number: str, text: str) -> dict[str, object]:
    block = {"type": "tool_result", "tool_use_id": number, "content": text}
    return {"type": "user", "message": {"content": [block]}}


LINES: tuple[dict[str, object], ...] = (
    {"type": "user", "message": {"content": [{"type": "text", "text": "Message 1 from operator"}]}},
    {"type": "system", "subtype": "init", "model": "claude-sonnet"},
    _assistant(
        {"type": "thinking", "thinking": "The log will say when it began."},
        {"type": "text", "text": "I look at the **logs** of the last week first."},
        _call("1", "Bash", command="grep -c 'cache miss' /shared/ci/2026-11-2*.log"),
    ),
    _result("1", "\n".join(f"/shared/ci/2026-11-{20 + day}.log:{day * 37}" for day in range(40))),
    _assistant(
        _call("2", "Edit", file_path="/state/ci.py",
              old_string="def key(name):\n    return f'{name}-{today()}'\n",
              new_string="def key(name, lock):\n    return f'{name}-{digest(lock)}'\n")
    ),
    _result("2", "ok"),
    _assistant(_call("3", "mcp__hyperhive__send", to="operator", body="It is the cache's key.")),
    _result("3", "sent as 12"),
)  # fmt: skip


def says(hive: Hive, words: str) -> None:
    """alice says something in her turn that runs."""
    (turn,) = turns.running(hive.db, "alice")
    line = _assistant({"type": "text", "text": words})
    with open_transcript(hive, "alice") as lines:
        transcripts.append(lines, turn.id, clock.now(), "assistant", json.dumps(line))
    bell.ring(hive.paths.bell, "agent.alice")


def _mail(hive: Hive) -> None:
    """What they wrote to each other, some of it to the operator, one letter in vain."""
    for sender, to, body in CHATTER * 4:
        caller = (
            MANAGER
            if sender == "manager"
            else mailing.SHELL
            if sender == "operator"
            else voice(sender)
        )
        mailing.send(hive, caller, to, body)
    mailing.send(hive, voice("alice"), "operator", REPORT)
    mailing.send(
        hive, MANAGER, "operator", "carol is at her limit until the evening.", lane="urgent"
    )
    letter = mailing.send(hive, voice("bob"), "eve", "Are you there?").id
    with hive.db.write() as db:
        mail.bury(db, letter, 5)
        agents.set_state(db, "eve", "destroyed", clock.now())


def _questions(hive: Hive) -> None:
    """Some to the operator, one between agents, one that is over."""
    options = ("the unit tests", "all of them", "none: only look")
    asking.ask(
        hive, voice("alice"), "Which tests shall I run **first**?", options=options, ttl=2 * HOUR
    )
    asking.ask(hive, voice("bob"), "What is the name of the printer in room 12?")
    files = ("build.yml", "deploy.yml", "nightly.yml")
    asking.ask(
        hive, voice("bob"), "Which files may I touch?", options=files, multi=True, to="alice"
    )
    past = asking.ask(hive, voice("carol"), "May I take Friday off?").id
    asking.answer(hive, mailing.SHELL, past, ["yes"])


def _trouble(hive: Hive) -> None:
    """What keeps some from their work."""
    now = clock.now()
    with hive.db.write() as db:
        warnings.raise_once(db, "disk", "the disk is 91 % full", "hive-vacuum", now - HOUR)
        agents.park(db, "carol", "rate_limited", now + HOUR, "the account's limit is reached", now)
        agents.set_state(db, "dave", "stopped", now)
        agents.set_needs_login(db, "bob", True)
