"""A box fills what it may write: it is parked, the operator is told, and everybody else goes on."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.intruder import Box
from tests.attacks.rig import DISK, Attacked

MEBIBYTE = 1 << 20


def fill(box: Box, place: str, files: int, size: int, hide: str) -> Any:
    """Fills a directory and, if told to, hides it from whoever counts."""
    top = f"{place}/full"
    os.makedirs(top)
    for number in range(files):
        with open(f"{top}/{number}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    with open(f"{top}/one more", "wb") as file:
        how = box.tried(os.posix_fallocate, file.fileno(), 0, 1 << 40)
        os.ftruncate(file.fileno(), 0)
    if hide == "closed":
        os.chmod(top, 0)
    if hide == "shut":
        os.chmod(place, 0o300)
    return how


def is_parked(attacked: Attacked, name: str, part: str) -> None:
    """Waits until an agent is parked for want of room and the operator has been told why, once."""
    attacked.hive.tool("hive-send", name, "one more turn")
    sql = "SELECT count(*) FROM events WHERE kind = 'agent_parked' AND subject = ?"
    attacked.hive.until_value(sql, name)
    (parked,) = attacked.events("agent_parked", name)
    assert parked["reason"] == "disk" and part in parked["why"], parked
    told = "SELECT body FROM messages WHERE recipient = 'operator' AND sender = 'system' AND body LIKE ?"
    ((body,),) = attacked.hive.db.all(told, f"{name} is parked%")
    assert f"hive-start {name}" in body
    line = attacked.told_once(f"hive-turn@{name}", f"hive-turn: {name}: parked until ")
    assert part in line and line.endswith("; its mail waits")


@pytest.mark.parametrize("hide", ["", "closed", "shut"])
def test_a_box_that_takes_more_than_its_share_is_parked(attacked: Attacked, hide: str) -> None:
    name = f"fat{hide}"
    attacked.spawn(name)
    size = DISK // 2 + MEBIBYTE
    how = attacked.attack(name, fill, place="/state", files=2, size=size, hide=hide)
    assert how == "OSError"  # no single file is larger than the share
    is_parked(attacked, name, "cannot be counted" if hide else "64 MiB are allowed")
    assert (
        attacked.attack("bob", fill, place="/shared", files=1, size=MEBIBYTE, hide="") == "OSError"
    )
    attacked.hive.person.run(
        ["sh", "-c", 'chmod -R u+rwx "$1"; rm -rf "$1"/full', "sh", attacked.state(name)]
    )
    attacked.hive.person.run(["rm", "-r", f"{attacked.hive.hive.paths.shared}/full"])
    attacked.hive.tool("hive-start", name)
    attacked.hive.until_value(
        "SELECT 1 FROM events WHERE kind = 'warning_cleared' AND subject = ?", name
    )
    attacked.hive.tool("hive-destroy", name)


def fill_and_stay(box: Box, size: int) -> Any:
    """Fills its own disk and does not end its turn."""
    for number in range(3):
        with open(f"/root/.claude/{number}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    time.sleep(300)


def test_a_turn_that_fills_the_disk_is_ended(attacked: Attacked) -> None:
    attacked.spawn("fatturn")
    turn = attacked.turn_of(attacked.begin("fatturn", fill_and_stay, size=DISK // 2))
    assert attacked.outcome(turn) == "failed"
    note = attacked.hive.db.value("SELECT note FROM turns WHERE id = ?", turn)
    assert "64 MiB are allowed" in note
    line = attacked.told_once("hive-turn@fatturn", f"fatturn: turn {turn} failed: ")
    assert line.endswith("64 MiB are allowed ([box] disk_bytes); its mail goes back")
    attacked.hive.tool("hive-destroy", "fatturn")


def test_what_is_kept_free_is_kept_free_whoever_filled_it(attacked: Attacked) -> None:
    """/shared belongs to nobody's share: there the free space alone is watched, and all that would write wait."""
    hive, config = attacked.hive, attacked.hive.directory / "hive.toml"
    text, free = config.read_text(), shutil.disk_usage(attacked.hive.directory).free
    attacked.spawn("fatshare")
    room = 512 * MEBIBYTE
    how = "free_bytes = "
    assert how not in text
    config.write_text(text.replace("[box]\n", f"[box]\n{how}{free - room // 2}\n"))
    try:
        assert (
            attacked.attack("fatshare", fill, place="/shared", files=8, size=room // 8, hide="")
            == "OSError"
        )
        is_parked(attacked, "fatshare", "are kept free")
        hive.tool("hive-send", "operator", "check", check=False)
        assert hive.unit("hive-broker.service") == "active"
    finally:
        config.write_text(text)
        shutil.rmtree(Path(hive.hive.paths.shared) / "full")
    hive.tool("hive-start", "fatshare")
    hive.until_value("SELECT 1 FROM events WHERE kind = 'warning_cleared' AND subject = 'fatshare'")
    hive.tool("hive-destroy", "fatshare")
