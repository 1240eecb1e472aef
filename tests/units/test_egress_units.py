"""The way out under a real private systemd, as an ordinary user: door, hand-off, hardening, idle exit, a kill."""

import json
import sys
from pathlib import Path

from tests.support.people import Person, Word
from tests.support.source import ROOT


def test_a_box_gets_out_through_the_real_units(ordinary_user: Person, short_path: Path) -> None:
    where = short_path / "hive"
    where.mkdir(mode=0o700)
    ordinary_user.own(where)
    argv: list[Word] = [
        sys.executable,
        "-m",
        "tests.support.egress_units",
        where,
        *ordinary_user.groups,
    ]
    done = ordinary_user.run(argv, {"PYTHONPATH": str(ROOT)}, seconds=100)
    saw = json.loads(done.stdout)
    assert saw.pop("guards") == ["0000000000000000", "1", "2"]
    assert saw.pop("result") == "success"
    # The killed one takes with it what it had not written yet: the second connection that was let through.
    assert saw.pop("counts") in ({"egress_allowed": n, "egress_refused": 1} for n in (2, 3))
    assert saw == {"first": "200", "refused": "451", "after_idling": "200", "after_a_kill": "200"}
