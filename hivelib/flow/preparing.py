"""Makes the places of a hive and brings its databases to this program's version: what `hive-migrate` does."""

import os
from contextlib import suppress

from hivelib.base import bootstrap, clock
from hivelib.base.config import load_settings
from hivelib.base.db import Database
from hivelib.base.errors import HiveError, Misuse
from hivelib.base.paths import Paths
from hivelib.flow.rendering import DEPLOYED
from hivelib.host import apprising, disk
from hivelib.model.settings import Settings
from hivelib.store import events, room
from hivelib.store.schema import TRANSCRIPT, migrate

_ROOM = 3
"""How many times the size of a database must be free before it is made over: a copy, the log of its pages, and some."""
_README = """This directory is the state of a hyperhive: its database, its agents' files, its operator's decisions.
It belongs to the hive's user. Boxes write
below agents/*/state, agents/*/claude and shared: never follow a link there.
"""


def prepare_state(settings: Settings) -> int:
    """Makes the state and runtime directories and migrates every database in them; gives back how many steps that took.

    Raises HiveError when a database is newer than this program, when it was lost and all else is there, or when this is
    root (a hive has a user of its own).
    """
    if os.geteuid() == 0:
        raise HiveError(
            "a hive's state must not belong to root", "run `hive-up`, which takes a user"
        )
    paths = Paths.of(settings)
    _refuse_lost(paths)
    os.makedirs(paths.state, mode=0o700, exist_ok=True)
    # Before anything runs: a service that must not write a place can only be kept from one that is there.
    places = [paths.place(name) for name in DEPLOYED]
    for place in (*places, f"{paths.state}/transcripts", paths.shared):
        os.makedirs(place, mode=0o700, exist_ok=True)
    for place in (paths.runtime, paths.bell, paths.slots):
        os.makedirs(place, mode=0o755, exist_ok=True)
    readme = f"{paths.state}/README"
    if not os.path.exists(readme):
        with open(readme, "w", encoding="utf-8") as file:
            file.write(_README)
    steps = migrate(paths.database)
    databases = [paths.database]
    for name in sorted(os.listdir(f"{paths.state}/transcripts")):
        if name.endswith(".sqlite"):
            databases.append(f"{paths.state}/transcripts/{name}")
            steps += migrate(databases[-1], TRANSCRIPT)
    for path in databases:
        steps += _let_shrink(path)
    with Database(paths.database) as db, db.write():
        events.note_boot(db, clock.boot())
    return steps


def provide_extras(config: str) -> list[str]:
    """Adds to the venv what only some hives need (apprise), while this may still be root; gives a note when that fails,
    for the hive does without."""
    try:
        asked = os.path.exists(config) and load_settings(config).notify.urls_file
        if asked and (apprising.missing() or os.access(bootstrap.ROOT, os.W_OK)):
            bootstrap.add(bootstrap.ROOT, "notify")
    except Misuse:
        pass  # what is wrong with the settings is said when they are filled in
    except (HiveError, OSError) as error:
        return [f"nobody is told away from the screen: {error}"]
    return []


def _refuse_lost(paths: Paths) -> None:
    """A hive whose database went away is no new one: an empty one in its place would take its agents for strangers."""
    with suppress(FileNotFoundError):
        if os.path.getsize(paths.database):
            return
    kept = ("agents", "transcripts", "applied", "decisions")
    for place in [paths.place(name) for name in kept]:
        with suppress(FileNotFoundError):
            if os.listdir(place):
                raise HiveError(
                    f"{paths.database} is lost, but {place} is not empty: this is no new hive",
                    f"put it back or restore a backup (docs/persistence.md); to begin anew, move {paths.state} away",
                )


def _let_shrink(path: str) -> bool:
    """Makes over a database from before databases could give room back; says whether it did. Without the room on the
    disk that this takes it stays as it is, and hive-vacuum says so each time."""
    with Database(path) as db:
        if room.can_shrink(db) or disk.free_bytes(path) < _ROOM * room.size(db):
            return False
        try:
            room.make_over(db)
        except HiveError:  # no room after all, or damaged, which whoever reads it says better
            return False
    return True
