"""Boxes that die under a real systemd: what is a crash, with which reason, what is none, and a loop that parks."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.dying_boxes import scene
from tests.support.people import Person
from tests.support.waiting import until, until_value

SETTINGS = {
    "mail": {"pause_first": 0.0, "pause_most": 0.0, "deliveries_most": 1},
    "crashes": {"loop_count": 3, "loop_seconds": 3600.0},
    "box": {"memory": "150M"},
}


@pytest.mark.disk
@pytest.mark.timeout(120)
def test_what_is_a_crash_and_what_is_none(ordinary_user: Person, short_path: Path) -> None:
    with scene(ordinary_user, short_path / "a", SETTINGS) as play:
        hive, db = play.hive, play.db
        # No crash: the operator's stop in mid-turn, a program in the box that eats all memory, a claude that
        # kills itself, the death of hive-turn, at which the box hangs up.
        turn = play.turn("be-held")
        hive.tool("hive-stop", "alice")
        assert play.ended(turn) in ("cancelled", "lost")  # box and hive-turn end at once
        hive.tool("hive-start", "alice")
        assert play.ended(play.turn("child-eats")) == "ok"
        assert play.ended(play.turn("kill-yourself")) == "lost"
        turn = play.turn("be-held")
        os.kill(hive.main_pid("hive-turn@alice.service"), signal.SIGKILL)
        assert play.ended(turn) == "lost"
        play.look()
        assert play.crashes() == [] and not os.path.exists(
            f"{hive.directory}/run/hyperhive/crashed"
        )

        turn = play.turn("be-held")
        play.kill_box()
        play.until_crash(turn, "it was killed by signal KILL")
        assert play.ended(turn) == "lost"
        heard = (
            "SELECT 1 FROM messages WHERE recipient = 'manager' AND body LIKE '%container_crash%'"
        )
        assert db.value(heard)
        assert "the box of alice crashed" in hive.tool("hive-status")
        play.turn("be well")
        until(lambda: "alice crashed" not in hive.tool("hive-status"), "well again")

        turn = play.turn("eat-all")
        play.until_crash(turn, "it ran out of memory, and the kernel killed it ([box] memory)")
        turn = play.turn("be-held")
        play.kill_box()
        until_value(db, "SELECT 1 FROM agents WHERE name = 'alice' AND parked_kind = 'crashing'")
        assert len(play.crashes()) == 3 and "the last of 3 crashes" in play.crashes()[-1]
        assert db.value("SELECT parked_until IS NULL FROM agents WHERE name = 'alice'")
        hive.tool("hive-start", "alice")
        assert play.ended(play.turn("be well")) == "ok"
        assert len(play.crashes()) == 3
