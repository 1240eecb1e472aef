"""The newest lines of units, where log files take the journal's place."""

from pathlib import Path

from hivelib.host import journal
from hivelib.model.settings import Settings


def test_the_newest_lines_of_each_unit_carry_its_name(tmp_path: Path) -> None:
    (tmp_path / "hive-exec@alice.log").write_text("one\ntwo\nthree\n")
    (tmp_path / "hive-turn@alice.log").write_bytes(b"odd \xff\n")
    settings = Settings(log_dir=str(tmp_path))
    units = ["hive-exec@alice.service", "hive-turn@alice.service", "hive-door@alice.service"]
    assert journal.newest(settings, units, 2) == [
        "hive-exec@alice: two",
        "hive-exec@alice: three",
        "hive-turn@alice: odd \ufffd",
    ]


def test_of_a_big_log_only_the_end_is_read(tmp_path: Path) -> None:
    lines = [f"line {number} {'x' * 80}" for number in range(10_000)]
    (tmp_path / "u.log").write_text("\n".join(lines) + "\n")
    settings = Settings(log_dir=str(tmp_path))
    found = journal.newest(settings, ["u.service"], 100_000)
    assert found[-1] == f"u: {lines[-1]}" and len(found) < 4000
    assert found[0].startswith("u: line ")
