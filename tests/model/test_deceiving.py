"""What an eye would not see is written out; what it sees well is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hivelib.model.deceiving import crowded, deceptions, name_deceives, seen, seen_name

ANY = some.text(alphabet=some.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    "line",
    [
        "plain",
        "Ärger mit 5 µs",
        "日本語 and 🐝",
        "שלום",
        "Привет, мир",
        "κόσμε",
        "naïve",
        "e\u0301",
    ],
)
def test_honest_text_stays_as_it_is(line: str) -> None:
    assert seen(line) == line and deceptions(line) == [] and seen(line, one_line=False) == line


@pytest.mark.parametrize(
    ("line", "shown", "said"),
    [
        ("a\x1b[2J", "a\\x1b[2J", "control"),
        ("a\rb", "a\\rb", "control"),
        ("\u202eabc", "\\u202eabc", "direction"),
        ("ad\u200bmin", "ad\\u200bmin", "invisible"),
        ("a\u3164b", "a\\u3164b", "invisible"),
        ("a\ufe0fb", "a\\ufe0fb", "invisible"),
        ("x\U000e0041", "x\\U000e0041", "invisible"),
        ("\u0430dmin", "\\u0430dmin", "look like Latin"),
        ("a\xa0b", "a\\xa0b", "odd blanks"),
        ("\ud800", "\\ud800", "invisible"),
        ("Z\u0335\u0336\u0337", "Z\u0335\\u0336\\u0337", "stacked"),
        ("\u0301x", "\\u0301x", "stacked"),
        ("caf\udce9", "caf\\xe9", "no UTF-8"),
        ("x = '\u05d0'", "x = '\\u05d0'", "right to left"),
    ],
)
def test_what_deceives_is_an_escape_and_is_named(line: str, shown: str, said: str) -> None:
    assert seen(line) == shown and said in "; ".join(deceptions(line))


def test_blanks_that_push_text_away_are_counted() -> None:
    line = "x = 1;" + " " * 300 + "evil()"
    assert crowded(line) == "x = 1;[300 blanks]evil()"
    assert deceptions(line) == ["text pushed out of sight by blanks"]
    assert crowded("    indented  text") == "    indented  text" and deceptions("a\r") == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\u0430gent.json", "\\u0430gent.json"),
        ("über", "\\xfcber"),
        ("a\nb", "a\\nb"),
        (" x ", "\\x20x\\x20"),
        ("  ", "\\x20\\x20"),
        ("b\udcff", "b\\xff"),
    ],
)
def test_a_files_name_is_plain_or_marked(name: str, shown: str) -> None:
    assert seen_name(name) == shown and name_deceives(name)
    assert not name_deceives("nix/agent-base.nix")


@given(ANY)
def test_nothing_unprintable_comes_through(text: str) -> None:
    assert seen(text).isprintable() and seen_name(text).isascii() and seen_name(text).isprintable()
    assert seen(text, one_line=False).replace("\t", "").isprintable()
    assert seen(text, one_line=False) == text or deceptions(text) or text.endswith("\r")
