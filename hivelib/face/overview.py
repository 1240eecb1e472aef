"""The state of the hive as hive-status and hive-agents show it."""

from collections.abc import Mapping
from typing import Any

from hivelib.base import clock
from hivelib.face import fields
from hivelib.face.tables import table
from hivelib.flow.showing import Status
from hivelib.flow.tombstones import shown

AGENT_HEADS = ("NAME", "STATE", "TURN", "QUEUED", "PARKED")
TOMBSTONE_HEADS = ("NAME", "SIZE", "DESTROYED", "LOGIN")
JOB_HEADS = ("JOB", "TO DO", "AGENT", "STATE", "QUEUED", "STEP")
TURN_HEADS = ("TURN", "AGENT", "STARTED", "OUTCOME", "USD", "NOTE")
DEAD_HEADS = ("DEAD", "FROM", "TO", "SENT", "BODY")


def agent_cells(agent: Mapping[str, Any]) -> list[object]:
    """A line of the table under AGENT_HEADS, from the fields of AGENT."""
    return [
        agent["name"],
        agent["transient"] or agent["state"],
        agent["turn"],
        agent["queued"],
        _parked(agent) or ("needs a login" if agent["needs_login"] else ""),
    ]


def tombstone_cells(tombstone: Mapping[str, Any]) -> list[object]:
    """A line of the table under TOMBSTONE_HEADS, from the fields of TOMBSTONE."""
    size = "not countable" if tombstone["bytes"] is None else shown(tombstone["bytes"])
    login = "has a login" if tombstone["login"] else ""
    return [tombstone["name"], size, clock.local(tombstone["destroyed_at"]), login]


def _parked(agent: Mapping[str, Any]) -> str:
    if agent["parked"] is None:
        return ""
    until = f"until {clock.local(agent['parked_until'])}" if agent["parked_until"] else "until told"
    return f"{agent['parked']}, {until}: {agent['parked_why']}"


def status_data(status: Status) -> dict[str, Any]:
    """What `hive-status --json` gives out."""
    return {
        "running": status.running,
        "agents": [fields.of_agent(*row) for row in status.agents],
        "turns": [fields.of_turn(turn) for turn in status.turns],
        "jobs": [fields.of_job(job) for job in status.jobs],
        "pending": status.pending,
        "questions": status.questions,
        "unread": status.unread,
        "dead": [fields.of_message(message) for message in status.dead],
        "warnings": [
            {"name": name, "since": since, "why": why, "mend": mend}
            for name, since, why, mend in status.warnings
        ],
        "failed_units": status.failed_units,
    }


def status_page(status: Status) -> str:
    """The same for people: a few headed tables, none of them empty."""
    data = status_data(status)
    running = {True: "the hive runs", False: "the hive is down: hive-up", None: "systemd is silent"}
    mail = f"{status.unread} unread for you" if status.unread else "no mail for you"
    first = f"{running[status.running]}, {mail}"
    if status.pending:
        first += f", {status.pending} to decide: hive-pending"
    if status.questions:
        first += f", {status.questions} to answer: hive-questions"
    parts = [first]
    if data["agents"]:
        parts.append(table(AGENT_HEADS, [agent_cells(agent) for agent in data["agents"]]))
    if data["turns"]:
        parts.append(table(TURN_HEADS, [_turn_cells(turn) for turn in data["turns"]]))
    if data["jobs"]:
        parts.append(table(JOB_HEADS, [_job_cells(job) for job in data["jobs"]]))
    if data["dead"]:
        parts.append(table(DEAD_HEADS, [_dead_cells(message) for message in data["dead"]]))
    if data["warnings"]:
        rows = [
            (clock.local(warning["since"]), warning["mend"], warning["why"])
            for warning in data["warnings"]
        ]
        parts.append(table(("WARNED", "MEND", "WHY"), rows))
    if status.failed_units:
        parts.append(table(("FAILED",), [(unit,) for unit in status.failed_units]))
    return "\n\n".join(parts)


def _turn_cells(turn: Mapping[str, Any]) -> list[object]:
    cost = turn["cost_usd"]
    cost = f"{cost:.4f}" if isinstance(cost, float) else cost
    started = clock.local(turn["started_at"])
    return [turn["id"], turn["agent"], started, turn["outcome"] or "runs", cost, turn["note"]]


def _job_cells(job: Mapping[str, Any]) -> list[object]:
    queued = clock.local(job["queued_at"])
    return [job["id"], job["kind"], job["agent"], job["state"], queued, job["progress"]]


def _dead_cells(message: Mapping[str, Any]) -> list[object]:
    sent = clock.local(message["sent_at"])
    return [message["id"], message["sender"], message["recipient"], sent, message["body"]]
