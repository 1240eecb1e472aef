"""Proposals as they stand when they were fetched: a real bare repository, its tags, and the row."""

import os
import subprocess
from collections.abc import Mapping

from hivelib.base import clock
from hivelib.flow.opening import Hive
from hivelib.host import git
from hivelib.model.locks import lock_hash
from hivelib.store import approvals

FILE, PROGRAM, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
Content = str | bytes | tuple[str, str | bytes]
"""What a file has; with its mode before it when it is no ordinary one."""

Files = Mapping[str, Content]


def commit(repository: str, files: Files, parent: str = "") -> str:
    """Makes a commit of exactly these files, of any name, mode and bytes; gives back its name. No ref moves."""
    git.init(repository)
    rows, blobs = [], {}
    for name, content in files.items():
        mode, data = content if isinstance(content, tuple) else (FILE, content)
        raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        if mode == SUBMODULE:
            blobs[raw] = raw
        elif raw not in blobs:
            blobs[raw] = _git(repository, raw, "hash-object", "-w", "--stdin")
        path = name.encode("utf-8", "surrogateescape")
        rows.append(mode.encode() + b" " + blobs[raw] + b"\t" + path + b"\0")
    index = f"{repository}/index.made"
    if os.path.exists(index):
        os.unlink(index)
    _git(repository, b"".join(rows), "update-index", "-z", "--index-info", index=index)
    tree = _git(repository, b"", "write-tree", "--missing-ok", index=index).decode()
    words = ["-p", parent] if parent else []
    return _git(repository, b"made by a test", "commit-tree", tree, *words).decode()


def _git(repository: str, stdin: bytes, *words: str, index: str = "") -> bytes:
    done = subprocess.run(
        ["git", f"--git-dir={repository}", *words],
        input=stdin,
        env=git.environment(0) | ({"GIT_INDEX_FILE": index} if index else {}),
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout.strip()


def deploy(hive: Hive, agent: str, made: str) -> None:
    """Says that a commit runs: applied/main is on it."""
    git.git(hive.paths.applied(agent), "update-ref", "refs/heads/main", made)


def propose(
    hive: Hive,
    agent: str,
    files: Files,
    parent: str = "",
    *,
    kind: str = "apply_commit",
    **more: str,
) -> int:
    """A proposal of these files that was fetched and waits; `more` are columns of its row. Gives back its number."""
    repository = hive.paths.applied(agent)
    made = commit(repository, files, parent)
    at = clock.now()
    with hive.db.write() as db:
        number = approvals.add(
            db,
            kind,
            agent,
            "main",
            incarnation=None,
            description=more.pop("description", "because it is better"),
            by="manager",
            at=at,
            expires_at=at + 86400 * 14 + 60,
        )
        lock = files.get("flake.lock")
        columns = {
            "fetched_sha": made,
            "lock_hash": lock_hash(lock if isinstance(lock, str) else ""),
            "base": git.commit_of(repository, "refs/heads/main"),
        }
        assert approvals.move(db, number, "submitting", "pending", **(columns | more))
    git.tag(repository, f"proposal/{number}", made, "proposed")
    return number
