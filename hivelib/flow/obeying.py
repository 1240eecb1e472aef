"""What root does for a line that passed: a few fixed commands, and the settings of a box. No database, no shell.

Nothing here is locked: nixos-container locks `create`, systemd orders start and stop, and what loses a race fails.
"""

import os
import stat
from typing import NamedTuple

from hivelib.base import proc
from hivelib.base.errors import HiveError, Refused
from hivelib.base.paths import Paths
from hivelib.model import root_line
from hivelib.model.root_line import RootLine
from hivelib.model.settings import Settings

STEP_SECONDS = 120.0
"""For one command: a box has a minute to start, and as long to stop."""


class Host(NamedTuple):
    """Where the programs lie, and below what the files: only a test has others than NixOS."""

    programs: str = root_line.PROGRAMS
    root: str = ""


NIXOS = Host()


def obey(settings: Settings, line: RootLine, host: Host = NIXOS) -> None:
    """Does what a line says; saying it again is success. Raises Refused for a path or a place that is not what it must
    be, HiveError with the reason when a command fails.
    """
    if line.path:
        _look_at_store_path(host.root + line.path)
    if line.verb == "start":
        _look_at_places(settings, line.name, host)
        _settle(settings, line.name, host)
    for one in _as_it_is(line, host):
        for step in root_line.steps(one, host.programs):
            proc.run(
                step.argv, env=_environment(host), seconds=STEP_SECONDS, check=not step.may_fail
            )
    if line.verb == "create":
        _settle(settings, line.name, host)


def _environment(host: Host) -> dict[str, str]:
    """Nothing of ours and nothing of the caller's; the store is written by nix' own daemon."""
    return {"PATH": host.programs, "LC_ALL": "C", "HOME": "/var/empty", "NIX_REMOTE": "daemon"}


def _as_it_is(line: RootLine, host: Host) -> list[RootLine]:
    """A create that was killed half-way begins anew; one that was done only sets the profile."""
    if line.verb != "create" or not os.path.lexists(host.root + root_line.conf_of(line.name)):
        return [line]
    if os.path.lexists(host.root + root_line.profile_of(line.name)):
        return [line._replace(verb="set-profile")]
    return [RootLine("destroy", line.name), line]


def _look_at_store_path(path: str) -> None:
    try:
        found = os.lstat(path)
    except OSError:
        raise Refused("that store path is not there") from None
    if not stat.S_ISDIR(found.st_mode):
        raise Refused("that store path is no directory of its own")


def _look_at_places(settings: Settings, name: str, host: Host) -> None:
    """What a box gets to write is no link and does not belong to root: it would write there as its owner.

    The hive's user can still swap a directory between this look and systemd-nspawn's (docs/security.md).
    """
    for place in root_line.writable(name, _places(settings)):
        try:
            found = os.lstat(host.root + place)
        except OSError as error:
            raise Refused(f"{place}: {error.strerror}") from None
        linked = os.path.realpath(host.root + place) != host.root + place
        if linked or not stat.S_ISDIR(found.st_mode) or found.st_uid == 0:
            raise Refused(f"{place} is a link, no directory, or root's own")


def _settle(settings: Settings, name: str, host: Host) -> None:
    """Writes a box's .conf whole. Before each start too: one left by a killed create has no user namespace in it."""
    path = host.root + root_line.conf_of(name)
    try:
        text = root_line.conf(name, _places(settings))
    except ValueError as error:
        raise HiveError(str(error)) from None
    if not os.path.isfile(path):
        raise Refused(f"there is no box of {name}")
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)


def _places(settings: Settings) -> root_line.Places:
    paths = Paths.of(settings)
    return root_line.Places(paths.state, paths.runtime, paths.deployed)
