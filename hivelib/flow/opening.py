"""Opens the hive that the settings name: what every verb takes first."""

from contextlib import ExitStack
from typing import NamedTuple

from hivelib.base.config import load_settings
from hivelib.base.db import Database
from hivelib.base.paths import Paths
from hivelib.model.settings import Settings
from hivelib.store.schema import TRANSCRIPT, migrate, refuse_newer, version


class Hive(NamedTuple):
    """An open hive: its settings, its places and its database."""

    settings: Settings
    paths: Paths
    db: Database


def open_hive(settings: Settings | None = None) -> Hive:
    """Opens the database of `settings` (default: those of this user); raises HiveError when it is missing, or of
    another version than this program."""
    settings = settings or load_settings()
    paths = Paths.of(settings)
    db = Database(paths.database)
    refuse_newer(db)
    return Hive(settings, paths, db)


def open_transcript(hive: Hive, name: str, *, create: bool = False) -> Database | None:
    """An agent's transcript, or None when it never had a turn; `create` makes it."""
    import os

    path = hive.paths.transcript(name)
    if os.path.exists(path):
        with ExitStack() as opened:
            db = opened.enter_context(Database(path))
            if version(db):
                opened.pop_all()
                return db
            # Its maker is not done yet, or died over it.
    if not create:
        return None
    os.makedirs(os.path.dirname(path), mode=0o2770, exist_ok=True)
    migrate(path, TRANSCRIPT)
    return Database(path)


def all_transcripts(hive: Hive) -> list[str]:
    """The files of all transcripts there are: also tombstones', and what older incarnations of a name left."""
    import os
    import re
    import stat

    transcripts, agents = f"{hive.paths.state}/transcripts", f"{hive.paths.state}/agents"
    found = [f"{transcripts}/{name}" for name in _listed(transcripts) if name.endswith(".sqlite")]
    older = [name for name in _listed(agents) if re.fullmatch(r"\..+\.\d+", name)]
    found += [f"{agents}/{name}/transcript.sqlite" for name in older]
    return [
        path for path in found if os.path.lexists(path) and stat.S_ISREG(os.lstat(path).st_mode)
    ]


def _listed(directory: str) -> list[str]:
    import os

    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []
