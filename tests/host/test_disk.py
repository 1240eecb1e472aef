"""Counting what a box has written, which may not want to be counted."""

import os
from pathlib import Path

import pytest

from hivelib.host import disk


def test_files_and_directories_are_counted_and_links_are_not_followed(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    (mine / "a" / "b").mkdir(parents=True)
    other.mkdir()
    (mine / "a" / "b" / "file").write_bytes(b"x" * 1_000_000)
    (other / "file").write_bytes(b"x" * 5_000_000)
    (mine / "link").symlink_to(other)
    (mine / "loop").symlink_to(mine)
    os.mkfifo(mine / "fifo")
    used = disk.used_bytes((str(mine), str(tmp_path / "missing")), 10)
    assert 1_000_000 <= used < 1_200_000


def test_a_hole_counts_for_what_it_takes(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 40)
    assert disk.used_bytes((str(tmp_path),), 10) < 1 << 20


def test_a_look_ends_when_its_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1_000_000)
    assert disk.used_bytes((str(tmp_path),), 0) == 0


def test_directories_without_end_are_noticed(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(disk.DEPTH_MOST + 1):
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(disk.TooDeep):
        disk.used_bytes((str(tmp_path),), 10)
    assert len(os.listdir("/proc/self/fd")) == before


def test_free_room_is_what_the_file_system_says(tmp_path: Path) -> None:
    assert 0 < disk.free_bytes(str(tmp_path)) < 1 << 60


def test_whatever_a_box_left_is_removed_and_nothing_that_it_points_to(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").touch()
    left = tmp_path / "left"
    left.mkdir()
    (left / "link").symlink_to(other)
    (left / "dangling").symlink_to("nowhere")
    os.mkfifo(left / "fifo")
    (left / "shut").mkdir()
    (left / "shut" / "file").touch()
    (left / "shut").chmod(0)
    here = os.open(left, os.O_RDONLY)
    for _ in range(3000):  # deeper than a path can name and than Python's own stack
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    disk.remove(str(left))
    assert not left.exists() and (other / "file").exists()
    disk.remove(str(left))
