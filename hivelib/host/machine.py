"""What hive-up needs of the machine, or of a login: the hive's user, lingering, and a claude that user can run."""

import glob
import hashlib
import os
import shutil
import stat

from hivelib.base import bootstrap, packages
from hivelib.base.errors import HiveError, Misuse, Refused
from hivelib.base.proc import run
from hivelib.base.users import User, asked_as, current, of, run_as
from hivelib.host import claude

USER = "hive"
HOME = "/var/lib/hyperhive"
BOOTED = "/run/systemd/system"


def hive_user(wished: str | None, directory: str | None) -> User:
    """The user that the hive runs as: who runs this, or as root `wished`, the owner of an existing `directory`, or the
    user `hive`, made if missing. Raises Refused for uid 0 (bubblewrap as root leaves /proc/sys writable) and Misuse
    when an ordinary user asks for another one."""
    own = current()
    if own.uid != 0:
        if wished and wished != own.name:
            raise Misuse(f"only root can run a hive as {wished}", "leave --user out")
        return own
    owner = _owner(directory)
    user = of(wished) if wished else owner or _made()
    if user.uid == 0:
        raise Refused("a hive does not run as root", "leave --user out: a user `hive` is made")
    if owner and owner.uid != user.uid:
        raise Refused(f"{directory} belongs to {owner.name}", f"say --user {owner.name}")
    return user


def _owner(directory: str | None) -> User | None:
    if directory is None or not os.path.isdir(directory):
        return None
    uid = os.stat(directory).st_uid
    if uid == 0 and os.listdir(directory):
        raise Refused(f"{directory} is not empty and belongs to root", "name another directory")
    return of(uid) if uid else None


def _made() -> User:
    try:
        return of(USER)
    except Misuse:
        words = ["--system", "--create-home", "--home-dir", HOME, "--shell", "/usr/sbin/nologin"]
        run([packages.find("useradd") or "useradd", *words, "--user-group", USER])
        return of(USER)


def give_directory(directory: str, user: User) -> None:
    """Makes the hive's directory for `user`; raises Refused when that user could not come to it."""
    if not os.path.isdir(directory):
        if os.geteuid() == user.uid or directory.startswith(f"{user.home}/"):
            run_as(user, lambda: os.makedirs(directory, mode=0o700, exist_ok=True))
        else:
            os.makedirs(os.path.dirname(directory), mode=0o755, exist_ok=True)
            os.mkdir(directory, 0o700)
    if os.geteuid() == 0 and os.stat(directory).st_uid == 0:
        os.chown(directory, user.uid, user.gid)
    if not asked_as(user, lambda: os.access(directory, os.W_OK | os.X_OK)):
        raise Refused(
            f"{user.name} cannot write to {directory}", "choose a place open to that user"
        )


def linger(user: User) -> bool:
    """Lets the user's own manager run without a login and after a reboot; False when this machine cannot do that.

    As root also starts that manager. Its socket is then at /run/user/UID.
    """
    done = run(["loginctl", "enable-linger", user.name], check=False, seconds=30)
    if os.geteuid() == 0 and os.path.isdir(BOOTED):
        run(["systemctl", "start", f"user@{user.uid}.service"], seconds=60)
    return done.status == 0


def find_claude(wished: str | None) -> str:
    """The executable of Claude Code: `wished`, or what PATH has, npm's wrapper resolved to the program itself.

    Gives back an empty string when there is none. Raises Misuse when `wished` is not one.
    """
    path = wished or shutil.which("claude") or ""
    if not path:
        return ""
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise Misuse(f"{path} is not a program", "name the claude executable with --claude")
    real = os.path.realpath(path)
    if is_elf(real):
        return real
    package = os.path.dirname(real)
    inside = [f"{package}/bin/claude*", f"{package}/claude*", f"{package}/../bin/claude*"]
    inside += [f"{package}/node_modules/@anthropic-ai/claude-code-*/claude*"]
    inside += [f"{package}/../claude-code-*/claude*"]
    for pattern in inside:
        for found in sorted(glob.glob(pattern)):
            if is_elf(found):
                return os.path.realpath(found)
    if wished:
        return real  # a script of the user's own; it must run inside a box, where only /usr is
    raise Misuse(
        f"{real} is not the self-contained program of Claude Code",
        f"install a newer one: {claude.INSTALL}",
    )


def is_elf(path: str) -> bool:
    """Whether a file is an executable of its own rather than a script."""
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def open_to_all(program: str) -> str:
    """As root: `program`, or a root-owned copy of it where every user can run it (245 MB, once for each version)."""
    if os.geteuid() != 0 or not program or bootstrap.reachable_by_all(program):
        return program
    facts = os.stat(program)
    name = f"{program}:{facts.st_size}:{facts.st_mtime_ns}".encode()
    directory = f"{bootstrap.STAGE}/claude-{hashlib.sha256(name).hexdigest()[:8]}"
    copy = f"{directory}/claude"
    if not os.path.exists(copy):
        if shutil.disk_usage("/").free < facts.st_size * 2:
            raise HiveError(f"no room for a copy of {program} below {bootstrap.STAGE}")
        os.makedirs(directory, mode=0o755, exist_ok=True)
        shutil.copyfile(program, f"{copy}.new")
        os.chmod(
            f"{copy}.new", stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH
        )
        os.replace(f"{copy}.new", copy)
    for place in (bootstrap.STAGE, directory):
        os.chmod(place, 0o755)
    return copy
