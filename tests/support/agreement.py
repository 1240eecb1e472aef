"""What must hold of a hive in which nothing is under way: rows, tags, meta, main, decisions, boxes and mail say the
same of every approval and every agent, and nothing is left over of what was begun."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hivelib.flow.opening import Hive
from hivelib.host import decisions, flake, git, meta, repositories
from hivelib.model import names, states
from hivelib.model.records import Approval
from hivelib.model.schedules import KIND
from hivelib.store import agents, approvals, jobs, reminders

Box = Callable[[str], str | None]
"""Gives the agent.json that an agent's box has while it is up, `stopped: …` while it is not, None without a box."""

TAGS = {
    "pending": [{"proposal"}],
    "deployed": [{"proposal", "approved", "building", "deployed"}],
    "denied": [{"proposal", "denied"}],
    "superseded": [{"proposal"}],
    "expired": [{"proposal"}],
    # one that was never fetched has no tag; one that was killed early has not all
    "failed": [
        set(),
        *({"proposal", *more, "failed"} for more in ((), ("approved",), ("approved", "building"))),
    ],
}
VERDICTS = {"deployed": {"approve"}, "denied": {"deny"}, "failed": {"approve", ""}}
"""What the decision file of an approval says; that of one which nobody decided is not there."""


def whole(hive: Hive, box: Box) -> list[Approval]:
    """Looks at everything; gives back the approvals."""
    everyone = approvals.latest(hive.db, 1_000_000)
    quiet(hive)
    for one in everyone:
        settled(hive, one)
    for name in {one.agent for one in everyone} | {one.name for one in agents.all_of(hive.db)}:
        same(hive, box, name)
    log(hive, everyone)
    return everyone


def quiet(hive: Hive) -> None:
    """No job is under way, and nothing lies about that belongs to one."""
    assert jobs.unfinished(hive.db) == []
    state = hive.paths.state
    candidates = hive.paths.candidates
    left = sorted(set(os.listdir(candidates)) - {"lock"}) if os.path.isdir(candidates) else []
    for place in ("decisions", "applied", "proposed", "agents"):
        if os.path.isdir(f"{state}/{place}"):
            left += [name for name in os.listdir(f"{state}/{place}") if not _belongs(name)]
    # Who was killed while writing a decision leaves that for a minute, so that no writer loses its own.
    left = [name for name in left if not re.fullmatch(r"\.\d+\.[0-9a-f]{16}", name)]
    left += [str(path) for path in Path(hive.paths.meta).glob(".git/*.lock")]
    assert left == []


def _belongs(name: str) -> bool:
    """A decision, an agent's place, or one that was moved aside."""
    aside = re.fullmatch(r"\.(.+)\.\d+", name)
    return name.isdecimal() or names.is_name(aside[1] if aside else name)


def settled(hive: Hive, approval: Approval) -> str:
    """An approval's row, tags, decision and news agree; gives its status."""
    number, status = approval.id, approval.status
    assert status in states.RESOLVED | {"pending"}, approval
    place = _repository(hive, approval)
    found = git.tags(place, f"*/{number}") if place else []
    tags = {one.name.partition("/")[0]: one.commit for one in found}
    purged = approval.note.endswith("was purged")  # then nobody tags any more
    fits = [set()] if approval.kind == KIND else TAGS[status]
    assert set(tags) in fits or (purged and "proposal" in tags), (approval, tags)
    assert set(tags.values()) <= {approval.fetched_sha}, (approval, tags)
    said = decisions.read(hive.paths, number)
    assert (said[0].verdict if said else "") in VERDICTS.get(status, {""}), (approval, said)
    assert said is None or said[0].commit == approval.fetched_sha
    if status in states.RESOLVED:
        assert approval.tag == (f"{status}/{number}" if status in tags else ""), approval
    _told_once(hive, approval)
    added = reminders.of_approval(hive.db, number)
    assert (added is not None) == (approval.kind == KIND and status == "deployed"), (
        approval,
        added,
    )
    return status


def _told_once(hive: Hive, approval: Approval) -> None:
    number, over = approval.id, approval.status in states.RESOLVED
    about = f"approval:{number}"
    sql = "SELECT kind, count(*) FROM events WHERE subject = ? GROUP BY kind"
    counts: Counter[str] = Counter(dict(hive.db.all(sql, about)))
    decided, deploys = approval.decided_at is not None, approval.kind != KIND
    assert counts["approval_resolved"] == over and counts["approval_decided"] == decided, counts
    assert counts["decision_refused"] == 0 and counts["deploy_started"] <= 1
    if not approval.note.endswith("was purged"):
        ended = deploys and decided and approval.status in ("deployed", "failed")
        assert counts["deploy_ended"] == ended
    mine = approval.kind == "spawn" and approval.requested_by == "operator"
    news = [one for one in told(hive, "approval_resolved") if one["id"] == number]
    assert [one["status"] for one in news] == ([approval.status] if over and not mine else [])
    if approval.status == "deployed" and not mine and deploys:
        assert len([one for one in told(hive, _news(approval)) if _is_of(one, approval)]) == 1


def _news(approval: Approval) -> str:
    """What else the manager is told of a deploy."""
    if approval.kind == "init_config":
        return "config_ready"
    return "spawned" if approval.kind == "spawn" or approval.incarnation is None else "rebuilt"


def _is_of(news: dict[str, Any], approval: Approval) -> bool:
    """Whether the news are of this deploy: a rebuild of the same commit has another note."""
    sha = approval.fetched_sha
    said = (
        news["note"] == f"{approval.agent} has {sha[:12]}" if "note" in news else news["sha"] == sha
    )
    return bool(
        said and news["agent"] == approval.agent and news.get("tag") in (None, approval.tag)
    )


def same(hive: Hive, box: Box, name: str) -> None:
    """An agent's row, main, meta and box agree; without a row there is no box and nothing in meta."""
    agent, main = agents.get(hive.db, name), repositories.main(hive.settings, name)
    pinned = flake.agents_of(meta.lock(hive.settings)).get(name)
    if agent is None or agent.state == "destroyed":
        assert pinned is None and (agent is not None or box(name) is None), name
        assert agent is None or (box(name) or "stopped: ").startswith("stopped: "), name
        return
    assert agent.deployed_sha == main == pinned, (agent, main, pinned)
    text = git.show(hive.paths.applied(name), main, "agent.json") or ""
    assert agent.config == text
    up = "" if agent.state == "running" else "stopped: "
    assert box(name) == f"{up}{text.strip()}"
    assert not [one for one in os.listdir(hive.paths.agent(name)) if one.endswith(".new")]


def log(hive: Hive, everyone: list[Approval]) -> None:
    """Meta's log has each deploy that made or changed a box once, and no other; its files are those of its head."""
    lines = [entry.words for entry in meta.log(hive.settings)]
    deploys = [line.rsplit(" ", 1)[0] for line in lines if line.startswith("deploy ")]
    wanted = {
        f"deploy {one.agent} deployed/{one.id}"
        for one in everyone
        if one.status == "deployed" and one.kind not in ("init_config", KIND)
    }
    seeds = {line for line in deploys if line.endswith(" deployed/0")}
    assert Counter(deploys) == Counter({*wanted, *seeds})
    for name in ("flake.lock", "flake.nix"):
        there = Path(hive.paths.meta, name).read_text()
        assert there == git.show(f"{hive.paths.meta}/.git", repositories.MAIN, name)
    assert set(flake.agents_of(meta.lock(hive.settings))) == set(agents.live_names(hive.db))


def told(hive: Hive, event: str, to: str = "manager") -> list[dict[str, Any]]:
    """What somebody was told of that kind, oldest first."""
    sql = "SELECT body FROM messages WHERE recipient = ? AND body LIKE ? ORDER BY id"
    return [json.loads(body) for (body,) in hive.db.all(sql, to, f'{{"event": "{event}"%')]


def _repository(hive: Hive, approval: Approval) -> str:
    """Where the tags are; beside, when the agent was purged since."""
    place = hive.paths.applied(approval.agent)
    above = os.path.dirname(place)
    aside = [one for one in os.listdir(above) if re.fullmatch(rf"\.{approval.agent}\.\d+", one)]
    for path in (place, *(f"{above}/{one}" for one in aside)):
        if os.path.isdir(path) and git.tags(path, f"proposal/{approval.id}"):
            return path
    return ""
