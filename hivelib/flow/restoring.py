"""Makes a hive from a backup: the files, the settings for their new place, and an end to turns that run no more."""

import os
import shutil
from typing import NamedTuple

from hivelib.base import users
from hivelib.base.config import load_settings
from hivelib.base.db import Database
from hivelib.base.errors import HiveError, Misuse, Refused
from hivelib.base.paths import Paths
from hivelib.base.toml import Value, changed
from hivelib.flow import raising, settling
from hivelib.flow.backing_up import unpack_backup
from hivelib.flow.opening import Hive
from hivelib.flow.placing import Place, Wish
from hivelib.flow.settling import Outcome
from hivelib.model.settings import Settings
from hivelib.store import agents, copying, events, health, turns
from hivelib.store.schema import TRANSCRIPT, migrate

_NOTE = "the hive was restored from a backup"


class Restored(NamedTuple):
    """A hive that hive-up can bring up: where it lies, its agents, and the turns that had been running."""

    config: str
    state: str
    agents: list[str]
    ended_turns: list[int]


def restore(path: str, directory: str | None) -> Restored:
    """Makes a hive from the backup `path` in `directory` (default: where this user's hive lies).

    It is there whole or not at all. Mail that a turn held when the copy was taken goes back to its inbox. Raises
    Refused when a hive is there already, HiveError when the backup cannot be used, Misuse for root without a user.
    """
    path, directory = os.path.abspath(path), directory and os.path.abspath(directory)
    _become_owner(directory)
    place = raising.choose(Wish("", directory), users.current())
    for taken in (place.state, place.config):
        if os.path.exists(taken) and not (os.path.isdir(taken) and not os.listdir(taken)):
            raise Refused(f"{taken} is there already", "choose another --dir")
    coming = f"{place.state}.restoring"
    shutil.rmtree(coming, ignore_errors=True)  # what a killed restore left
    text = unpack_backup(path, coming)
    try:
        settings = _settings(place, text, coming)
        ended = _settle(settings)
        with Database(Paths.of(settings).database) as db:
            names = agents.live_names(db)
        os.makedirs(os.path.dirname(place.config), mode=0o700, exist_ok=True)
        os.replace(f"{coming}/hive.toml", place.config)
        os.rename(coming, place.state)
    except BaseException:
        shutil.rmtree(coming, ignore_errors=True)
        raise
    return Restored(place.config, place.state, names, ended)


def _become_owner(directory: str | None) -> None:
    if os.geteuid() != 0:
        return
    try:
        owner = os.stat(directory or "").st_uid
    except OSError:
        owner = 0
    if owner == 0:
        raise Misuse(
            "root can own no hive", "make DIR with `install -d -o USER DIR`, then use --dir DIR"
        )
    users.become(users.of(owner))


def _settings(place: Place, text: str, coming: str) -> Settings:
    """The copied settings with this place's directories, as a file beside the copied state, and read from it."""
    values: dict[str, Value] = {
        "state_dir": place.state,
        "runtime_dir": place.runtime,
        "log_dir": place.log,
        "systemd.scope": "private" if place.private else "user",
        "systemd.xdg_runtime_dir": place.xdg_runtime_dir,
    }
    if "deployed_dir" in text:  # the copy is one user's
        values["deployed_dir"] = ""
    path = f"{coming}/hive.toml"
    _write(path, changed(text, values, keep=False))
    settings = load_settings(path)
    if settings.api.key_file and not os.path.exists(settings.api.key_file):
        with open(path, encoding="utf-8") as file:  # a key is not copied; hive-up takes it anew
            _write(path, changed(file.read(), {"api.key_file": ""}, keep=False))
        settings = load_settings(path)
    return settings._replace(state_dir=coming)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _settle(settings: Settings) -> list[int]:
    """Brings the databases up to date, begins a new epoch of events, and ends the turns that had been running."""
    paths = Paths.of(settings)
    for name in os.listdir(f"{paths.state}/transcripts"):
        migrate(f"{paths.state}/transcripts/{name}", TRANSCRIPT)
    migrate(paths.database)
    with Database(paths.database) as db:
        if found := health.faults(db):
            raise HiveError(f"the copy is damaged: {found[0]}", "take another backup")
        with db.write():
            events.new_epoch(db)
            copying.forget_visitors(db)
        hive = Hive(settings, paths, db)
        running = turns.running(db)
        for turn in running:
            settling.end_turn(hive, turn, Outcome("lost", _NOTE))
        return [turn.id for turn in running]
