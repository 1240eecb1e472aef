"""A hive's state without any process: directories, settings and an open database in a short place."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hivelib.base.config import load_settings
from hivelib.flow.opening import Hive, open_hive
from hivelib.store.schema import migrate


@contextlib.contextmanager
def short_directory(*, disk: bool = False) -> Iterator[Path]:
    """A directory like /tmp/hXXXXXXXX, gone afterwards: a socket's path holds 107 bytes, tmp_path has that alone.

    With `disk` it is on one (tests/support/quick_disk.py).
    """
    where = Path(tempfile.mkdtemp(prefix="h", dir="/var/tmp" if disk else None))
    try:
        yield where
    finally:
        shutil.rmtree(where, ignore_errors=True)


def settings_text(where: Path, more: str = "") -> str:
    """A hive.toml for everything below `where`; `more` follows it, so it may begin with plain fields."""
    places = "".join(
        f'{name}_dir = "{where}/{folder}"\n'
        for name, folder in {"state": "state", "runtime": "run/hyperhive", "log": "log"}.items()
    )
    claude = (
        "" if "[claude]" in more else 'claude.path = "/bin/true"\n'
    )  # a turn needs one that is there
    return f"{places}{claude}{more}"


def make_state(where: Path, more: str = "") -> Hive:
    """Writes hive.toml, makes the directories and the database, and opens it as the tools do."""
    config = where / "hive.toml"
    config.write_text(settings_text(where, more))
    settings = load_settings(str(config))
    for folder in (settings.state_dir, settings.runtime_dir, settings.log_dir):
        os.makedirs(folder, mode=0o700)
    migrate(f"{settings.state_dir}/hive.sqlite")
    return open_hive(settings)
