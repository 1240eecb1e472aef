"""What of a diff nobody should overlook: modes, links, what is not shown, characters that deceive. Pure."""

from collections.abc import Iterator

from hivelib.model.comparing import CARE, DANGER, Caution
from hivelib.model.deceiving import deceptions, name_deceives
from hivelib.model.diffs import LINK, NONE, PROGRAM, SUBMODULE, ChangedFile, Diff


def cautions(diff: Diff) -> list[Caution]:
    """The cautions about all files of a diff, what matters most first."""
    found = [caution for file in diff.files for caution in _of_file(file)]
    return sorted(found, key=lambda caution: caution.severity != DANGER)


def _of_file(file: ChangedFile) -> Iterator[Caution]:
    if name_deceives(file.path):
        yield Caution(DANGER, f"{file.path}: the file's name may deceive, it is not plain ASCII")
    yield from _of_mode(file)
    yield from _of_name(file)
    if file.unshown and file.mode not in (NONE, SUBMODULE):
        yield Caution(CARE, f"{file.path}: not shown here ({file.unshown}): look at it yourself")
    added = (line.text for hunk in file.hunks for line in hunk.lines if line.sign == "+")
    if deceiving := sorted({what for text in added for what in deceptions(text)}):
        yield Caution(DANGER, f"{file.path}: has {'; '.join(deceiving)}")


def _of_mode(file: ChangedFile) -> Iterator[Caution]:
    if file.mode == file.old_mode:
        return
    if file.mode == LINK:
        yield Caution(DANGER, f"{file.path}: is a symbolic link")
    elif file.mode == SUBMODULE:
        yield Caution(DANGER, f"{file.path}: is a submodule, another repository's commit")
    elif file.mode == PROGRAM:
        yield Caution(CARE, f"{file.path}: is executable now")


def _of_name(file: ChangedFile) -> Iterator[Caution]:
    name = file.path.rpartition("/")[2]
    if name.lower() == "flake.lock":
        yield Caution(CARE, f"{file.path}: the lock changed, other code than before may be built")
    elif name.lower() == ".gitattributes":
        yield Caution(CARE, f"{file.path}: may change how git shows or writes files")
