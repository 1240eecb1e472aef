"""Trees that boxes write, into a tar and out of it, without ever following a link.

Every file is opened relative to its directory's descriptor and without following links, so a box that swaps a file
for a link in that instant gains nothing. What is no file, directory or link is left out, and so is what would make
the archive larger than the share that a box has.
"""

import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from hivelib.base.errors import HiveError, Refused

_DEEP = 100
"""Directories below each other; what lies deeper is left out, so that nobody can use up our descriptors."""
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def new_file(path: str) -> Iterator[BinaryIO]:
    """A file for the owner alone to write into, which is there whole, on the disk, or not at all.

    Raises Refused when `path` is there.
    """
    part = f"{path}.part"
    if os.path.lexists(path):
        raise Refused(f"{path} is there already", "choose another name")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(part, flags, 0o600), "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.link(part, path)  # unlike a rename it never replaces anything
        except FileExistsError:
            raise Refused(f"{path} is there already", "choose another name") from None
        finally:
            os.unlink(part)


class Packer:
    """Adds trees to a tar; `left_out` names what could not be taken."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.left_out: list[str] = []
        self._room = 0

    def add_file(self, path: str, name: str) -> None:
        """Adds one file of ours."""
        with open(path, "rb") as file:
            self._add_open(file, name)

    def add_tree(self, path: str, name: str, most: int, without: frozenset[str]) -> None:
        """Adds the directory `path` as `name`: at most `most` bytes of files, nothing called as in `without`."""
        try:
            directory = os.open(path, _DIRECTORY)
        except OSError:
            return
        try:
            self._room = most
            self._add_directory(directory, name, without, _DEEP)
        finally:
            os.close(directory)

    def _add_directory(self, directory: int, name: str, without: frozenset[str], deep: int) -> None:
        self.tar.addfile(_info(name, tarfile.DIRTYPE, os.fstat(directory)))
        for entry in sorted(os.listdir(directory)):
            if entry in without:
                continue
            try:
                taken = self._add_entry(directory, entry, f"{name}/{entry}", without, deep)
            except PermissionError:
                taken = False
            except FileNotFoundError:
                continue  # gone meanwhile
            if not taken:
                self.left_out.append(f"{name}/{entry}")

    def _add_entry(
        self, directory: int, entry: str, name: str, without: frozenset[str], deep: int
    ) -> bool:
        found = os.stat(entry, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            link = _info(name, tarfile.SYMTYPE, found)
            link.linkname = os.readlink(entry, dir_fd=directory)
            self.tar.addfile(link)
            return True
        is_directory = stat.S_ISDIR(found.st_mode)
        if not (is_directory and deep) and not stat.S_ISREG(found.st_mode):
            return False
        try:
            opened = os.open(entry, _DIRECTORY if is_directory else _FILE, dir_fd=directory)
        except NotADirectoryError:
            return False  # another thing by now
        except OSError as error:
            if isinstance(error, PermissionError | FileNotFoundError):
                raise
            return False
        if is_directory:
            try:
                self._add_directory(opened, name, without, deep - 1)
            finally:
                os.close(opened)
            return True
        with open(opened, "rb") as file:
            return self._add_open(file, name, self._room)

    def _add_open(self, file: BinaryIO, name: str, most: int | None = None) -> bool:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or (most is not None and found.st_size > most):
            return False
        if most is not None:
            self._room -= found.st_size
        info = _info(name, tarfile.REGTYPE, found)
        info.size = found.st_size
        self.tar.addfile(info, _Exactly(file, info.size))  # type: ignore[arg-type]
        return True


class _Exactly:
    """A file that may shrink while it is read: then the rest is zeros, for the tar has its size already."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file

    def read(self, size: int) -> bytes:
        return self.file.read(size).ljust(size, b"\0")


def _info(name: str, kind: bytes, found: os.stat_result) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = found.st_mode & 0o777  # never setuid
    info.mtime = int(found.st_mtime)
    return info


def unpack(tar: tarfile.TarFile, directory: str, rooms: frozenset[str]) -> Iterator[str]:
    """Unpacks files, directories and links below `directory`, whose first part is one of `rooms`; yields their names.

    Raises HiveError for a member that would land elsewhere, is there already, or is of another kind.
    """
    top = os.open(directory, _DIRECTORY)
    try:
        for member in tar:
            parts = member.name.split("/")
            if parts[0] not in rooms or not all(part not in ("", ".", "..") for part in parts):
                raise HiveError(f"{member.name!r} does not belong into a backup")
            _unpack_one(tar, member, top, parts)
            yield member.name
    finally:
        os.close(top)


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, top: int, parts: list[str]) -> None:
    parent = _descend(top, parts[:-1])
    try:
        if member.isdir():
            os.mkdir(parts[-1], member.mode & 0o777 | 0o700, dir_fd=parent)
        elif member.issym():
            os.symlink(member.linkname, parts[-1], dir_fd=parent)
        elif member.isreg() and (source := tar.extractfile(member)):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            target = os.open(parts[-1], flags, member.mode & 0o777, dir_fd=parent)
            with source, open(target, "wb") as file:
                while data := source.read(1 << 20):
                    file.write(data)
        else:
            raise HiveError(f"{member.name!r} is neither file, directory nor link")
    except FileExistsError:
        raise HiveError(f"{member.name!r} is in the backup twice") from None
    finally:
        os.close(parent)


def _descend(top: int, parts: list[str]) -> int:
    """Opens a directory below `top`, part by part; no link is followed. The caller closes it."""
    directory = os.dup(top)
    for part in parts:
        try:
            below = os.open(part, _DIRECTORY, dir_fd=directory)
        except OSError as error:
            raise HiveError(f"{part!r} in the backup is no directory: {error.strerror}") from None
        finally:
            os.close(directory)
        directory = below
    return directory
