"""Rules over the entries of a proposed tree."""

import pytest

from hivelib.model.vetting import Entry, faults_of_tree, shown, why_not_link, why_not_path

GOOD = [Entry(name, "100644", "blob", 10) for name in ("flake.nix", "agent.nix", "agent.json")]


def faults(*more: Entry) -> list[str]:
    return list(faults_of_tree([*GOOD, *more], 10, 1100))


def test_a_plain_tree_is_fine() -> None:
    more = [Entry("a b/ünïcode-✓.nix", "100755", "blob", 1), Entry("a b", "040000", "tree", 0)]
    assert faults(*more) == []


def test_what_is_missing_is_named() -> None:
    assert [fault.split()[0] for fault in faults_of_tree([], 10, 10)] == [
        "flake.nix",
        "agent.nix",
        "agent.json",
    ]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (Entry("m", "160000", "commit", 0), "m: a submodule"),
        (Entry("m", "100664", "blob", 0), "m: mode 100664"),
        (Entry("m", "040000", "blob", 0), "m: mode 040000"),
        (Entry("m", "120000", "blob", 1025), "m: a link with an endless target"),
        (Entry("m", "100644", "blob", 2000), "the files have 2030 bytes, 1100 are allowed"),
        (Entry("x\x1b[2J", "100644", "blob", 0), "x\\x1b[2J: the name has control"),
        (Entry("/".join("a" * 30), "100644", "blob", 0), "more than 20 directories deep"),
        (Entry("a//b", "100644", "blob", 0), "no name for a file"),
    ],
)
def test_a_fault_says_where_and_why(entry: Entry, why: str) -> None:
    (fault,) = faults(entry)
    assert why in fault and fault.isprintable() and ";" in fault


def test_too_many_files_end_the_look() -> None:
    more = [Entry(f"n{number}", "100644", "blob", 0) for number in range(20)]
    assert faults(*more) == ["the tree has over 10 files; keep it small"]


@pytest.mark.parametrize(
    "path", ["a/../b", "./a", "a/.GIT/config", ".gitmodules", "x/.gitattributes", "a\u2066"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    assert why_not_path(path)


@pytest.mark.parametrize("target", ["x", "deep/x", "../x", "../../x", "./x"])
def test_a_link_may_stay_in_the_tree(target: str) -> None:
    assert why_not_link("a/b/link", target) is None


@pytest.mark.parametrize(
    "target", ["", "/x", "../../../x", "x/../y", "../x/../../y", "x\n", ".git/x"]
)
def test_a_link_may_not_leave_it(target: str) -> None:
    assert why_not_link("a/b/link", target)


def test_a_long_name_is_cut() -> None:
    assert shown("n" * 500) == "n" * 119 + "…"
