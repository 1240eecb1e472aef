"""What `hive-fetch` does, in its sandbox: looks at one commit of a proposed repository, and hands on what it reaches.

One line comes in: {"agent", "ref", "bytes", "files"}. One line goes out, {"commit", "lock_hash", "size"} and behind it
`size` bytes of pack, or {"refused", "hint"}: nothing of the repository is believed outside but by its checks.
"""

import json
import os
import tempfile
from typing import BinaryIO, NamedTuple

from hivelib.base.errors import HiveError, Refused
from hivelib.host import git, inspection, quarantine
from hivelib.model import checking, flakes, locks, names, vetting

REQUEST_MOST = 4096
"""Bytes of the line that asks."""


class Look(NamedTuple):
    """What is to be looked at: the agent, the ref in its repository, and the bytes and files it may have."""

    agent: str
    ref: str
    bytes: int
    files: int


def serve(proposed: str, scratch: str, source: BinaryIO, sink: BinaryIO) -> None:
    """Answers one look at a repository below `proposed`, working in `scratch`; whatever is wrong is in the answer."""
    with tempfile.TemporaryDirectory(
        prefix="look-", dir=scratch, ignore_cleanup_errors=True
    ) as where:
        try:
            look = _asked(source.readline(REQUEST_MOST))
            commit, lock_hash, pack = looked(proposed, look, where)
            answer = {"commit": commit, "lock_hash": lock_hash, "size": os.path.getsize(pack)}
        except HiveError as error:
            pack, answer = "", {"refused": error.message, "hint": error.hint}
        except OSError as error:  # its tmpfs is full, or a file went away under our hands
            words = f"the repository can't be read: {error.strerror}"
            pack, answer = "", {"refused": words, "hint": "`git gc` makes it smaller; submit again"}
        sink.write(json.dumps(answer).encode() + b"\n")
        if pack:
            with open(pack, "rb") as file:
                while data := file.read(1 << 18):
                    sink.write(data)
        sink.flush()


def looked(proposed: str, look: Look, scratch: str) -> tuple[str, str, str]:
    """Looks at a commit; gives back its name, its flake.lock's hash and the path of a pack of all that it reaches.

    Raises Refused with the first few faults in words.
    """
    repository = quarantine.open_repository(proposed, look.agent)
    try:
        commit, pack, checked = inspection.taken(repository, look.ref, scratch, look.bytes)
    finally:
        os.close(repository)
    entries = inspection.entries(checked, commit, look.files)
    _refuse(list(vetting.faults_of_tree(entries, look.files, look.bytes)))
    flake, config, lock = (
        git.show(checked, commit, name) or "" for name in ("flake.nix", "agent.json", "flake.lock")
    )
    try:
        inputs = flakes.inputs_of(flake)
    except flakes.Unplain as error:
        raise Refused(f"flake.nix: {error}") from None
    _refuse(locks.faults_of_lock(lock, inputs))
    _refuse([f"agent.json: {fault}" for fault in checking.faults_of_agent(config)])
    return commit, locks.lock_hash(lock), pack


def _refuse(faults: list[str]) -> None:
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise Refused(" · ".join(faults[:3]) + more)


def _asked(line: bytes) -> Look:
    try:
        look = Look(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        look = Look("", "", 0, 0)
    texts = isinstance(look.agent, str) and isinstance(look.ref, str)
    if not texts or type(look.bytes) is not int or type(look.files) is not int:
        look = Look("", "", 0, 0)
    if not names.is_name(look.agent):
        raise Refused("the look was asked for wrongly", "one line: agent, ref, bytes, files")
    return look
