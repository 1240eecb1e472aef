"""Single keys of hive.toml are changed, and what its owner wrote around them stays."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivelib.base.errors import Misuse
from hivelib.base.toml import Value, changed

OWNERS = """# mine
state_dir = "/a"  # here

[web]   # the page
port = 7000

# what it costs
[turns]
per_hour = 9
"""


def test_a_missing_key_goes_where_it_belongs() -> None:
    text = changed(OWNERS, {"web.extra": 1, "log_dir": "/l", "claude.path": "/c"}, keep=True)
    expected = OWNERS.replace("# here\n", '# here\nlog_dir = "/l"\n')
    expected = expected.replace("7000\n", "7000\nextra = 1\n")
    assert text == expected + '\n[claude]\npath = "/c"\n'


def test_a_file_of_comments_keeps_its_beginning() -> None:
    assert changed("# mine\n", {"log_dir": "/l"}, keep=True) == '# mine\nlog_dir = "/l"\n'
    text = changed("# mine\n\n[web]\n# port = 1\n", {"log_dir": "/l", "web.port": 2}, keep=True)
    assert text == '# mine\n\nlog_dir = "/l"\n[web]\n# port = 1\nport = 2\n'


def test_a_key_that_is_there_is_kept_or_changed() -> None:
    assert changed(OWNERS, {"web.port": 1, "state_dir": "/b"}, keep=True) == OWNERS
    text = changed(OWNERS, {"web.port": 7001}, keep=False)
    assert text == OWNERS.replace("7000", "7001")


def test_what_is_not_understood_is_left_to_its_owner() -> None:
    with pytest.raises(Misuse, match=r"web\.port"):
        changed("web = { port = 1 }\n", {"web.port": 2}, keep=False)


KEYS = st.sampled_from(["state_dir", "web.port", "claude.path", "claude.demo", "mail.pause_first"])
VALUES = st.one_of(st.text(), st.integers(-(2**62), 2**62), st.booleans())


@given(values=st.dictionaries(KEYS, VALUES))
def test_what_was_set_is_read_back_and_nothing_else_changes(values: dict[str, Value]) -> None:
    before = tomllib.loads(OWNERS)
    after = tomllib.loads(changed(OWNERS, values, keep=False))
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        assert (after[table] if table else after)[name] == value
        (before.setdefault(table, {}) if table else before)[name] = value
    assert after == before
