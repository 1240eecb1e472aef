"""Runs git in repositories of ours, so that nothing but what is said here decides what it does.

No configuration but the repository's own (which we wrote) and these words; no hooks, no file system monitor, no
prompts, no other protocol than files. **Never run it in a repository that an agent can write**: what a box wrote is
copied first, by host/quarantine.py.
"""

import contextlib
import os
import signal
from collections.abc import Mapping
from typing import IO, NamedTuple

from hivelib.base import clock, proc
from hivelib.base.errors import HiveError, NotNow
from hivelib.base.proc import Done

SECONDS = 60.0
"""The longest that one git command may take."""

_ROOM = 1 << 20
"""Bytes. With fewer free, what git could not do it may do later: it does not always say that the disk was full."""
_FROM_OUTSIDE = {signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM}
AUTHOR = "hyperhive"
_MAIL = "hive@localhost"
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "init.defaultBranch=main",
    "init.templateDir=",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "submodule.recurse=false",
    "advice.detachedHead=false",
)


class Tag(NamedTuple):
    """An annotated tag: its name, the commit it is on, when it was made (UTC seconds), and its message."""

    name: str
    commit: str
    at: float
    message: str


def environment(at: float | None = None) -> dict[str, str]:
    """What git sees of the outside world: a path, a fixed author, and `at` (UTC seconds; default: now) as the date."""
    date = f"@{int(clock.now() if at is None else at)} +0000"
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", AUTHOR), ("EMAIL", _MAIL), ("DATE", date))
    }
    settings = {"GIT_CONFIG_COUNT": str(len(_SETTINGS))}
    for place, setting in enumerate(_SETTINGS):
        key, _, value = setting.partition("=")
        settings |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        **who,
        **settings,
    }


def git(
    repository: str,
    *words: str,
    stdin: str | IO[bytes] = "",
    check: bool = True,
    at: float | None = None,
    more: Mapping[str, str] | None = None,
    exact: bool = False,
) -> Done:
    """Runs one git command in a repository of ours (a bare one, or a `.git` directory).

    `more` joins the environment; `exact` as in `proc.run`. Raises HiveError with git's reason when it fails, unless
    `check` is off. What git did not get to say is no answer: raises NotNow when somebody killed it or the disk is full,
    HiveError when it crashed, whatever `check` is.
    """
    argv = ["git", f"--git-dir={repository}", *words]
    done = proc.run(
        argv,
        env={**environment(at), **(more or {})},
        stdin=stdin,
        seconds=SECONDS,
        check=False,
        exact=exact,
    )
    if done.status < 0:
        unlock(repository)
        kind = NotNow if -done.status in _FROM_OUTSIDE else HiveError
        raise kind(f"git {words[0]} was killed by signal {-done.status}", "try again")
    if check and done.status:
        lines = (done.err.strip() or done.out.strip() or f"status {done.status}").splitlines()
        if why := _why_not_now(repository):
            raise NotNow(f"git {words[0]}: {lines[-1]}: {why}", "make room and try again")
        raise HiveError(f"git {words[0]}: {lines[-1]}", f"`git -C {repository} fsck` looks at it")
    return done


def _why_not_now(repository: str) -> str:
    """Why nothing can be written where a repository lies; empty when something can, or it is not there."""
    with contextlib.suppress(OSError):
        disk = os.statvfs(repository)
        if disk.f_flag & os.ST_RDONLY:
            return "the disk is read-only"
        if disk.f_bavail * disk.f_frsize < _ROOM:
            return "the disk is full"
    return ""


def unlock(repository: str) -> list[str]:
    """Removes the lock files that a killed git left in a repository of ours: those that no process has open.

    Gives their names. While one lies there, git refuses to change what it locks, for ever.
    """
    found = [f"{repository}/{name}" for name in ("index.lock", "config.lock", "HEAD.lock")]
    found.append(f"{repository}/packed-refs.lock")
    for above, _, names in os.walk(f"{repository}/refs"):
        found += [f"{above}/{name}" for name in names if name.endswith(".lock")]
    stale = [path for path in found if held_by_nobody(path)]
    for path in stale:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    return [os.path.relpath(path, repository) for path in stale]


def held_by_nobody(path: str) -> bool:
    """Whether a file is there that no process of this user has open: git writes its lock files open from end to end."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    for process in filter(str.isdecimal, os.listdir("/proc")):
        try:
            entries = os.listdir(f"/proc/{process}/fd")
        except OSError:  # over, or another user's, who cannot write here
            continue
        for entry in entries:
            try:
                other = os.stat(f"/proc/{process}/fd/{entry}")
            except OSError:
                continue
            if (other.st_dev, other.st_ino) == (found.st_dev, found.st_ino):
                return False
    return True


def init(repository: str) -> None:
    """Makes a bare repository; one that is there already stays as it is. Complete once it has its name."""
    if os.path.isdir(f"{repository}/objects"):
        return
    part = f"{repository}.new"
    os.makedirs(os.path.dirname(repository), exist_ok=True)
    proc.run(["git", "init", "--quiet", "--bare", part], env=environment(), seconds=SECONDS)
    os.rename(part, repository)


def commit_of(repository: str, name: str) -> str:
    """The commit that a full ref name, or a commit's own name, stands for; empty when there is none."""
    found = git(repository, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", check=False)
    return found.out.strip() if found.status == 0 else ""


def is_ancestor(repository: str, old: str, new: str) -> bool:
    """Whether `new` is `old` or descends from it."""
    return git(repository, "merge-base", "--is-ancestor", old, new, check=False).status == 0


def show(repository: str, commit: str, path: str) -> str | None:
    """The text of a file of a commit (bytes that are no UTF-8 are replaced); None when it has no such file."""
    found = git(repository, "cat-file", "blob", f"{commit}:{path}", check=False)
    return found.out if found.status == 0 else None


def write_commit(
    repository: str, files: Mapping[str, str], parent: str, message: str, at: float | None = None
) -> str:
    """Makes a commit of exactly these files (name → text, in the root) and gives back its name; no ref moves."""
    rows = []
    for path, text in sorted(files.items()):
        blob = git(repository, "hash-object", "-w", "--stdin", stdin=text).out.strip()
        rows.append(f"100644 blob {blob}\t{path}\n")
    tree = git(repository, "mktree", stdin="".join(rows)).out.strip()
    words = ["-p", parent] if parent else []
    return git(repository, "commit-tree", tree, *words, "-F", "-", stdin=message, at=at).out.strip()


def tag(repository: str, name: str, commit: str, message: str, at: float | None = None) -> bool:
    """Makes an annotated tag; False when it is there on that commit already.

    Raises HiveError when it is there on another one: a tag never moves.
    """
    # verbatim: else git takes each line away that begins with `#`
    words = ["--annotate", "--cleanup=verbatim", "--file=-", name, commit]
    done = git(repository, "tag", *words, stdin=message, at=at, check=False)
    if done.status == 0:
        return True
    there = commit_of(repository, f"refs/tags/{name}")
    if there == commit:
        return False
    if there:
        raise HiveError(f"the tag {name} is on {there[:12]}, not on {commit[:12]}")
    raise HiveError(f"git tag: {done.err.strip()}", f"`git -C {repository} fsck` looks at it")


def tags(repository: str, pattern: str = "") -> list[Tag]:
    """The annotated tags (of `pattern`, e.g. `deployed/*`), oldest first."""
    form = "%(refname:strip=2)%00%(*objectname)%00%(taggerdate:unix)%00%(contents)%00"
    shown = git(
        repository,
        "for-each-ref",
        "--sort=taggerdate",
        f"--format={form}",
        f"refs/tags/{pattern}" if pattern else "refs/tags",
    ).out
    fields = shown.split("\0")
    rows = zip(fields[::4], fields[1::4], fields[2::4], fields[3::4], strict=False)
    return [Tag(name.strip(), commit, float(at or 0), text) for name, commit, at, text in rows]


def move(repository: str, ref: str, commit: str, before: str) -> None:
    """Moves a ref from `before` (empty: it must not be there) to `commit` in one step.

    Raises NotNow when it was somewhere else: somebody was faster.
    """
    none = "0" * 40
    done = git(repository, "update-ref", ref, commit, before or none, check=False)
    if done.status:
        raise NotNow(f"{ref} is not at {(before or none)[:12]} any more", "look again")
