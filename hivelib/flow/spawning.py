"""What `hive-spawn` is: the operator proposes an agent, looks that the commit says what was asked, and approves it."""

from collections.abc import Callable, Iterator
from typing import Any

from hivelib.base import bell
from hivelib.base.errors import HiveError, Refused
from hivelib.flow import deciding, resolving, submitting
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.host import git
from hivelib.model.names import MANAGER
from hivelib.store import agents, events

FETCH_SECONDS = 60.0
_STEPS = ("deploy_started", "deploy_progressed", "deploy_ended")
_LOOK_SECONDS = 60.0  # the safety net for a ring that was lost


def spawn(
    hive: Hive, name: str, config: str = "", *, tell: Callable[[str], None] = lambda _: None
) -> bool:
    """Makes a new agent (`config`: its agent.json, empty: the template's) and returns once it runs; False when there
    is one of that name already. `tell` is told each step in words.

    Raises Refused when the name is not allowed or somebody else decided otherwise, HiveError when it could not be
    deployed, NotNow when a worker is away: then it goes on by itself.
    """
    if agents.is_live(hive.db, name):
        return False
    if name == MANAGER:
        raise Refused("the manager is made when the hive starts", "hive-reconcile makes it now")
    number = submitting.request_spawn(hive, SHELL, name, f"hive-spawn {name}", config)
    tell(f"approval {number}")
    found = resolving.wait(hive, number, submitting.PENDING, FETCH_SECONDS)
    if found.status != "pending":
        raise HiveError(f"{name} was not spawned: {found.note or found.status}")
    given = git.show(hive.paths.applied(name), found.fetched_sha, "agent.json") or ""
    if config and given.strip() != config.strip():
        raise Refused(
            f"approval {number} has another agent.json than the one given",
            f"look: hive-show {number}",
        )
    deciding.approve(hive, SHELL, number, sha=found.fetched_sha)
    for step in follow(hive, number):
        tell(step)
    found = resolving.known(hive, number)
    if found.status != "deployed":
        raise HiveError(f"{name} was not spawned: {found.note or found.status}")
    return True


def follow(hive: Hive, number: int) -> Iterator[str]:
    """The steps of an approved approval's deploy in words, from its first on, until it is over."""
    import json

    with bell.Listener(hive.paths.bell, "events") as listener:
        seq = _decided_at(hive, number)
        while True:
            over = (
                resolving.known(hive, number).resolved_at is not None
            )  # before its last events are read
            while rows := events.after(hive.db, seq):
                seq = rows[-1].seq
                for row in rows:
                    if row.kind in _STEPS and (said := json.loads(row.payload)).get("id") == number:
                        yield _step(row.kind, said)
            if over:
                return
            listener.wait(_LOOK_SECONDS)


def _decided_at(hive: Hive, number: int) -> int:
    """The event by which it was decided: its steps come after it."""
    subject = resolving.subject(number)
    found = events.latest(hive.db, 1, subject=subject, kind="approval_decided")
    return found[0].seq if found else events.last_seq(hive.db)


def _step(kind: str, said: dict[str, Any]) -> str:
    if kind == "deploy_started":
        return f"deploys {said['sha'][:12]}"
    if kind == "deploy_progressed":
        return str(said["step"])
    return f"{'done' if said['ok'] else 'failed'}: {said['note']}"
