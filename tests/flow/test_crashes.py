"""The crash watch on rows and notes: what it tells, whom, how often, and what it leaves alone."""

import json
import os

import pytest

from hivelib.base import bell, clock
from hivelib.flow import crashes, jobs, settling
from hivelib.flow.opening import Hive
from hivelib.flow.rendering import revision
from hivelib.flow.settling import Outcome
from hivelib.host import crash_notes
from hivelib.model.crashing import NOT_STARTED
from hivelib.model.records import Turn
from hivelib.store import agents, events, mail, turns, warnings
from hivelib.store import jobs as job_rows
from tests.support.residents import begin_turn


def begin(hive: Hive, name: str = "alice") -> Turn:
    """A turn of the agent as it is now."""
    turn = begin_turn(hive, name)
    with hive.db.write() as db:
        number = "SELECT incarnation FROM agents WHERE name = turns.agent"
        db.execute(f"UPDATE turns SET incarnation = ({number}) WHERE id = ?", (turn.id,))
    return turn


def lose(hive: Hive, name: str = "alice", why: str = "the box ended in mid-turn") -> Turn:
    """A turn that is lost, as hive-turn ends it."""
    turn = begin(hive, name)
    settling.end_turn(hive, turn, Outcome("lost", why))
    return turn


def leave(hive: Hive, name: str = "alice", key: str = "1", status: str = "KILL") -> None:
    """What systemd says of its box."""
    crash_notes.leave(hive.paths, name, key, "killed", status, 0)


def told(hive: Hive) -> list[tuple[str, str]]:
    """Every crash that was told: whose, and the reason."""
    rows = events.latest(hive.db, 100, kind="container_crash")
    return [(row.subject, json.loads(row.payload)["note"]) for row in rows]


def bodies(hive: Hive, name: str) -> list[str]:
    return [message.body for message in mail.peek(hive.db, name, 100)]


def notes(hive: Hive) -> list[str]:
    return os.listdir(hive.paths.crashed)


def test_a_death_in_mid_turn_is_told_once_with_its_reason(hive: Hive) -> None:
    turn = lose(hive)
    leave(hive)
    with bell.listening(hive.paths.bell, "turn.manager", "turn.alice") as (manager, alice):
        assert crashes.tell_crashes(hive) is False
        assert manager.wait(0) and not alice.wait(0)
    why = f"in turn {turn.id} it was killed by signal KILL"
    assert told(hive) == [("alice", why)] and notes(hive) == []
    (body,) = bodies(hive, "manager")
    assert json.loads(body) == {"event": "container_crash", "agent": "alice", "note": why}
    ((name, _, what, mend),) = warnings.standing(hive.db)
    assert (name, mend) == ("crashed:alice", "hive-logs alice") and why in what
    crashes.tell_crashes(hive)
    assert len(told(hive)) == 1


def test_one_that_dies_between_its_commit_and_the_note_tells_nothing_twice(hive: Hive) -> None:
    lose(hive)
    for key in "12":  # a box that is killed, and the next one for the same turn
        leave(hive, key=key)
    kept = {name: os.stat(f"{hive.paths.crashed}/{name}") for name in notes(hive)}
    crashes.tell_crashes(hive)
    for name, stat in kept.items():
        leave(hive, key=name.partition(".")[2])
        os.utime(f"{hive.paths.crashed}/{name}", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    crashes.tell_crashes(hive)
    assert len(told(hive)) == 1 and notes(hive) == []


def test_the_word_of_systemd_waits_for_the_end_of_the_turn(hive: Hive) -> None:
    turn = begin(hive)
    leave(hive)
    assert crashes.tell_crashes(hive) is True and told(hive) == [] and len(notes(hive)) == 1
    settling.end_turn(hive, turn, Outcome("lost", "hive-turn died in it"))
    assert crashes.tell_crashes(hive) is False and len(told(hive)) == 1


@pytest.mark.parametrize("kind", ["ok", "cancelled", "failed"])
def test_a_turn_that_ended_otherwise_lost_no_box(hive: Hive, kind: str) -> None:
    settling.end_turn(hive, begin_turn(hive, "alice"), Outcome(kind, ""))
    leave(hive)
    crashes.tell_crashes(hive)
    assert told(hive) == [] and notes(hive) == []


def test_a_lost_turn_of_which_systemd_says_nothing_bad_is_no_crash(hive: Hive) -> None:
    lose(
        hive
    )  # hive-down, a restart of the user's manager, hive-turn killed: the unit ends well, or nobody is asked
    crashes.tell_crashes(hive)
    crashes.look(hive)
    assert told(hive) == []


def test_a_box_that_never_worked_is_for_the_parking_as_failing(hive: Hive) -> None:
    lose(hive, why=f"{NOT_STARTED}: no room")
    leave(hive)
    crashes.tell_crashes(hive)
    assert told(hive) == [] and notes(hive) == []


def test_what_a_running_job_ends_is_no_crash(hive: Hive) -> None:
    job = jobs.ask(hive, "stop", "alice", "operator")
    with hive.db.write() as db:
        job_rows.begin(db, job, clock.now())
    lose(hive)
    leave(hive, status="TERM")
    crashes.tell_crashes(hive)
    assert told(hive) == [] and notes(hive) == []


def test_a_kill_is_a_crash_also_while_a_deploy_builds(hive: Hive) -> None:
    job = jobs.ask(hive, "deploy", "alice", "operator")
    with hive.db.write() as db:
        job_rows.begin(db, job, clock.now())
    crash(hive, "1")
    assert len(told(hive)) == 1


def test_a_stopped_agent_did_not_crash(hive: Hive) -> None:
    crashes.look(hive)
    lose(hive)
    leave(hive)
    with hive.db.write() as db:
        agents.set_state(db, "alice", "stopped", clock.now())
    crashes.tell_crashes(hive)
    crashes.look(hive)
    assert told(hive) == []


def test_the_manager_hears_of_its_own_crash_from_nobody_and_the_operator_does(hive: Hive) -> None:
    lose(hive, "manager")
    leave(hive, "manager")
    crashes.tell_crashes(hive)
    assert len(told(hive)) == 1 and bodies(hive, "manager") == []
    assert [name for name, *_ in warnings.standing(hive.db)] == ["crashed:manager"]


@pytest.mark.parametrize("name", ["nobody.1", "alice", ".alice.1", "../x.1", "alice.2"])
def test_a_note_that_is_none_is_left_or_dropped(hive: Hive, name: str) -> None:
    os.makedirs(hive.paths.crashed)
    with open(f"{hive.paths.crashed}/{os.path.basename(name)}", "w") as file:
        file.write("signal killed\n")
    lose(hive)
    crashes.tell_crashes(hive)
    assert told(hive) == []


def crash(hive: Hive, key: str) -> None:
    lose(hive)
    leave(hive, key=key)
    crashes.tell_crashes(hive)


def test_a_crash_loop_parks_with_the_last_lines_until_the_operator_says_so(hive: Hive) -> None:
    os.makedirs(hive.paths.log, exist_ok=True)
    with open(hive.paths.unit_log("hive-exec@alice"), "w") as file:
        file.write("\x1b[2Jboom\n" + "x" * 9000 + "\nthe very end\n")
    for key in "12":
        crash(hive, key)
        found = agents.get(hive.db, "alice")
        assert found and not found.parked
    crash(hive, "3")
    found = agents.get(hive.db, "alice")
    assert found and (found.parked_kind, found.parked_until) == ("crashing", None)
    why = found.parked_why or ""
    assert "\x1b" not in why and len(why) < 1500
    assert "the very end" in why and "signal KILL" in why
    assert any("hive-start alice" in body for body in bodies(hive, "operator"))
    settling.unpark(hive, "alice", "operator")
    assert warnings.standing(hive.db) == []
    crash(hive, "4")  # the count begins anew
    found = agents.get(hive.db, "alice")
    assert found and not found.parked and len(told(hive)) == 4


def test_crashes_far_apart_are_no_loop(hive: Hive) -> None:
    hive = hive._replace(
        settings=hive.settings._replace(crashes=hive.settings.crashes._replace(loop_seconds=1e-9))
    )
    for key in "1234":
        crash(hive, key)
    found = agents.get(hive.db, "alice")
    assert found and not found.parked and len(told(hive)) == 4


def test_the_next_good_turn_clears_the_warning(hive: Hive) -> None:
    crash(hive, "1")
    assert warnings.standing(hive.db)
    settling.end_turn(hive, begin_turn(hive, "alice"), Outcome("ok", ""))
    assert warnings.standing(hive.db) == []


def test_a_login_is_told_once_to_the_manager_whoever_sees_it(hive: Hive) -> None:
    crashes.look(hive)
    for outcome in ("auth_failed", "auth_failed", "ok", "ok"):
        settling.end_turn(hive, begin_turn(hive, "alice"), Outcome(outcome, ""))
        crashes.look(hive)
    kinds = [json.loads(body)["event"] for body in bodies(hive, "manager")]
    assert kinds == ["needs_login", "logged_in"]


def test_what_changed_while_nobody_looked_is_told(hive: Hive) -> None:
    with hive.db.write() as db:
        db.execute("UPDATE agents SET revision = ?", (revision(),))
    crashes.look(hive)
    with hive.db.write() as db:  # as another program does, or a restored copy has it
        agents.set_needs_login(db, "bob", True)
        db.execute("UPDATE agents SET revision = 'older' WHERE name = 'alice'")
    crashes.look(hive)
    crashes.look(hive)
    heard = [json.loads(body) for body in bodies(hive, "manager")]
    assert [(one["event"], one["agent"]) for one in heard] == [
        ("needs_update", "alice"),
        ("needs_login", "bob"),
    ]


def test_what_was_looked_at_and_is_gone_is_forgotten(hive: Hive) -> None:
    crash(hive, "1")
    with hive.db.write() as db:
        agents.set_state(db, "alice", "destroyed", clock.now())
    crashes.look(hive)
    assert warnings.standing(hive.db) == []
    assert hive.db.value("SELECT count(*) FROM looks WHERE agent = 'alice'") == 0
    assert turns.latest(hive.db, "alice", 1)
