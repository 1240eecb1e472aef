"""A copy of all that a hive is, taken while it runs, and a hive made from such a copy.

The order matters. Transcripts first: the copy of hive.sqlite knows every turn that they mention. Files of agents last:
they may be of a later instant, so that what a turn did is not lost though its mail will be delivered again.
Logins and the API key are not copied: a login that two hives use strands one of them (facts/lessons.md).
"""

import fcntl
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from hivelib.base import clock
from hivelib.base.archive import Packer, new_file, unpack
from hivelib.base.config import config_path
from hivelib.base.db import Database
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow.opening import Hive, open_transcript
from hivelib.store import agents, copying

FORMAT = 1
MANIFEST = "hyperhive-backup.json"
TREES = ("agents", "shared", "decisions", "proposed", "applied", "meta")
SECRETS = frozenset({".credentials.json"})


class Made(NamedTuple):
    """A finished backup: which agents are in it, and the names of files that could not be taken."""

    agents: list[str]
    left_out: list[str]


def back_up_to(hive: Hive, path: str) -> Made:
    """Makes a backup in the new file `path` (compressed when it ends in .gz), which is there whole or not at all.

    Raises Refused when `path` is there, NotNow when another backup runs or the disk is full.
    """
    with new_file(path) as file:
        return back_up(hive, file, compressed=path.endswith(".gz"))


def back_up(hive: Hive, out: BinaryIO, *, compressed: bool = False) -> Made:
    """Writes a backup to an open file or pipe."""
    with (
        _scratch(hive) as scratch,
        tarfile.open(fileobj=out, mode="w|gz" if compressed else "w|") as tar,
    ):
        packer = Packer(tar)
        names = [agent.name for agent in agents.all_of(hive.db)]
        names += [agent.name for agent in agents.all_of(hive.db, destroyed=True)]
        manifest = {"format": FORMAT, "made_at": clock.now(), "agents": names}
        _add_text(packer, scratch, MANIFEST, json.dumps(manifest, indent=1) + "\n")
        if os.path.exists(config_path()):
            packer.add_file(config_path(), "hive.toml")
        for name in names:
            if transcript := open_transcript(hive, name):
                with transcript:
                    _add_copy(packer, scratch, transcript, f"transcripts/{name}.sqlite")
        _add_copy(packer, scratch, hive.db, "hive.sqlite")
        for tree in TREES:
            _add_tree(hive, packer, tree)
    return Made(names, packer.left_out)


def _add_tree(hive: Hive, packer: Packer, tree: str) -> None:
    where, most = hive.paths.place(tree), hive.settings.box.disk_bytes
    if tree != "agents":
        packer.add_tree(where, tree, most, SECRETS)
        return
    for name in sorted(os.listdir(where)) if os.path.isdir(where) else []:
        # each agent with a share of its own, so that one that fills its box keeps no other out
        packer.add_tree(f"{where}/{name}", f"{tree}/{name}", most, SECRETS)


@contextmanager
def _scratch(hive: Hive) -> Iterator[str]:
    """A place for copies of databases, for one backup at a time; what a killed one left there goes."""
    where = f"{hive.paths.state}/.backup"
    os.makedirs(where, mode=0o700, exist_ok=True)
    lock = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotNow("another backup of this hive runs") from None
        _empty(where)
        yield where
        _empty(where)
    finally:
        os.close(lock)


def _empty(where: str) -> None:
    for name in os.listdir(where):
        os.unlink(f"{where}/{name}")


def _add_text(packer: Packer, scratch: str, name: str, text: str) -> None:
    path = f"{scratch}/text"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    packer.add_file(path, name)
    os.unlink(path)


def _add_copy(packer: Packer, scratch: str, db: Database, name: str) -> None:
    path = f"{scratch}/copy"
    copying.copy(db, path)
    packer.add_file(path, name)
    _empty(scratch)


def unpack_backup(path: str, state: str) -> str:
    """Unpacks a backup into the new directory `state`; gives back the text of the settings that came with it.

    Raises HiveError when the file is no backup, is damaged, or is of a later format. Then nothing is left.
    """
    rooms = frozenset({MANIFEST, "hive.toml", "hive.sqlite", "transcripts", *TREES})
    os.makedirs(f"{state}/transcripts", mode=0o700)
    try:
        os.mkdir(f"{state}/agents", 0o700)  # like transcripts, in the backup only by what is in it
        with tarfile.open(path, "r|*") as tar:
            for place, name in enumerate(unpack(tar, state, rooms)):
                if place == 0:
                    _check_manifest(path, state, name)
        if not os.path.exists(f"{state}/hive.sqlite"):
            raise HiveError(f"{path} is no backup of a hive", "it has no hive.sqlite")
        os.makedirs(f"{state}/shared", mode=0o700, exist_ok=True)
        return _taken(f"{state}/hive.toml")
    except (tarfile.TarError, EOFError, ValueError) as error:
        shutil.rmtree(state)
        raise HiveError(f"{path} is no backup, or damaged: {error}") from None
    except BaseException:
        shutil.rmtree(state)
        raise


def _check_manifest(path: str, state: str, name: str) -> None:
    if name != MANIFEST:
        raise HiveError(f"{path} is no backup of a hive")
    manifest = json.loads(_taken(f"{state}/{MANIFEST}"))
    if manifest["format"] > FORMAT:
        raise HiveError(f"{path} was made by a newer hyperhive", "upgrade this checkout")


def _taken(path: str) -> str:
    """The text of a file of ours, which is removed; empty when it is not there."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return ""
    os.unlink(path)
    return text
