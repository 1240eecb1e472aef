"""How turns end, with a real database, real bells and the real hive-exec; claude is scripted, the manager a thread."""

import json
import os

import pytest

from hivelib.base import clock
from hivelib.flow import mailing, settling
from hivelib.flow.interrupting import interrupt
from hivelib.store import agents
from tests.support.turn_rig import RaiseTurns, TurnRig

STOP_STEP = "hivelib.flow.streaming.STOP_STEP"
END_MOST = "hivelib.flow.streaming.END_MOST"
FIRST_PAUSE = 5.0


def ended(hive: TurnRig, body: str, number: int = 1) -> str:
    """Sends alice a body and gives back the outcome of the turn of that number, once the loop has gone."""
    hive.send("alice", body)
    outcome = hive.until_ended(number).outcome
    hive.until_quiet("alice")
    assert outcome
    return outcome


def test_a_message_becomes_a_turn_and_is_acked(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    assert ended(hive, "DO ok") == "ok"
    turn = hive.until_ended(1)
    assert (turn.wake_source, turn.wake_message, turn.model) == ("operator", 1, "sonnet")
    assert (turn.input_tokens, turn.output_tokens, turn.cost_usd) == (40, 20, 0.25)
    assert (turn.cache_read_tokens, turn.cache_creation_tokens) == (4, 3)
    assert (turn.last_context_tokens, turn.context_window) == (755, 200000)
    assert turn.tools == '{"Bash": 1}'
    message = hive.message(1)
    assert (message.state, message.deliveries, message.claimed_by) == ("acked", 0, 1)
    assert hive.desks["alice"].turns.statuses[-1] == 0
    kinds = [row[0] for row in hive.hive.db.all("SELECT kind FROM events ORDER BY seq")]
    expected = ["sent", "turn_started", "claimed", "acked", "turn_ended", "usage_recorded"]
    assert kinds == expected


def test_the_second_turn_continues_the_session_of_the_first(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    assert ended(hive, "DO ok") == ended(hive, "DO ok", 2) == "ok"
    first, second = (run["argv"] for run in hive.desks["alice"].runs())
    session = hive.agent("alice").session_id
    assert first[first.index("--session-id") + 1] == second[second.index("--resume") + 1] == session
    assert hive.until_ended(2).session_id == session


def test_the_prompt_and_every_line_of_claude_are_in_the_transcript(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    assert ended(hive, "DO ok") == "ok"
    lines = [json.loads(line) for line in hive.transcript("alice").splitlines()]
    assert [line["type"] for line in lines] == [
        "user",
        "system",
        "assistant",
        "assistant",
        "result",
    ]
    assert lines[0]["message"]["content"] == hive.desks["alice"].prompts()[0]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("DO refuse", "failed"),
        ("DO crash", "failed"),
        ("DO away", "failed"),
        ("DO long", "prompt_too_long"),
        ("DO die", "lost"),
        ("DO boxdies", "lost"),
    ],
)
def test_what_does_not_end_well_comes_back_after_a_pause(
    raise_turns: RaiseTurns, body: str, outcome: str
) -> None:
    hive = raise_turns()
    before = clock.now()
    assert ended(hive, body) == outcome
    message = hive.message(1)
    assert (message.state, message.deliveries, message.claimed_by) == ("queued", 1, None)
    assert before + FIRST_PAUSE < message.not_before < clock.now() + FIRST_PAUSE
    assert not hive.agent("alice").parked
    assert hive.desks["alice"].turns.statuses[-1] == 0  # a failed turn is no fault of the unit


def test_the_next_delivery_says_that_it_is_one(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    assert ended(hive, "DO boxdies") == "lost"
    hive.due("alice")
    hive.until_ended(2)
    first, second = hive.desks["alice"].prompts()
    assert "REDELIVERED" not in first and "REDELIVERED: you were given this once" in second


def test_a_message_that_kills_every_turn_dies_and_blocks_nobody(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    poison = hive.send("alice", "DO die")
    hive.until_ended(1)
    good = hive.send("alice", "DO ok")
    assert hive.until_ended(2).outcome == "ok"
    for number in range(3, 7):
        hive.until_quiet("alice")
        hive.due("alice")
        assert hive.until_ended(number).outcome == "lost"
    hive.until_quiet("alice")
    assert (hive.message(poison).state, hive.message(poison).deliveries) == ("dead", 5)
    assert hive.message(good).state == "acked"
    assert [event["id"] for event in hive.events("died")] == [poison]
    assert f"hive-redeliver {poison}" in hive.told()[0]


def test_a_rate_limit_parks_until_the_time_that_the_stream_names(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    reset = int(clock.now()) + 5000
    hive.box_env["RESETS_AT"] = str(reset)
    assert ended(hive, "DO limit") == "rate_limited"
    agent, message = hive.agent("alice"), hive.message(1)
    assert (agent.parked_kind, agent.parked_until) == ("rate_limited", reset)
    assert (message.state, message.deliveries, message.not_before) == ("queued", 0, 0)
    assert "session limit" in hive.told()[0]
    assert ended_quietly(hive, "DO ok")  # parked: nothing begins


def ended_quietly(hive: TurnRig, body: str) -> bool:
    """Sends and sees that the loop starts, begins nothing and ends."""
    before = hive.desks["alice"].turns.starts
    number = hive.send("alice", body)
    hive.until_started("alice", before + 1)
    hive.until_quiet("alice")
    return hive.message(number).state == "queued"


@pytest.mark.parametrize("reset", [0, 8 * 86400])
def test_a_limit_without_a_time_to_believe_parks_for_ever_longer(
    raise_turns: RaiseTurns, reset: int
) -> None:
    hive = raise_turns()
    hive.box_env["RESETS_AT"] = str(int(clock.now()) + reset)
    for number, seconds in ((1, 300), (2, 600), (3, 1200)):
        before = clock.now()
        if number == 1:
            assert ended(hive, "DO limit") == "rate_limited"
        else:
            settling.unpark(hive.hive, "alice", "test")
            assert hive.until_ended(number).outcome == "rate_limited"
            hive.until_quiet("alice")
        until = hive.agent("alice").parked_until
        assert until and before + seconds < until < clock.now() + seconds


def test_a_login_that_does_not_work_parks_until_somebody_mends_it(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    assert ended(hive, "DO login") == "auth_failed"
    agent = hive.agent("alice")
    assert (agent.parked_kind, agent.parked_until, agent.needs_login) == ("auth_failed", None, 1)
    assert hive.message(1).deliveries == 0
    assert "hive-login alice" in hive.told()[0]
    with hive.hive.db.write() as db:
        db.execute("UPDATE messages SET body = 'DO ok'")
    settling.unpark(hive.hive, "alice", "operator")
    assert hive.until_ended(2).outcome == "ok"
    assert hive.agent("alice").needs_login == 0


def test_an_agent_that_talks_about_limits_is_not_limited(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    assert ended(hive, "DO tell") == "ok"
    assert not hive.agent("alice").parked


def test_an_outage_parks_instead_of_making_dead_letters(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    assert ended(hive, "DO away") == "failed"
    for number in (2, 3, 4):
        hive.due("alice")
        assert hive.until_ended(number).outcome == "failed"
        hive.until_quiet("alice")
        if number == 3:
            agent = hive.agent("alice")
            assert agent.parked_kind == "failing" and agent.parked_until
            assert agent.parked_until > clock.now() + 50
            settling.unpark(hive.hive, "alice", "test")
    assert hive.message(1).deliveries == 2  # the third and fourth were not counted
    assert "Unable to connect" in hive.told()[-1]


def test_without_a_claude_mail_waits_and_the_operator_is_told(raise_turns: RaiseTurns) -> None:
    hive = raise_turns(more="[claude]\n")
    assert ended(hive, "DO ok") == "failed"
    hive.until_quiet("alice")
    agent = hive.agent("alice")
    assert (agent.parked_kind, agent.parked_until) == ("failing", None)
    message = mailing.inbox(hive.hive, "operator", 1)[0]
    assert "no claude is set up" in message.body
    assert hive.desks["alice"].runs() == []


def test_a_box_that_is_not_there_loses_the_turn_and_then_parks(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    path = hive.hive.paths.socket("alice", "exec")
    os.rename(path, f"{path}.elsewhere")
    os.symlink(f"{path}.elsewhere", path)  # and a link in its place is not followed
    assert ended(hive, "DO ok") == "lost"
    assert "cannot be reached" in (hive.until_ended(1).note or "")
    for number in (2, 3):
        hive.due("alice")
        assert hive.until_ended(number).outcome == "lost"
        hive.until_quiet("alice")
    assert hive.agent("alice").parked_kind == "failing"
    assert hive.desks["alice"].runs() == []


@pytest.mark.parametrize("body", ["DO work", "DO deaf", "DO stubborn"])
def test_a_cancelled_turn_ends_politely_or_not(raise_turns: RaiseTurns, body: str) -> None:
    hive = raise_turns(at={STOP_STEP: 5.0 if body == "DO work" else 0.3})
    hive.send("alice", body)
    hive.until_said("alice", "at it")
    assert interrupt(hive.hive, mailing.SHELL, "alice") == (1, False)
    turn = hive.until_ended(1)
    hive.until_quiet("alice")
    assert (turn.outcome, hive.message(1).state) == ("cancelled", "queued")
    assert ("aborted_tools" in hive.transcript("alice")) is (body == "DO work")
    assert ended(hive, "DO ok", 2) == "ok"
    assert "--resume" in hive.desks["alice"].runs()[-1]["argv"]


def test_an_agent_that_is_stopped_in_mid_turn_is_cancelled(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    hive.send("alice", "DO work")
    hive.until_said("alice", "at it")
    with hive.hive.db.write() as db:
        agents.set_state(db, "alice", "stopped", clock.now())
    mailing.ring_inboxes(hive.hive, ["alice"])
    turn = hive.until_ended(1)
    assert (turn.outcome, turn.note) == ("cancelled", "the agent was stopped")


def test_a_loop_that_is_told_to_end_settles_its_turn_first(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    hive.send("alice", "DO stubborn")
    hive.until_said("alice", "at it")
    loop = hive.desks["alice"].turns.process
    assert loop
    loop.terminate()
    assert loop.wait(10) == 0
    assert hive.until_ended(1).outcome == "cancelled"
    assert hive.message(1).state == "queued"


def test_what_claude_leaves_in_the_background_does_not_keep_the_turn(
    raise_turns: RaiseTurns,
) -> None:
    hive = raise_turns(at={END_MOST: 0.3})
    assert ended(hive, "DO linger") == "ok"
    assert hive.message(1).state == "acked"


def test_garbage_from_the_box_is_kept_short_and_harms_nothing(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    assert ended(hive, "DO garbage") == "ok"
    turn = hive.until_ended(1)
    assert (turn.input_tokens, turn.output_tokens, turn.cost_usd) == (None, None, None)
    lines = hive.transcript("alice").splitlines()
    assert all(
        json.loads(line)["type"] for line in lines if "ud800" not in line and "[1]" not in line
    )
    assert max(map(len, lines)) < 3 << 20


def test_a_session_that_claude_does_not_know_is_replaced(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    with hive.hive.db.write() as db:
        agents.set_session(db, "alice", "11111111-1111-4111-8111-111111111111")
    assert ended(hive, "DO ok") == "ok"
    asked = [run["argv"] for run in hive.desks["alice"].runs()]
    assert ["--resume" in argv for argv in asked] == [True, False]
    assert hive.agent("alice").session_id in asked[1]
    assert hive.events("session_reset") == [{"by": "system"}]


def test_settings_that_claude_has_to_mend_cost_a_second_try(raise_turns: RaiseTurns) -> None:
    hive = raise_turns()
    (hive.desks["alice"].where / "corrupt").touch()
    assert ended(hive, "DO ok") == "ok"
    assert len(hive.desks["alice"].runs()) == 2
    assert "Configuration error" in hive.transcript("alice")
