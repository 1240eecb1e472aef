"""Decides where a hive lies and which systemd runs it, before anything is made."""

import os
from typing import NamedTuple

from hivelib.base.config import load_settings
from hivelib.base.errors import Misuse
from hivelib.base.users import User
from hivelib.host import manager
from hivelib.host.manager import Private
from hivelib.model.settings import Settings

SYSTEM_CONFIG = "/etc/hyperhive/hive.toml"
"""Where root's tools look for a hive without HIVE_CONFIG; root's `hive-up` links it."""


class Wish(NamedTuple):
    """What somebody asked hive-up for; None and empty mean: not said. `bindir` is the checkout's bin/, `config` the
    settings file that HIVE_CONFIG names."""

    bindir: str
    directory: str | None = None
    port: int | None = None
    demo: bool = False
    user: str | None = None
    claude: str | None = None
    api_key: str = ""
    config: str = ""


class Place(NamedTuple):
    """Where everything of one hive lies. `private` is None when the user's own manager runs the units."""

    user: User
    config: str
    state: str
    runtime: str
    units: str
    xdg_runtime_dir: str
    private: Private | None
    is_default: bool

    @property
    def root(self) -> str:
        """The directory that is the hive's alone."""
        return self.private.directory if self.private else self.state

    @property
    def log(self) -> str:
        """Where units log to, empty where a journal is."""
        return self.private.log if self.private else ""


def named(wish: Wish) -> Wish:
    """The wish with the private hive that HIVE_CONFIG names, where none was named otherwise: all tools mean the same.

    Raises Misuse when that file cannot be read.
    """
    config = os.environ.get("HIVE_CONFIG")
    if not config or wish.directory or wish.demo:
        return wish
    config = os.path.abspath(config)
    try:
        settings = load_settings(config, last_good=False)
    except Misuse as error:
        hint = "unset HIVE_CONFIG, or say --dir DIR"
        raise Misuse(f"HIVE_CONFIG: {error.message}", hint) from None
    if settings.systemd.scope != "private" or not settings.systemd.xdg_runtime_dir:
        return wish
    directory = os.path.dirname(settings.systemd.xdg_runtime_dir)
    return wish._replace(directory=directory, config=config)


def of_directory(directory: str, user: User, config: str = "") -> Place:
    """The places of a hive with a private manager in `directory`; raises Misuse when its sockets would not fit."""
    if why := manager.why_not_directory(directory):
        raise Misuse(why, "choose a shorter, plainer --dir")
    private = Private(directory)
    return Place(
        user=user,
        config=config or f"{directory}/hive.toml",
        state=f"{directory}/state",
        runtime=f"{private.runtime}/hyperhive",
        units=private.units,
        xdg_runtime_dir=private.runtime,
        private=private,
        is_default=config == default_config(user),
    )


def of_settings(settings: Settings, config: str, user: User) -> Place:
    """The places of the hive with these settings, which it has from the file `config`."""
    runtime = settings.systemd.xdg_runtime_dir
    if settings.systemd.scope == "private" and runtime:
        return of_directory(os.path.dirname(runtime), user, config)
    found = of_user(user, runtime or os.path.dirname(settings.runtime_dir))
    return found._replace(config=config)


def default_directory(user: User, *, demo: bool = False) -> str:
    """Where a private hive lies that nobody named a directory for."""
    return f"{_home(user, 'XDG_STATE_HOME', '.local/state')}/hyperhive{'-demo' if demo else ''}"


def of_user(user: User, runtime: str) -> Place:
    """The places of the hive that the user's own manager at `runtime` runs."""
    config = _home(user, "XDG_CONFIG_HOME", ".config")
    return Place(
        user=user,
        config=f"{config}/hyperhive/hive.toml",
        state=f"{_home(user, 'XDG_STATE_HOME', '.local/state')}/hyperhive",
        runtime=f"{runtime}/hyperhive",
        units=f"{config}/systemd/user",
        xdg_runtime_dir=runtime,
        private=None,
        is_default=True,
    )


def default_config(user: User) -> str:
    """The settings file that this user's tools look for."""
    return f"{_home(user, 'XDG_CONFIG_HOME', '.config')}/hyperhive/hive.toml"


def _home(user: User, variable: str, below: str) -> str:
    own = os.environ.get(variable) if user.uid == os.geteuid() else None
    return own or f"{user.home}/{below}"
