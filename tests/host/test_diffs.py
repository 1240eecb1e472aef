"""A diff is all that differs, as git has it, whatever the files and their names try."""

from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from hivelib.host import diffs, git
from hivelib.model.diffs import ChangedFile, Diff, hunks
from tests.support.deceit import BINARY, CORPUS, NAMES
from tests.support.proposals import LINK, PROGRAM, SUBMODULE, Content, Files, commit


@pytest.fixture
def repository(tmp_path: Path) -> str:
    """A bare repository of ours."""
    git.init(where := f"{tmp_path}/r.git")
    return where


def between(repository: str, old: Files, new: Files) -> Diff:
    """What differs between two commits of these files."""
    before = commit(repository, old)
    return diffs.difference(repository, before, commit(repository, new, before))


def only(found: Diff) -> ChangedFile:
    assert len(found.files) == 1, found.files
    return found.files[0]


def rebuilt(file: ChangedFile, old: str) -> str:
    """What the hunks make of the old text: the new one, if nothing was lost."""
    lines, place, made = _lines(old), 0, []
    for hunk in file.hunks:
        start = hunk.old_start - 1 if hunk.old_length else hunk.old_start
        made += lines[place:start]
        place = start + hunk.old_length
        for line, after in zip(hunk.lines, [*hunk.lines[1:], None], strict=True):
            if line.sign in "+ ":
                bare = after is not None and after.sign == "\\"
                made.append(line.text + ("" if bare else "\n"))
    return "".join([*made, *lines[place:]])


def _lines(text: str) -> list[str]:
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def test_whole_tree_where_there_is_no_base(repository: str) -> None:
    made = commit(repository, {"agent.json": "{}\n", "flake.nix": "{ }\n", "a/b/c": "deep\n"})
    found = diffs.difference(repository, "", made)
    assert [(file.path, file.status, file.added) for file in found.files] == [
        ("agent.json", "added", 1),
        ("flake.nix", "added", 1),
        ("a/b/c", "added", 1),
    ], "what decides most is first"
    assert diffs.difference(repository, made, made).files == ()


def test_each_kind_of_change(repository: str) -> None:
    body = "".join(f"line {number}\n" for number in range(20))
    found = between(
        repository,
        {
            "gone": "x\n",
            "old name": body,
            "same": "s\n",
            "mode": "m\n",
            "kind": "target",
            "edit": "a\n",
        },
        {
            "new": "n\n",
            "new name": body.replace("line 7", "line seven"),
            "same": "s\n",
            "mode": (PROGRAM, "m\n"),
            "kind": (LINK, "/etc/passwd"),
            "edit": "b\n",
        },
    )
    files = {file.path: file for file in found.files}
    assert {path: file.status for path, file in files.items()} == {
        "gone": "deleted",
        "new name": "renamed",
        "mode": "modified",
        "kind": "changed in kind",
        "edit": "modified",
        "new": "added",
    }
    renamed, kind = files["new name"], files["kind"]
    assert (renamed.old_path, renamed.added, renamed.deleted) == ("old name", 1, 1)
    assert (files["mode"].old_mode, files["mode"].mode) == ("100644", PROGRAM)
    assert files["mode"].hunks == () and files["mode"].unshown == ""
    assert kind.mode == LINK and kind.hunks[-1].lines[-2].text == "/etc/passwd"


BEFORE_AND_AFTER: list[Callable[[str], tuple[str, str]]] = [
    lambda text: ("", text),
    lambda text: ("before\n" + text, text + "after\n"),
]


@pytest.mark.parametrize("make", BEFORE_AND_AFTER, ids=["written", "changed"])
def test_nothing_of_a_hostile_text_is_lost_or_taken_for_gits(
    repository: str, make: Callable[[str], tuple[str, str]]
) -> None:
    old, new = {}, {}
    for what, data in CORPUS.items():
        text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
        old[what], new[what] = make(text)
    found = between(repository, old, new)
    assert {file.path for file in found.files} == {what for what in old if old[what] != new[what]}
    for file in found.files:
        if file.path in ("binary", "huge line"):
            assert file.unshown in ("binary", "more than 256 KiB") and not file.hunks
            data = new[file.path].encode("utf-8", "surrogateescape")
            assert file.blob == sha1(b"blob %d\0" % len(data) + data).hexdigest()
        else:
            assert file.unshown == "" and rebuilt(file, old[file.path]) == new[file.path], file.path


TEXTS = some.text(alphabet=some.sampled_from("ab\n\r\t @-+\\\x1b"), max_size=40)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some.lists(some.tuples(TEXTS, TEXTS), min_size=8, max_size=8))
def test_hunks_rebuild_the_new_text(repository: str, pairs: list[tuple[str, str]]) -> None:
    old, new = ({str(at): pair[side] for at, pair in enumerate(pairs)} for side in (0, 1))
    for file in between(repository, old, new).files:
        assert rebuilt(file, old[file.path]) == new[file.path]


def test_hostile_names_come_through_exactly(repository: str) -> None:
    contents: dict[str, Content] = {name: f"{place}\n" for place, name in enumerate(NAMES)}
    found = between(repository, {"x": "x"}, {"x": "x"} | contents)
    assert {file.path: file.hunks[0].lines[0].text for file in found.files} == {
        name: str(place) for place, name in enumerate(NAMES)
    }


def test_attributes_of_the_tree_decide_nothing(repository: str) -> None:
    hiding = "* -diff binary -text diff=evil filter=evil\n"
    old = {".gitattributes": hiding, "agent.nix": "a\n", "info/attributes": hiding}
    found = between(repository, old, {**old, "agent.nix": "b\n"})
    assert (only(found).unshown, only(found).added) == ("", 1)
    commit_of = git.commit_of(repository, found.commit)
    git.git(repository, "update-ref", "refs/heads/main", commit_of)  # newer gits read it from HEAD
    assert diffs.difference(repository, found.base, found.commit) == found


def test_binary_huge_and_foreign_files_are_named_with_size_and_hash(repository: str) -> None:
    foreign = "1" * 40
    found = between(
        repository,
        {"b": BINARY, "h": "short\n"},
        {"b": BINARY + b"!", "h": "x\n" * 200_000, "s": (SUBMODULE, foreign)},
    )
    files = {file.path: file for file in found.files}
    assert files["b"].unshown == "binary" and files["b"].size == files["b"].old_size + 1
    assert files["h"].unshown == "more than 256 KiB" and files["h"].size == 400_000
    assert files["s"].unshown == "another repository's commit" and files["s"].blob == foreign
    assert not any(file.hunks for file in found.files)


def test_a_long_diff_ends_and_says_what_it_left_out_but_never_what_decides_most(
    repository: str,
) -> None:
    files: dict[str, Content] = {f"a{number}": f"{number}\n" * 25_000 for number in range(1, 20)}
    found = diffs.difference(repository, "", commit(repository, {**files, "agent.json": "{}\n"}))
    shown = [file.path for file in found.files if not file.unshown]
    assert shown[0] == "agent.json" and 5 < len(shown) < 20 and len(found.files) == 20
    assert {file.unshown for file in found.files} == {"", "the diff is long enough without it"}
    many: dict[str, Content] = {f"m{number}": "m" for number in range(250)}
    found = diffs.difference(repository, "", commit(repository, many))
    assert sum(not file.unshown for file in found.files) == diffs.FILES_SHOWN


def test_hunks_are_counted_not_guessed() -> None:
    patch = "diff --git a/x b/x\n@@ -1,2 +1,2 @@ @@ -9 +9 @@\n-@@ -1 +1 @@\n+@@ -7 +7 @@\n diff --git a/y b/y\n"
    assert [(len(hunk.lines), hunk.lines[2].text) for hunk in hunks(patch)] == [
        (3, "diff --git a/y b/y")
    ]
