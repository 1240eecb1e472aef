"""When turns begin: brakes, room, slots, what a dead loop left, and that no ring is lost at its exit."""

import os
import resource
import signal
import subprocess
from pathlib import Path

from hivelib.base import bell, clock
from hivelib.flow import settling
from hivelib.store import turns
from tests.support.turn_rig import RaiseTurns, TurnRig
from tests.support.waiting import until

DISK_LOOK = "hivelib.flow.streaming.DISK_LOOK"


def rung_in_vain(hive: TurnRig, name: str, body: str) -> None:
    """Sends, and sees that the loop starts, begins nothing and ends."""
    starts, begun = hive.desks[name].turns.starts, hive.hive.db.value("SELECT count(*) FROM turns")
    number = hive.send(name, body)
    hive.until_started(name, starts + 1)
    hive.until_quiet(name)
    assert hive.message(number).state == "queued"
    assert hive.hive.db.value("SELECT count(*) FROM turns") == begun


def no_file_grows() -> None:
    """Makes every file system full for this process."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def asleep(pid: int) -> bool:
    """Whether a process waits for something."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_too_many_turns_in_an_hour_park_until_one_is_an_hour_old(raise_turns: RaiseTurns) -> None:
    hive = raise_turns(more="[turns]\nper_hour = 2\n")
    for number in (1, 2):
        hive.send("alice", "DO ok")
        hive.until_ended(number)
        hive.until_quiet("alice")
    rung_in_vain(hive, "alice", "DO ok")
    agent = hive.agent("alice")
    assert (agent.parked_kind, agent.parked_until) == (
        "brake",
        hive.until_ended(1).started_at + 3600,
    )
    assert len(hive.told()) == 1 and "per_hour" in hive.told()[0]


def test_a_parking_whose_time_is_over_holds_nobody(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    with hive.hive.db.write():
        settling.park(hive.hive, "alice", "operator", clock.now() - 1, "a short rest")
    hive.send("alice", "DO ok")
    assert hive.until_ended(1).outcome == "ok"
    assert hive.events("agent_unparked") == [{"reason": "operator", "by": "time"}]


def test_a_full_disk_parks_and_tells_once(raise_turns: RaiseTurns) -> None:
    hive = raise_turns(more=f"[box]\nfree_bytes = {2**60}\n")
    rung_in_vain(hive, "alice", "DO ok")
    agent = hive.agent("alice")
    assert (
        agent.parked_kind == "disk" and agent.parked_until and "kept free" in str(agent.parked_why)
    )
    settling.unpark(hive.hive, "alice", "test")
    until(lambda: hive.agent("alice").parked, "parked again")
    assert len(hive.told()) == 1 and len(hive.events("warning_raised")) == 1


def test_a_disk_without_room_for_a_row_is_sat_out(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    desk = hive.desks["alice"]
    desk.turns.stop()
    number = hive.send("alice", "DO ok")
    loop = hive.start_loop("alice", desk.fifo, preexec_fn=no_file_grows, stderr=subprocess.PIPE)
    assert loop.stderr and b"the disk answered with an error" in loop.stderr.readline()
    until(lambda: asleep(loop.pid), "it sleeps")  # it is not started again and again
    assert loop.poll() is None and hive.message(number).state == "queued"
    bell.ring(hive.hive.paths.bell, "turn.alice")
    assert loop.wait(10) == 75
    desk.restart_turns()
    bell.ring(hive.hive.paths.bell, "turn.alice")
    assert hive.until_ended(1).outcome == "ok"


def test_an_agent_that_takes_more_than_its_share_is_parked_until_there_is_room(
    raise_turns: RaiseTurns,
) -> None:
    hive = raise_turns(more="[box]\nfree_bytes = 1\ndisk_bytes = 1000000\n")
    state = hive.hive.paths.agent_state("alice")
    os.makedirs(state)
    with open(f"{state}/big", "wb") as file:
        file.write(b"x" * 2_000_000)
    rung_in_vain(hive, "alice", "DO ok")
    assert "disk_bytes" in str(hive.agent("alice").parked_why)
    os.unlink(f"{state}/big")
    settling.unpark(hive.hive, "alice", "operator")
    assert hive.until_ended(1).outcome == "ok"
    assert hive.events("warning_cleared") == [{"name": "disk:alice"}]


def test_a_turn_that_fills_its_share_is_stopped(raise_turns: RaiseTurns) -> None:
    more = "[box]\nfree_bytes = 1\ndisk_bytes = 1000000\n"
    hive = raise_turns(more=more, at={DISK_LOOK: 0.1})
    os.makedirs(hive.hive.paths.agent_state("alice"))
    hive.send("alice", "DO write")
    turn = hive.until_ended(1)
    assert turn.outcome == "failed" and "disk_bytes" in str(turn.note)
    assert hive.message(1).state == "queued"


def test_no_more_turns_run_than_there_are_slots(raise_turns: RaiseTurns) -> None:
    names = ("alice", "bob", "carol")
    hive = raise_turns(*names, more="[turns]\nat_once = 1\n")
    for name in names:
        hive.send(name, "DO wait")
    for _ in names:
        until(lambda: turns.running(hive.hive.db), "a turn")
        (running,) = turns.running(hive.hive.db)
        hive.until_said(running.agent, "waiting")
        for name in names:
            hive.until_started(name, 1)
        claimed = hive.hive.db.all("SELECT recipient FROM messages WHERE state = 'claimed'")
        assert claimed == [(running.agent,)]  # who waits holds nothing
        hive.desks[running.agent].open_gate()
        assert hive.until_ended(running.id).outcome == "ok"


def test_the_slot_of_a_killed_loop_is_free_at_once(raise_turns: RaiseTurns) -> None:
    hive = raise_turns("alice", "bob", more="[turns]\nat_once = 1\n")
    hive.send("alice", "DO wait")
    hive.until_said("alice", "waiting")
    hive.send("bob", "DO ok")
    hive.until_started("bob", 1)
    loop = hive.desks["alice"].turns.process
    assert loop
    loop.send_signal(signal.SIGKILL)
    assert hive.until_ended(2).outcome == "ok"


def test_what_a_killed_loop_left_is_lost_and_comes_back(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    hive.send("alice", "DO work")
    hive.until_said("alice", "at it")
    loop = hive.desks["alice"].turns.process
    assert loop
    loop.send_signal(signal.SIGKILL)
    turn = hive.until_ended(1)
    hive.until_quiet("alice")
    assert (turn.outcome, turn.note) == ("lost", "hive-turn died in it")
    assert (hive.message(1).state, hive.message(1).deliveries) == ("queued", 1)
    assert hive.desks["alice"].turns.statuses[-1] == 0


def test_a_second_loop_by_hand_leaves_it_to_the_first(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    hive.send("alice", "DO wait")
    hive.until_said("alice", "waiting")
    second = hive.start_loop("alice", stderr=subprocess.PIPE)
    said = second.communicate(timeout=20)[1]
    assert second.returncode == 75 and said.count(b"\n") == 1
    hive.desks["alice"].open_gate()
    assert hive.until_ended(1).outcome == "ok"


def test_a_loop_by_hand_does_the_same_work(raise_turns: RaiseTurns) -> None:
    hive = raise_turns("alice")
    hive.desks["alice"].turns.stop()
    hive.send("alice", "DO ok")
    assert hive.start_loop("alice").wait(20) == 0
    assert hive.message(1).state == "acked"
    hive.desks["alice"].restart_turns()


def test_an_unknown_agent_has_no_turns(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    loop = hive.start_loop("../alice", stderr=subprocess.PIPE)
    said = loop.communicate(timeout=20)[1]
    assert loop.returncode == 1 and b"no such agent" in said and said.count(b"\n") == 1


def test_no_byte_is_lost_that_is_rung_while_the_loop_ends(raise_turns: RaiseTurns) -> None:
    hive = raise_turns("alice", more="[turns]\nper_hour = 1000\n")
    numbers = []
    for _ in range(20):  # each is sent at the instant the last turn ends: around the last look
        numbers.append(hive.send("alice", "DO ok"))
        hive.until_ended(len(numbers))
    assert [hive.message(number).state for number in numbers] == ["acked"] * 20
    acked = [number for event in hive.events("acked") for number in event["ids"]]
    assert acked == numbers
    assert hive.desks["alice"].turns.starts > 5  # it did end in between


def test_a_transcript_that_somebody_died_over_is_made_whole(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    open(hive.hive.paths.transcript("alice"), "w").close()
    assert hive.transcript("alice") == ""
    hive.send("alice", "DO ok")
    assert hive.until_ended(1).outcome == "ok"
    assert "all done" in hive.transcript("alice")
