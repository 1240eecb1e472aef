"""What an edit of hive.toml does without a systemd: what is kept as good, and what is told."""

import os
from pathlib import Path

import pytest

from hivelib.flow import reloading
from hivelib.flow.opening import Hive
from hivelib.store import events, warnings


@pytest.fixture
def config(hive: Hive, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hive's settings file, under the system's manager: there nothing is started again from here."""
    path = Path(hive.paths.state).parent / "hive.toml"
    path.write_text(path.read_text() + '[systemd]\nscope = "system"\n')
    monkeypatch.setenv("HIVE_CONFIG", str(path))
    reloading.keep_good(str(path))
    return path


def kinds(hive: Hive) -> list[str]:
    return [row.kind for row in events.latest(hive.db, 10)]


def test_a_right_edit_is_told_once_and_kept(hive: Hive, config: Path) -> None:
    good = Path(f"{config}.good")
    config.write_text(config.read_text().replace("pair_limit = 4", "pair_limit = 5"))
    assert good.read_text() != config.read_text() and reloading.unseen(hive)
    assert reloading.reload("bin") == "changed: mail.pair_limit"
    assert good.read_text() == config.read_text() and not reloading.unseen(hive)
    assert oct(os.stat(good).st_mode & 0o777) == "0o600"
    assert reloading.reload("bin") == "nothing has changed"
    assert kinds(hive) == ["settings_changed"]


def test_a_comment_is_no_change(hive: Hive, config: Path) -> None:
    config.write_text("# words\n" + config.read_text())
    assert reloading.reload("bin") == "nothing that counts has changed"
    assert kinds(hive) == [] and not reloading.unseen(hive)


def test_a_faulty_edit_is_told_once_and_cleared_by_the_next_right_one(
    hive: Hive, config: Path
) -> None:
    right = config.read_text()
    config.write_text(right + "[mail\n")
    for _ in range(2):
        assert "has faults" in reloading.reload("bin")
    ((name, _, why, mend),) = warnings.standing(hive.db)
    assert (name, mend) == ("settings", "hive-check-config") and str(config) in why
    assert Path(f"{config}.good").read_text() == right
    config.unlink()
    assert "no such file" in reloading.reload("bin")
    config.write_text(right)
    assert reloading.unseen(hive)  # also when systemd has missed that
    reloading.reload("bin")
    assert warnings.standing(hive.db) == [] and not reloading.unseen(hive)
    assert kinds(hive)[-1] == "warning_cleared"


def test_places_do_not_move_under_what_runs(hive: Hive, config: Path) -> None:
    config.write_text(config.read_text().replace("/log", "/logs"))
    assert "log_dir: what runs has the old places" in reloading.reload("bin")
    assert [mend for *_, mend in warnings.standing(hive.db)] == ["hive-down; hive-up"]
    assert "settings_changed" not in kinds(hive)


def test_faulty_settings_are_never_kept_as_good(config: Path) -> None:
    before = Path(f"{config}.good").read_text()
    config.write_text("[mail]\npair_limit = 0\n")
    reloading.keep_good(str(config))
    assert Path(f"{config}.good").read_text() == before
