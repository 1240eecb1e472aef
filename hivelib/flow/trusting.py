"""Whose word counts, and which places may be believed: what the kernel says of owners, where the hive is several users.

The hive's own user parses hostile bytes. Whatever lies in a directory of its own it can move aside and put another in
its place, whoever owns it; so where operators have a group, what is believed lies in a directory of somebody else's.
"""

import os

from hivelib.base import users
from hivelib.base.errors import Misuse
from hivelib.flow.opening import Hive
from hivelib.model.deciding import Decider
from hivelib.model.names import MANAGER

MEND = "let `deployed_dir` of hive.toml name a directory that only root can write"


def why_not_places(hive: Hive) -> str | None:
    """Why the directory that holds decisions and what is deployed cannot be believed; None when it can."""
    if not hive.settings.operator.group:
        return None
    place = hive.paths.deployed
    found = os.stat(place)
    if found.st_uid == os.stat(hive.paths.state).st_uid:
        return f"{place} is the hive's own user's, who could put other decisions there"
    return f"{place} can be written by others than its owner" if found.st_mode & 0o022 else None


def decider(hive: Hive, uid: int) -> Decider:
    """What bears on whether the owner of a decision file may decide."""
    operator = hive.settings.operator
    applied = os.path.dirname(hive.paths.applied(MANAGER))
    return Decider(
        uid=uid,
        group=operator.group,
        member=bool(operator.group) and users.in_group(uid, operator.group),
        web_uid=_uid_of(operator.web_user),
        owner=os.stat(hive.paths.state).st_uid,
        applied_owner=os.stat(applied).st_uid if os.path.isdir(applied) else None,
    )


def _uid_of(name: str) -> int | None:
    try:
        return users.of(name).uid if name else None
    except Misuse:
        return None


def is_ours(hive: Hive, agent: str) -> bool:
    """Whether applied/AGENT may be believed and git may run there: the hive's own user could have put another in its
    place where it is not the one that deploys."""
    try:
        owner = os.lstat(hive.paths.applied(agent)).st_uid
    except FileNotFoundError:
        return True  # it has no tags then
    apart = bool(hive.settings.operator.group) and owner != os.stat(hive.paths.state).st_uid
    return apart or owner == os.geteuid()
