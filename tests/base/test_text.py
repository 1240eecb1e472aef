"""Text of others never steers a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hivelib.base.text import shortened, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb\x08\x7f\0", "a\\rb\\x08\\x7f\\x00"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\u2028", "\\u2028"),
        ("\udcff", "\\udcff"),
        ("Ärger 日本 🐝", "Ärger 日本 🐝"),
    ],
)
def test_control_and_direction_are_shown_and_words_are_left(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(some.text(alphabet=some.characters(exclude_categories=[])))
def test_nothing_unprintable_comes_through(text: str) -> None:
    assert visible(text, one_line=True).isprintable()
    assert all(char.isprintable() or char in "\n\t" for char in visible(text))


@given(some.text(alphabet=some.characters(exclude_categories=[])), some.integers(1, 50))
def test_shortened_is_one_line_that_fits(text: str, width: int) -> None:
    line = shortened(text, width)
    assert len(line) <= width and line.isprintable()


def test_what_was_cut_says_so() -> None:
    assert shortened("abcdef", 4) == "abc…" and shortened("abcd", 4) == "abcd"
