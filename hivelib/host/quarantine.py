"""Takes what is needed out of a repository that an agent can write, without git ever running there.

Every step is relative to an open directory and follows no link; only plain files are read, each to a bound. What is
not an object (config, hooks, alternates, indexes) stays where it is: the copy knows nothing of it.
"""

import os
import re
import stat

from hivelib.base.errors import Refused
from hivelib.base.text import shortened

OBJECTS_MOST = 50_000
"""Loose objects and packs of one repository; `git gc` makes many into few."""

_REF_MOST, _PACKED_MOST = 1024, 4 << 20
_LOOSE = re.compile(r"[0-9a-f]{38}")
_FOLDER = re.compile(r"[0-9a-f]{2}")
_PACK = re.compile(r"pack-[0-9a-f]{40,64}\.pack")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"[0-9a-f]{7,39}")
_PART = r"[A-Za-z0-9_+=#%!][A-Za-z0-9_+=#%!.-]*"
_BRANCH = re.compile(f"{_PART}(/{_PART})*")
_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER_HOW = _PLAIN | os.O_DIRECTORY
_GC = "run `git gc` in it and submit again"


def open_repository(proposed: str, agent: str) -> int:
    """A descriptor of the `.git` directory below `proposed` of an agent. Raises Refused when it is no directory."""
    where = os.open(proposed, _FOLDER_HOW)
    for name in (agent, ".git"):
        try:
            inner = os.open(name, _FOLDER_HOW, dir_fd=where)
        except FileNotFoundError:
            raise Refused(
                f"{agent} has no config repository", "request_init_config makes one"
            ) from None
        except OSError:
            what = "its .git" if name == ".git" else "its config repository"
            raise Refused(
                f"{what} is no plain directory", "a link or a file in its place is not followed"
            ) from None
        finally:
            os.close(where)
        where = inner
    return where


def resolved(repository: int, ref: str) -> str:
    """What a ref stands for now, read once: a commit's full name, or an abbreviated one that `ref` itself is.

    A ref is a commit's name (at least 7 digits of it), a branch, or HEAD. Raises Refused when it is none of them.
    """
    if _COMMIT.fullmatch(ref):
        return ref
    branch = ref.removeprefix("refs/heads/")
    if ref == "HEAD":
        text = _text(repository, "HEAD", _REF_MOST).strip()
        if _COMMIT.fullmatch(text):
            return text
        branch = text.removeprefix("ref: refs/heads/")
        if branch == text:
            raise Refused(
                "its HEAD names neither a branch nor a commit", "name a branch or a commit"
            )
    if not _is_branch(branch):
        raise Refused(
            f"{shortened(ref, 80)!r} can be no branch and no commit", "name a branch or a commit"
        )
    if commit := _loose_ref(repository, branch) or _packed_ref(repository, branch):
        return commit
    if _SHORT.fullmatch(ref):
        return ref
    raise Refused(
        f"there is no branch {shortened(branch, 80)}",
        "name a branch, or a commit by at least 7 digits",
    )


def copy_objects(repository: int, into: str, bytes_most: int) -> list[str]:
    """Copies the objects of a `.git` into the objects directory `into`; gives back the paths of its packs, unindexed.

    Raises Refused for what has an object's name and is no plain file, and for more than OBJECTS_MOST or `bytes_most`.
    """
    left, count, packs = bytes_most, 0, []
    objects = _folder(repository, "objects")
    try:
        for name in _names(objects):
            if not _FOLDER.fullmatch(name) and name != "pack":
                continue
            folder = _folder(objects, name)
            try:
                os.makedirs(f"{into}/{name}", exist_ok=True)
                for inner in _names(folder):
                    if not (_PACK if name == "pack" else _LOOSE).fullmatch(inner):
                        continue
                    count += 1
                    if count > OBJECTS_MOST:
                        raise Refused(f"its repository has over {OBJECTS_MOST} loose objects", _GC)
                    target = f"{into}/{name}/{inner}"
                    left -= _copy(
                        folder, inner, f"objects/{name}/{inner}", target, left, bytes_most
                    )
                    packs += [target] if name == "pack" else []
            finally:
                os.close(folder)
    finally:
        os.close(objects)
    return packs


def borrows(repository: int) -> bool:
    """Whether the repository takes objects from another one (alternates), which is never followed."""
    where = os.dup(repository)
    try:
        for name in ("objects", "info"):
            inner = _folder(where, name)
            os.close(where)
            where = inner
        return _kind(where, "alternates") != 0
    except Refused:
        return False
    finally:
        os.close(where)


def _is_branch(name: str) -> bool:
    good = _BRANCH.fullmatch(name) and len(name) <= 200
    return bool(good) and ".." not in name and not name.endswith((".", ".lock"))


def _loose_ref(repository: int, branch: str) -> str:
    *folders, last = f"refs/heads/{branch}".split("/")
    where = os.dup(repository)
    try:
        for name in folders:
            try:
                inner = os.open(name, _FOLDER_HOW, dir_fd=where)
            except (FileNotFoundError, NotADirectoryError):
                if _kind(where, name) == stat.S_IFLNK:
                    raise Refused(
                        "the branch lies behind a link", "links are not followed"
                    ) from None
                return ""
            os.close(where)
            where = inner
        if _kind(where, last) in (0, stat.S_IFDIR):  # none, or branches below that name
            return ""
        text = _text(where, last, _REF_MOST).strip()
    finally:
        os.close(where)
    if not _COMMIT.fullmatch(text):
        raise Refused(f"the branch {shortened(branch, 80)} names no commit", "name a commit itself")
    return text


def _packed_ref(repository: int, branch: str) -> str:
    if not _kind(repository, "packed-refs"):
        return ""
    for line in _text(repository, "packed-refs", _PACKED_MOST).splitlines():
        commit, _, name = line.partition(" ")
        if name == f"refs/heads/{branch}" and _COMMIT.fullmatch(commit):
            return commit
    return ""


def _kind(folder: int, name: str) -> int:
    """The file type bits of an entry, 0 when there is none."""
    try:
        return stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return 0


def _folder(above: int, name: str) -> int:
    try:
        return os.open(name, _FOLDER_HOW, dir_fd=above)
    except OSError:
        raise Refused(
            f"its .git/…/{name} is no plain directory", "links are not followed"
        ) from None


def _names(folder: int) -> list[str]:
    """The names in a directory, as many as an honest one could have."""
    found: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if len(found) > OBJECTS_MOST:
                raise Refused(f"its repository has over {OBJECTS_MOST} files in one directory", _GC)
            found.append(entry.name)
    return found


def _plain(folder: int, name: str, shown: str) -> int:
    # Looked at first: to open a device may do something, and a fifo is told apart without waiting for its writer.
    if _kind(folder, name) == stat.S_IFREG:
        try:
            file = os.open(name, _PLAIN, dir_fd=folder)
        except OSError:
            file = -1
        if file >= 0 and stat.S_ISREG(os.fstat(file).st_mode):
            return file
        if file >= 0:
            os.close(file)
    raise Refused(
        f"its .git/{shown} is no plain file that can be read", "links and devices are not followed"
    )


def _text(folder: int, name: str, most: int) -> str:
    with open(_plain(folder, name, name), "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Refused(f"its .git/{name} has over {most} bytes", _GC)
    return data.decode("utf-8", "replace")


def _copy(folder: int, name: str, shown: str, target: str, left: int, most: int) -> int:
    """Copies one file of at most `left` bytes; gives back how many it had."""
    copied = 0
    with open(_plain(folder, name, shown), "rb", buffering=0) as source, open(target, "xb") as copy:
        while data := source.read(1 << 18):
            copied += len(data)
            if copied > left:
                raise Refused(
                    f"its objects have over {most} bytes",
                    "keep large files out of the config repository",
                )
            copy.write(data)
    return copied
