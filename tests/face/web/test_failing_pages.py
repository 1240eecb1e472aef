"""A page whose head has gone out says what went wrong after that."""

from collections.abc import Callable

import pytest

from hivelib.flow import mailing
from hivelib.flow.opening import Hive
from tests.support.browser import Browser, add


def rename(hive: Hive) -> None:
    with hive.db.write() as db:
        db.execute("ALTER TABLE messages RENAME TO others")


def damage(hive: Hive) -> None:
    hive.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    place = hive.db.value("SELECT rootpage - 1 FROM sqlite_schema WHERE name = 'messages'")
    size = hive.db.value("PRAGMA page_size")
    with open(hive.db.path, "r+b") as file:
        file.seek(place * size)
        file.write(b"\xff" * size)


@pytest.mark.parametrize(("harm", "words"), [(rename, "a bug"), (damage, "malformed")])
@pytest.mark.parametrize("path", ["/", "/agent/alice"])
def test_what_goes_wrong_while_a_page_is_made_is_said_in_it(
    inside: Browser, private_state: Hive, path: str, harm: Callable[[Hive], None], words: str
) -> None:
    add(private_state, "alice")
    mailing.send(private_state, mailing.SHELL, "alice", "hello")
    harm(private_state)
    told = inside.ask("GET", path).text
    assert "Not possible" in told and words in told
    assert told.startswith("<!doctype html>") and told.endswith("</html>")
    assert 'id="page"' not in told  # which the scripts would keep up to date
