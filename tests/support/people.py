"""An ordinary user to run things as: when root runs the tests, a user of its own with a delegated cgroup."""

import contextlib
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hivelib.base import slots, users
from hivelib.base.bootstrap import reachable_by_all
from hivelib.base.errors import Misuse
from hivelib.base.users import User
from hivelib.host import cgroups
from tests.support.source import ROOT

NAME = "hivetest"
Word = str | os.PathLike[str]
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
# Only root may move a process into the group that it gave away; then it becomes the user for good.
AS_USER = """
for group in $GROUPS_TO_JOIN; do echo $$ > "$group/cgroup.procs"; done; unset GROUPS_TO_JOIN
exec setpriv --reuid="$1" --regid="$2" --init-groups -- "${@:3}"
"""


class Person(NamedTuple):
    """Who runs a program, where they are at home, and the control groups they may write."""

    user: User
    home: Path
    groups: list[str]

    def command(self, argv: Sequence[Word]) -> list[str]:
        """The argv that runs `argv` as this person."""
        words = [str(word) for word in argv]
        if self.user.uid == os.geteuid():
            return words
        return ["bash", "-ec", AS_USER, "bash", str(self.user.uid), str(self.user.gid), *words]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """What a fresh login would have, and `more`."""
        plain = {"HOME": str(self.home), "USER": self.user.name, "LOGNAME": self.user.name}
        groups = {"GROUPS_TO_JOIN": " ".join(self.groups)} if self.groups else {}
        return {"PATH": PATH, "LANG": "C.UTF-8", **plain, **groups, **more}

    def start(
        self, argv: Sequence[Word], env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        """Starts a program as this person; `more` goes to Popen."""
        given = {"cwd": self.home, "text": True, **more}
        return subprocess.Popen(self.command(argv), env=self.environment(env or {}), **given)

    def run(
        self,
        argv: Sequence[Word],
        env: Mapping[str, str] | None = None,
        *,
        stdin: str = "",
        seconds: float = 60.0,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program as this person to its end; with `check`, AssertionError when it fails."""
        done = subprocess.run(
            self.command(argv),
            env=self.environment(env or {}),
            cwd=self.home,
            input=stdin,
            timeout=seconds,
            capture_output=True,
            text=True,
            check=False,
        )
        words = " ".join(str(word) for word in argv)
        shown = f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}"
        assert not check or done.returncode == 0, shown
        return done

    def own(self, path: Path) -> Path:
        """Gives a file or directory to this person."""
        os.chown(path, self.user.uid, self.user.gid)
        return path


@contextlib.contextmanager
def ordinary_person(home: Path) -> Iterator[Person]:
    """A person with `home`, which must be empty; their control group is cleared afterwards."""
    if os.geteuid() != 0:
        yield Person(users.current(), home, [])
        return
    if not reachable_by_all(str(ROOT)):
        pytest.fail(
            f"{ROOT} cannot be read by an ordinary user; run bin/hive-check, which mends that"
        )
    user = made_user()
    groups = cgroups.make(f"hivetest-{uuid.uuid4().hex[:8]}", user)
    person = Person(user, home, groups)
    person.own(home)
    try:
        yield person
    finally:
        cgroups.kill(groups)
        cgroups.remove(groups)


def root_at_home(home: Path) -> Person:
    """root, with a home of its own that nobody else can look into; whoever runs the tests must be root."""
    home.mkdir(mode=0o700)
    return Person(users.current(), home, [])


def made_user() -> User:
    """The tests' user of this machine, made when it is missing."""
    try:
        return users.of(NAME)
    except Misuse:
        with slots.locked(
            f"/run/{NAME}.lock"
        ):  # two workers come at once; the second makes nothing
            words = ["--system", "--shell", "/bin/sh", "--home-dir", "/nonexistent", NAME]
            subprocess.run(["useradd", *words], check=False, capture_output=True)
        return users.of(NAME)
