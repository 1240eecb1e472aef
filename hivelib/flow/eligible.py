"""Whom a proposal can be about: names, tombstones, repositories that are there, how many wait already."""

import os

from hivelib.base.db import Database
from hivelib.base.errors import Refused
from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from hivelib.model import names
from hivelib.model.names import MANAGER
from hivelib.store import agents, approvals


def why_not_agent(hive: Hive, db: Database, kind: str, agent: str) -> tuple[str, str] | None:
    """Whether an agent of that name can be proposed so: None, or why not and what to do."""
    there = agents.get(db, agent) if names.is_name(agent) else None
    live = there is not None and there.state != "destroyed"
    if kind != "apply_commit":
        return _why_not_new(hive, db, kind, agent, live, there is not None)
    if there is not None and not live:
        return f"{agent} was destroyed", f"the operator can bring it back: hive-revive {agent}"
    if live or (names.is_name(agent) and has_proposed(hive, agent)):
        return None
    near = names.nearest(agent, sorted({*agents.live_names(db), *_initialised(hive)}))
    hint = f"did you mean {' or '.join(near)}?" if near else "request_init_config makes a new one"
    return f"no agent {mailing.names_shown(agent)}", hint


def _why_not_new(
    hive: Hive, db: Database, kind: str, agent: str, live: bool, destroyed: bool
) -> tuple[str, str] | None:
    if wrong := names.why_not_agent_name(agent):
        return wrong, "choose another name"
    if live:
        return f"there is an agent {agent}", "propose a commit for it: request_apply_commit"
    if kind == "spawn" and destroyed:
        return None  # a tombstone moves aside when it is deployed
    if destroyed:
        return (
            f"{agent} was destroyed and left its files",
            f"hive-revive {agent}, or hive-purge {agent}",
        )
    if has_proposed(hive, agent):
        return (
            f"{agent} has a config repository already",
            "edit it and propose a commit: request_apply_commit",
        )
    for one in approvals.unresolved(db, agent):
        if one.kind in ("init_config", "spawn"):
            return f"{agent} is asked for already: approval {one.id}", "wait for the operator"
    return None


def has_proposed(hive: Hive, agent: str) -> bool:
    """Whether an agent has a config repository that the manager can edit."""
    return os.path.isdir(hive.paths.proposed(agent)) and not os.path.islink(
        hive.paths.proposed(agent)
    )


def _initialised(hive: Hive) -> list[str]:
    try:
        found = os.listdir(os.path.dirname(hive.paths.proposed(MANAGER)))
    except OSError:
        return []
    return [name for name in found if names.is_name(name)]


def refuse_crowd(hive: Hive, db: Database, agent: str) -> None:
    """Raises Refused when an agent has as many open proposals as the settings allow."""
    most = hive.settings.approvals.pending_most
    waiting = [
        one.id for one in approvals.unresolved(db, agent) if one.status in ("submitting", "pending")
    ]
    if len(waiting) >= most:
        shown = ", ".join(map(str, waiting))
        raise Refused(
            f"{agent} has {len(waiting)} open proposals ({shown})", "wait until some are decided"
        )
