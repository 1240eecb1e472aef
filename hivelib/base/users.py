"""Who this process is, and how root becomes somebody less: the hive's user for good, or for one function."""

import os
import pwd
import sys
import traceback
from collections.abc import Callable
from typing import NamedTuple

from hivelib.base.errors import HiveError, Misuse
from hivelib.model.settings import Settings

_NO = 3


class User(NamedTuple):
    """An account of this machine."""

    name: str
    uid: int
    gid: int
    home: str


def current() -> User:
    """The user this process runs as; one without an entry in passwd gets its number for a name."""
    try:
        return of(os.geteuid())
    except Misuse:
        uid = os.geteuid()
        return User(str(uid), uid, os.getegid(), os.environ.get("HOME") or "/")


def of(who: int | str) -> User:
    """The user with this number or name; raises Misuse when there is none."""
    try:
        entry = pwd.getpwuid(who) if isinstance(who, int) else pwd.getpwnam(who)
    except KeyError:
        raise Misuse(f"no user {who} on this machine") from None
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def in_group(uid: int, group: str) -> bool:
    """Whether the user with this number belongs to a group; nobody belongs to one that is not there."""
    import grp

    try:
        user = pwd.getpwuid(uid)
        return grp.getgrnam(group).gr_gid in os.getgrouplist(user.pw_name, user.pw_gid)
    except KeyError:
        return False


def name_of(uid: int) -> str:
    """The login name of a user; one without an entry in passwd is called by their number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def become(user: User) -> None:
    """Root becomes `user` for good: groups, ids, capabilities (gone with the uid), HOME and umask."""
    os.initgroups(user.name, user.gid)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    os.environ.update(HOME=user.home, USER=user.name, LOGNAME=user.name)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        os.environ.pop(name, None)  # root's own places mean nothing to the user
    os.umask(0o077)


def run_as(user: User, work: Callable[[], None], before: Callable[[], None] | None = None) -> None:
    """Runs `work` in a child that became `user`; `before` runs in the child while it is still root.

    For what root must not do itself in a directory that the user may write (links!). Who is that user already does it
    in place. Raises HiveError when it fails; the child has already said why on stderr.
    """
    if os.geteuid() == user.uid:
        work()
    elif status := _in_child(user, work, before):
        raise HiveError(f"as {user.name}: failed (status {status})")


def asked_as(user: User, question: Callable[[], bool]) -> bool:
    """The answer of `question` when asked by `user`; raises HiveError when asking failed."""
    if os.geteuid() == user.uid:
        return question()

    def answer() -> None:
        if not question():
            os._exit(_NO)

    if (status := _in_child(user, answer)) not in (0, _NO):
        raise HiveError(f"as {user.name}: failed (status {status})")
    return status == 0


def _in_child(
    user: User, work: Callable[[], None], before: Callable[[], None] | None = None
) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        if before:
            before()
        become(user)
        work()
        status = 0
    except HiveError as error:
        os.write(2, f"{error}\n".encode())
    except BaseException:  # noqa: BLE001 - a forked child must not run its parent's handlers and leave through its stack
        traceback.print_exc()
    finally:
        os._exit(status)


def drop_to_owner(settings: Settings) -> None:
    """Root becomes the owner of the hive's state, as every tool must; anybody else stays who they are.

    Raises Misuse when root finds no hive there, or one that belongs to root (bubblewrap boxes must not run as uid 0).
    """
    if os.geteuid() != 0:
        return
    try:
        owner = os.lstat(settings.state_dir).st_uid
    except OSError:
        raise Misuse(f"no hive at {settings.state_dir}", "start one with `hive-up`") from None
    if owner == 0:
        raise Misuse(f"{settings.state_dir} belongs to root", "a hive has a user of its own")
    # A checkout that only root may enter has a link to its venv: the owner still has to import from there.
    sys.path[:] = map(os.path.realpath, sys.path)
    become(of(owner))
