"""A diff on a terminal: nothing of a file steers it, hides, or passes for a line of ours."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hivelib.face.diffs import PLAIN, Style, diff_text, quoted, stat_text
from hivelib.model.diffs import LINK, NONE, PROGRAM, ChangedFile, Diff, DiffLine, Hunk, whole
from tests.support.deceit import CORPUS, NAMES

NARROW = Style(False, 40)
COLOURED = Style(True, 40)
SGR = re.compile(r"\x1b\[[0-9;]*m")
ANY = some.text(alphabet=some.characters(exclude_categories=[]), max_size=60)


def file(text: str = "", path: str = "f", **more: object) -> ChangedFile:
    """A new file of that text."""
    fields = {
        "old_path": path,
        "mode": "100644",
        "old_mode": NONE,
        "blob": "b" * 40,
        "old_blob": "0" * 40,
    }
    given = {"status": "added", "size": len(text), "old_size": 0, "unshown": "", **fields, **more}
    return ChangedFile(path=path, hunks=whole(text, "+"), **given)  # type: ignore[arg-type]


def lines_of(*files: ChangedFile, style: Style = PLAIN) -> list[str]:
    return diff_text(Diff("", "c" * 40, files), "/applied/alice", style).split("\n")


def body_of(text: str, style: Style = PLAIN) -> list[str]:
    """A file's lines as they are shown, without its heading and the hunk's head."""
    return lines_of(file(text), style=style)[2:]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n", ["    +plain"]),
        ("a\x1b[2J\n", ["  ! +a\\x1b[2J"]),
        ("\\x1b[2J\n", ["    +\\x1b[2J"]),
        ("one\r\n", ["  ! +one\\r"]),
        ("tail  \t\n", ["  ! +tail··→"]),
        ("\ta\n\tb\n", ["    +        a", "    +        b"]),
        ("\ta\n  b\n", ["  ! +→       a", "    +  b"]),
        ("end", ["    +end", "    \\ no newline at the end"]),
        ("\n", ["    +"]),
        ("caf\udce9\n", ["  ! +caf\\xe9"]),
        ("@@ -1 +1 @@\n", ["    +@@ -1 +1 @@"]),
    ],
)
def test_a_line_is_shown_as_it_is_or_marked(text: str, shown: list[str]) -> None:
    assert body_of(text) == shown


def test_a_long_line_is_broken_behind_the_mark_and_nothing_of_it_is_lost() -> None:
    text = "".join(f"{number}," for number in range(200))
    lines = body_of(text + "\n", NARROW)
    assert all(len(line) <= 40 for line in lines)
    assert lines[0].startswith("    +0,1") and {line[:5] for line in lines[1:]} == {"  ↪ +"}
    assert "".join(line[5:] for line in lines) == text
    wide = body_of("日" * 60 + "\n", NARROW)
    assert max(map(len, wide)) == 5 + 17, "what is not ASCII may take two columns"


def test_the_heading_says_what_happened() -> None:
    heads = [
        file("a\nb\n"),
        file(path="link", mode=LINK),
        file(path="run", mode=PROGRAM, old_mode="100644", status="modified"),
        file(path="run", old_mode=PROGRAM, status="modified"),
        file(path="new", old_path="old", status="renamed"),
        file(path="bin", unshown="binary", size=5000),
    ]
    assert [lines_of(one)[0] for one in heads] == [
        "── f: added, +2 -0",
        "── link: added, a symbolic link, +0 -0",
        "── run: modified, executable, +0 -0",
        "── run: modified, no longer executable, +0 -0",
        "── new: renamed, from old, +0 -0",
        "── bin: added, binary",
    ]
    assert lines_of(heads[-1])[1:] == [
        f"    not shown: binary; 5,000 bytes, git's hash {'b' * 40}",
        f"    to see it: git --git-dir=/applied/alice cat-file blob {'b' * 40} > FILE",
    ]
    stat = stat_text(Diff("", "c", tuple(heads))).split("\n")
    assert len(stat) == 7 and stat[-1] == "6 files, +2 -0 lines, 1 not shown"
    assert diff_text(Diff("", "c", ()), "/x") == "nothing differs"


def hostile_texts() -> list[str]:
    return [
        data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
        for data in CORPUS.values()
    ]


def assert_ours(shown: str, style: Style) -> None:
    """Nothing but our colours steers the terminal, and only headings of ours stand at a line's beginning."""
    bare = SGR.sub("", shown) if style.colour else shown
    assert all(char.isprintable() or char == "\n" for char in bare)
    for line in bare.split("\n"):
        assert re.match(r"(── |↪  |  [ !↪] [-+ @\\]|$)", line), line
        assert not style.width or sum(1 if char.isascii() else 2 for char in line) <= 46, line


@pytest.mark.parametrize("style", [PLAIN, NARROW, COLOURED], ids=["plain", "narrow", "coloured"])
def test_the_corpus_never_steers_and_never_passes_for_ours(style: Style) -> None:
    files = [file(text, path=name) for name in NAMES for text in hostile_texts()[:12]]
    files += [file(text) for text in hostile_texts()]
    assert_ours(diff_text(Diff("", "c", tuple(files)), "/x", style), style)
    assert_ours("\n".join(stat_text(Diff("", "c", tuple(files)), style).split("\n")[:-1]), style)


@given(some.lists(some.tuples(some.sampled_from("+- "), ANY), max_size=5), ANY)
def test_no_control_character_reaches_the_terminal(rows: list[tuple[str, str]], path: str) -> None:
    lines = tuple(DiffLine(sign, text.replace("\n", "")) for sign, text in rows)
    one = file(path=path)._replace(hunks=(Hunk(1, 1, 1, 1, lines),))
    for style in (PLAIN, NARROW, COLOURED):
        assert_ours(diff_text(Diff("", "c", (one,)), "/x", style), style)


@given(some.lists(ANY, min_size=1, max_size=4))
def test_colours_change_nothing_but_colours(texts: list[str]) -> None:
    one = Diff("", "c", (file("\n".join(texts) + "\n"),))
    assert SGR.sub("", diff_text(one, "/x", Style(True, 0))) == diff_text(one, "/x", PLAIN)


def test_words_of_others_stay_behind_their_indent() -> None:
    shown = quoted("a\nhive-show: x\x1b[2J " + "y" * 100, NARROW)
    assert all(line.startswith("    ") and len(line) <= 40 for line in shown.split("\n"))
    assert "\\x1b[2J" in shown
