"""What there is to see of a proposal as HTML: facts, words, cautions, files, and the whole diff in colours."""

from typing import NamedTuple

from hivelib.face import diffs
from hivelib.face.web.views import render
from hivelib.flow.looking import AGAINST, Shown
from hivelib.model.diffs import ChangedFile

AGAINST_WORDS = {
    "running": "what runs",
    "approved": "what was last approved",
    "previous": "the proposal before",
}


class FileShown(NamedTuple):
    """A file of the diff: what happened to it, words in place of its text, and rows of mark and safe HTML."""

    heading: str
    unshown: str
    rows: list[tuple[str, str]]


def look(shown: Shown, *, step: str = "") -> str:
    """All of it. The forms that decide are drawn with it, for only who has this before them may say yes."""
    files = [_file(file, shown.repository) for file in shown.diff.files]
    return render(
        "approval_look",
        shown=shown,
        row=shown.approval,
        files=files,
        sums=diffs.stat_text(shown.diff).rpartition("\n")[2],
        against=[(name, AGAINST_WORDS[name]) for name in AGAINST],
        step=step,
    )


def _file(file: ChangedFile, repository: str) -> FileShown:
    unshown = "\n".join(diffs.unshown(file, repository)) if file.unshown else ""
    rows = [row for hunk in diffs.hunk_rows(file) for row in diffs.in_html(hunk)]
    return FileShown(diffs.heading(file), unshown, rows)
