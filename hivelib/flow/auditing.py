"""hive-doctor --deep: whether all that the hive keeps in several places says the same, and whether anything lies about
that belongs to nobody. It changes nothing, and may be run while the hive works.

What is found is looked for twice: a job may have been between two of its steps the first time.
"""

import os
import shlex
from collections.abc import Callable, Iterator

from hivelib.base.config import load_settings
from hivelib.base.db import Database
from hivelib.base.errors import HiveError
from hivelib.flow import inventory, trusting
from hivelib.flow.diagnosing import Finding
from hivelib.flow.opening import Hive, open_hive
from hivelib.host import decisions, flake, git, leftovers, meta, repositories
from hivelib.host.leftovers import Entry
from hivelib.model import auditing, deciding
from hivelib.model.auditing import Fault
from hivelib.model.records import Broken
from hivelib.store import agents, approvals, jobs, orphans, questions
from hivelib.store.schema import TRANSCRIPT, refuse_newer

Tell = Callable[[str], None]
RESTORE = "stop the hive and restore a backup (docs/persistence.md)"


def audit(hive: Hive, tell: Tell) -> Iterator[Fault]:
    """Gives all faults, section by section; `tell` hears what is being looked at, for it may take a while."""
    for words, look in SECTIONS:
        tell(f"looks at {words}")
        try:
            if found := list(look(hive)):
                again = set(look(hive))
                yield from (fault for fault in found if fault in again)
        except HiveError as error:
            yield Fault(words, error.message, error.hint or "hive-doctor says more")


def findings(tell: Tell) -> Iterator[Finding]:
    """As `audit`, for the hive that the tools find; of one that cannot be opened, `diagnose` has said why."""
    try:
        hive = open_hive(load_settings())
    except HiveError:
        return
    with hive.db:
        fault = None
        for fault in audit(hive, tell):
            yield Finding(fault.name, "fail", fault.words, fault.mend)
        if fault is None:
            yield Finding("deep", "ok", "all that is kept says the same, and nothing is left over")


def _databases(hive: Hive) -> Iterator[Fault]:
    yield from _damage("hive.sqlite", hive.db)
    rebuild = "INSERT INTO messages_search(messages_search) VALUES('rebuild')"
    for words in orphans.index_faults(hive.db):
        yield Fault(
            "search index", words, f'sqlite3 {shlex.quote(hive.paths.database)} "{rebuild}"'
        )


def _damage(name: str, db: Database) -> Iterator[Fault]:
    yield from (Fault(name, f"damaged: {words}", RESTORE) for words in orphans.integrity(db))


def _transcripts(hive: Hive) -> Iterator[Fault]:
    known = inventory.alive(hive)
    for one in leftovers.entries(f"{hive.paths.state}/transcripts"):
        name, dot, kind = one.name.partition(".")
        if one.link or (
            dot and kind.partition("-")[0] not in ("sqlite", "sqlite.migrate", "sqlite.lock")
        ):
            yield Fault(one.path, "is nothing of the hive's", inventory.remove(one))
        elif auditing.strangers([name], known):
            yield Fault(one.path, "is of no agent", inventory.remove(one))
        elif kind == "sqlite":
            yield from _transcript(one)


def _transcript(one: Entry) -> Iterator[Fault]:
    mend = f"stop its agent and move {shlex.quote(one.path)} away: a new one is made"
    try:
        with Database(one.path, read_only=True) as db:
            refuse_newer(db, TRANSCRIPT)
            for words in orphans.integrity(db):
                yield Fault(f"transcripts/{one.name}", f"damaged: {words}", mend)
    except HiveError as error:
        yield Fault(f"transcripts/{one.name}", error.message, mend)


def _tags(hive: Hive) -> Iterator[Fault]:
    everyone = approvals.latest(hive.db, inventory.EVERY)
    owners = {one.id: one.agent for one in everyone}
    working = {job.approval for job in jobs.unfinished(hive.db)}
    found: dict[int, tuple[str, dict[str, str]]] = {}
    for one in leftovers.entries(hive.paths.place("applied")):
        if one.link or one.name == inventory.INCOMING:
            continue
        name = one.name[1:].rpartition(".")[0] if one.name.startswith(".") else one.name
        try:
            tags = [repositories.parsed(tag) for tag in git.tags(one.path)]
        except HiveError as error:
            yield Fault(one.path, error.message, error.hint)
            continue
        yield from auditing.faults_of_numbers(
            one.path, name, {tag.approval for tag in tags}, owners
        )
        for tag in tags:
            found.setdefault(tag.approval, (one.path, {}))[1][tag.kind] = tag.commit
    for row in everyone:
        place, kinds = found.get(row.id, (hive.paths.applied(row.agent), {}))
        if row.kind in auditing.PROPOSED:
            yield from auditing.faults_of_tags(row, kinds, row.id in working, place)


def _deployed(hive: Hive) -> Iterator[Fault]:
    pins = flake.agents_of(meta.lock(hive.settings))
    busy = {job.agent for job in jobs.unfinished(hive.db)}
    everyone = {
        one.name: one for one in (*agents.all_of(hive.db, destroyed=True), *agents.all_of(hive.db))
    }
    for name, agent in everyone.items():
        if name not in busy:
            main = repositories.main(hive.settings, name)
            yield from auditing.faults_of_deployed(agent, main, pins.get(name, ""))
    for name in sorted(set(pins) - set(everyone) - busy):
        words = "meta declares it, and there is no such agent"
        yield Fault(
            f"agent {name}",
            words,
            f"git -C {shlex.quote(hive.paths.meta)} log; then restore a backup",
        )


def _rows(hive: Hive) -> Iterator[Fault]:
    for message, to, turn in orphans.stray_claims(hive.db):
        words = f"is claimed for {to} by turn {turn}, which does not run"
        yield Fault(f"message {message}", words, f"hive-redeliver {message}")
    for turn, name in orphans.stray_turns(hive.db):
        yield Fault(
            f"turn {turn}",
            f"runs for {name}, and there is no such agent now",
            "hive-broker ends it: hive-up",
        )
    for reminder, owner in orphans.stray_reminders(hive.db):
        words = f"waits for {owner}, and no such agent is there or can be revived"
        yield Fault(f"reminder {reminder}", words, f"hive-cancel reminder {reminder}")
    for one in questions.unsettled(hive.db):
        if isinstance(one, Broken):
            mend = f"hive-cancel question {one.id}"
            yield Fault(f"question {one.id}", f"cannot be read: {one.why}", mend)
    for job in jobs.unfinished(hive.db):
        if job.state == "running" and not leftovers.is_held(
            f"{hive.paths.slots}/{job.lane}.worker"
        ):
            words = f"{job.kind} of {job.agent} is running, and no worker is in the lane {job.lane}"
            yield Fault(f"job {job.id}", words, "hive-up; hive-broker rings for it within a minute")


def _decisions(hive: Hive) -> Iterator[Fault]:
    if why := trusting.why_not_places(hive):
        yield Fault(hive.paths.deployed, why, trusting.MEND)
    rows = {one.id: one for one in approvals.latest(hive.db, inventory.EVERY)}
    for one in leftovers.entries(os.path.dirname(hive.paths.decision(0))):
        if not one.name.isdecimal():
            if one.age > inventory.FRESH:
                yield Fault(one.path, "is no decision", inventory.remove(one))
            continue
        number, name = int(one.name), f"decisions/{one.name}"
        if why := deciding.why_not_decider(trusting.decider(hive, one.uid)):
            yield Fault(
                name, f"its owner (user {one.uid}) may not decide: {why}", inventory.remove(one)
            )
        elif number not in rows:
            yield Fault(name, "is about no approval", inventory.remove(one))
        else:
            yield from _verdict(hive, number, rows[number].status)


def _verdict(hive: Hive, number: int, status: str) -> Iterator[Fault]:
    try:
        said = decisions.read(hive.paths, number)
    except HiveError as error:
        yield Fault(f"decisions/{number}", error.message, error.hint)
        return
    odd = {"approve": ("denied",), "deny": ("deployed", "approved", "building", "activating")}
    if said and (status in odd.get(said[0].verdict, ()) or status in ("expired", "superseded")):
        words = f"says {said[0].verdict}, and the row is {status}"
        yield Fault(
            f"decisions/{number}", words, f"hive-show {number}: the file and the tags count"
        )


SECTIONS: tuple[tuple[str, Callable[[Hive], Iterator[Fault]]], ...] = (
    ("the database", _databases),
    ("transcripts", _transcripts),
    ("tags", _tags),
    ("what is deployed", _deployed),
    ("claims, turns and jobs", _rows),
    ("files", inventory.places),
    ("what deploys leave", inventory.deploys),
    ("decisions", _decisions),
    ("bells", inventory.bells),
    ("owners and modes", inventory.owners_and_modes),
)
"""What is looked at, in this order; each gives the same again when it is asked again."""
