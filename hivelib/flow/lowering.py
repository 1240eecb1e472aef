"""Brings a hive down: everything that hive-up started, and nothing else; its state stays."""

import os
import shutil
from typing import NamedTuple

from hivelib.base import users
from hivelib.base.config import config_path, load_settings
from hivelib.base.errors import HiveError, Refused
from hivelib.base.users import User
from hivelib.host import cradle, manager, systemd
from hivelib.host.manager import Private
from hivelib.model.settings import Settings


class Lowered(NamedTuple):
    """What came down: the hive's place, and whether anything ran."""

    where: str
    ran: bool


def down(directory: str | None = None) -> Lowered:
    """Stops the hive in `directory` (default: the one that the tools find). Works when half of it is dead.

    Raises Refused when there is no hive.
    """
    if directory is not None:
        directory = os.path.abspath(directory)
        if _is_private(directory):
            return _down_private(Private(directory))
        if not os.path.exists(f"{directory}/hive.toml"):
            raise Refused(f"no hive in {directory}")
        settings = load_settings(f"{directory}/hive.toml")
    else:
        if not os.path.exists(config_path()):
            raise Refused("no hive here", "name its directory with --dir")
        settings = load_settings()
    if settings.systemd.scope == "private":
        return _down_private(Private(os.path.dirname(settings.systemd.xdg_runtime_dir)))
    users.drop_to_owner(settings)
    return _down_user(settings)


def _is_private(directory: str) -> bool:
    return any(os.path.exists(f"{directory}/{name}") for name in (manager.RECORD, "run"))


def _owner(directory: str) -> User:
    try:
        return users.of(os.stat(directory).st_uid)
    except OSError as error:
        raise Refused(f"no hive in {directory}: {error.strerror}") from None


def _down_private(private: Private) -> Lowered:
    owner = _owner(private.directory)
    if os.geteuid() not in (0, owner.uid):
        raise Refused(f"the hive in {private.directory} belongs to {owner.name}")
    return Lowered(private.directory, cradle.stop(private, owner))


def _down_user(settings: Settings) -> Lowered:
    if not systemd.answers(settings):
        raise HiveError("this user's systemd does not answer", "`hive-doctor` says more")
    ran = any(unit.active == "active" for unit in systemd.units(settings))
    systemd.systemctl(settings, "disable", "--quiet", "hive.target", check=False)
    systemd.systemctl(settings, "stop", "hive.target", "hive-*")
    systemd.systemctl(settings, "reset-failed", "hive-*", check=False)
    shutil.rmtree(settings.runtime_dir, ignore_errors=True)
    return Lowered(settings.state_dir, ran)
