"""Leaving a box: lists as deployed, sums that add up, refusals that are seen at once, a log that cannot be filled."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivelib.base.bell import Listener
from hivelib.base.errors import HiveError
from hivelib.flow import leaving
from hivelib.flow.leaving import HOSTS_EACH, OTHERS, Tally
from hivelib.flow.opening import Hive
from hivelib.model.egress import parse_authority, permits
from hivelib.model.events import EgressRefused, Event
from hivelib.store import agents

NOW = 1_700_000_040.5


def deploy(hive: Hive, config: object) -> None:
    text = config if isinstance(config, str) else json.dumps(config)
    with hive.db.write() as db:
        if agents.get(db, "alice"):
            agents.set_config(db, "alice", text, NOW)
        else:
            agents.add(db, "alice", "agent", "bwrap", text, NOW)


def test_the_default_is_claude_and_a_change_counts_at_once(private_state: Hive) -> None:
    def reaches(target: str) -> bool:
        return permits(leaving.allowed(private_state, "alice"), parse_authority(target))

    assert not reaches("api.anthropic.com:443")  # there is no alice yet
    deploy(private_state, {})
    assert reaches("api.anthropic.com:443")
    assert not reaches("wiki.example:443")
    deploy(private_state, {"egress": ["wiki.example"]})
    assert not reaches("api.anthropic.com:443")
    assert reaches("wiki.example:443")
    deploy(private_state, {"egress": []})
    assert not reaches("wiki.example:443")
    with private_state.db.write() as db:
        agents.set_state(db, "alice", "destroyed", NOW)
    assert leaving.allowed(private_state, "alice") == ()


@pytest.mark.parametrize(
    "config", [{"egress": ["http://x"]}, {"egress": "claude"}, {"egress": [1]}, [], "{", '"x"', "7"]
)
def test_a_config_that_cannot_be_read_opens_nothing(private_state: Hive, config: object) -> None:
    deploy(private_state, config)
    with pytest.raises(HiveError, match="egress list of alice"):
        leaving.allowed(private_state, "alice")


def test_events_are_written_and_the_bell_rings(private_state: Hive) -> None:
    with Listener(private_state.paths.bell, "events") as listener:
        leaving.record(private_state, [])
        assert not listener.wait(0)
        told = Tally().note("alice", "evil.test:443", "not in the allow-list", NOW)
        assert told
        leaving.record(private_state, [told])
        assert listener.wait(0)
    kind, subject, payload = private_state.db.all("SELECT kind, subject, payload FROM events")[0]
    assert (kind, subject) == ("egress_refused", "alice")
    assert json.loads(payload) == {
        "host": "evil.test:443",
        "count": 1,
        "minute": 1_700_000_040,
        "why": "not in the allow-list",
    }


def test_the_first_refusal_of_each_minute_is_told_at_once_and_once() -> None:
    tally = Tally()
    assert tally.note("alice", "a:1", "no", NOW)
    assert not tally.note("alice", "a:1", "no", NOW + 1)
    assert tally.note("bob", "a:1", "no", NOW + 1)
    assert tally.note("alice", "b:1", "no", NOW + 1)
    assert not tally.note("alice", "c:1", None, NOW + 1)
    assert tally.note("alice", "a:1", "no", NOW + 60)
    assert tally
    assert [event.payload["count"] for event in tally.take()] == [1, 1]
    assert not tally
    assert tally.take() == []


CONNECTION = st.tuples(
    st.sampled_from(["alice", "bob"]),
    st.integers(0, 2 * HOSTS_EACH).map(lambda number: f"host{number}:443"),
    st.sampled_from([None, "not listed", "not public"]),
    st.integers(0, 70),
    st.booleans(),
)


@given(st.lists(CONNECTION, max_size=400))
def test_every_connection_is_counted_once_whenever_the_sums_are_taken(
    connections: list[tuple[str, str, str | None, int, bool]],
) -> None:
    tally = Tally()
    events: list[Event] = []
    wanted: Counter[tuple[str, bool]] = Counter()
    at = NOW
    for agent, host, why, later, take in connections:
        at += later / 10
        wanted[agent, why is None] += 1
        if told := tally.note(agent, host, why, at):
            events.append(told)
        if take:
            events += tally.take()
    events += tally.take()
    counted: Counter[tuple[str, bool]] = Counter()
    hosts: dict[tuple[str, int], set[str]] = {}
    for event in events:
        counted[event.subject, not isinstance(event, EgressRefused)] += event.payload["count"]
        hosts.setdefault((event.subject, event.payload["minute"]), set()).add(event.payload["host"])
    assert counted == wanted
    assert all(len(names - {OTHERS}) <= HOSTS_EACH for names in hosts.values())
