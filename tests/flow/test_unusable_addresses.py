"""A file of addresses that cannot be used, or that is not needed: said in a line, and where the operator looks."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hivelib.base.errors import Refused
from hivelib.flow import notifying
from hivelib.flow.opening import Hive
from hivelib.host import apprising
from hivelib.store import warnings
from tests.support.receiver import telling


def standing(hive: Hive) -> list[str]:
    return [name for name, *_ in warnings.standing(hive.db)]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.chmod(0o640), "others can read"),
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_text("# nobody\n"), "has no address"),
        (lambda path: path.write_bytes(b"\xff"), "is not UTF-8"),
        (lambda path: path.write_text("x" * 70000), "more than 65536 bytes"),
        (lambda path: (path.unlink(), os.mkfifo(path, 0o600)), "no plain file"),
    ],
    ids=["mode", "missing", "empty", "bytes", "long", "fifo"],
)
def test_a_file_that_cannot_be_used_is_said_in_a_line_and_a_warning(
    hive: Hive, spoil: Callable[[Path], object], words: str
) -> None:
    hive = telling(hive, "json://127.0.0.1:1")
    spoil(Path(hive.settings.notify.urls_file))
    with pytest.raises(Refused, match=words):
        notifying.serve(hive)
    assert standing(hive) == ["notify:settings"]


def test_what_systemd_hands_over_goes_before_the_file(
    hive: Hive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notify-urls").write_text("json://127.0.0.1:9/handed\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert apprising.addresses(hive.settings)[0].url == "json://127.0.0.1:9/handed"


def test_without_apprise_it_says_what_to_install(
    hive: Hive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Refused, match="hive-up"):
        notifying.serve(telling(hive, "json://127.0.0.1:1"))
    assert standing(hive) == ["notify:settings"]
