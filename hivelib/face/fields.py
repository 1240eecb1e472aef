"""The JSON that several tools give out: what each field means, and how a record becomes one object of them."""

import json
from typing import Any

from hivelib.base import clock
from hivelib.base.errors import HiveError
from hivelib.model.diffs import ChangedFile
from hivelib.model.records import (
    Agent,
    Approval,
    Broken,
    EventRow,
    Job,
    Line,
    Message,
    Question,
    Turn,
)
from hivelib.model.schedules import KIND

_DEEP = 500
"""Brackets from which on a hostile line might be nested too deeply to be written again."""

RECEIVED = {
    "id": "the message",
    "sender": "who sent it (NAME/LABEL: a script in NAME's box)",
    "body": "its text",
    "sent_at": "UTC seconds",
    "in_reply_to": "the message it answers, or null",
    "broadcast": "whether others got it too",
    "redelivered": "whether it was shown or delivered before",
}

MESSAGE = {
    "id": "the message",
    "sender": "who sent it",
    "recipient": "whose inbox it is in",
    "body": "its text",
    "lane": "normal or urgent",
    "state": "queued, claimed, acked or dead",
    "sent_at": "UTC seconds",
    "in_reply_to": "the message it answers, or null",
    "broadcast_id": "the broadcast it belongs to, or null",
    "claimed_by": "the turn that took it, or null",
    "deliveries": "how often it was delivered in vain",
    "not_before": "UTC seconds before which it is not delivered",
    "acked_at": "UTC seconds, or null",
}

AGENT = {
    "name": "the agent",
    "role": "agent or manager",
    "state": "running, stopped or destroyed",
    "transient": "what it is becoming: spawning, starting, stopping, restarting, rebuilding, destroying, or null",
    "parked": "null, or why it has no turns now: rate_limited, auth_failed, brake, disk, failing, crashing, operator",
    "parked_until": "UTC seconds, null: until told",
    "parked_why": "words, or null",
    "needs_login": "whether its login does not work",
    "model": "its own model, or null",
    "backend": "kind of box",
    "incarnation": "a number that no agent had before",
    "queued": "messages in its inbox",
    "claimed": "messages that its turn holds",
    "turn": "the turn that runs now, or null",
    "created_at": "UTC seconds",
}

TOMBSTONE = {
    "name": "the agent",
    "bytes": "what it left on the disk, as far as it was counted within 5 s; null: it cannot be counted",
    "destroyed_at": "UTC seconds",
    "login": "whether its login is there still",
    "incarnation": "a number that no agent had before",
}

JOB = {
    "id": "its number",
    "kind": "what is done",
    "agent": "to whom",
    "lane": "which worker does it",
    "state": "queued or running",
    "by": "who asked",
    "approval": "for which, or null",
    "queued_at": "UTC seconds",
    "started_at": "UTC seconds, or null",
    "progress": "its last step in words, or why it waits",
}

TURN = {
    "id": "its number",
    "agent": "whose",
    "started_at": "UTC seconds",
    "ended_at": "UTC seconds, or null while it runs",
    "outcome": "ok, failed, prompt_too_long, rate_limited, auth_failed, cancelled, lost, or null",
    "note": "words, or null",
    "wake_source": "who woke it, or null",
    "wake_message": "with which message, or null",
    "cost_usd": "as claude reckons it, or null",
}

EVENT = {
    "seq": "its number, in the order of commits",
    "at": "UTC seconds",
    "kind": "what happened (docs/events.md)",
    "subject": "the agent, or what it is about",
    "payload": "the fields of its kind",
}

APPROVAL = {
    "id": "the approval",
    "kind": "init_config, apply_commit, spawn or schedule",
    "agent": "whom it is about",
    "status": "submitting, pending, approved, building, activating, deployed, failed, denied, expired or superseded",
    "description": "why, in the words of who asked",
    "commit_ref": "what was asked for",
    "fetched_sha": "the commit that was fetched and is decided about, empty while there is none; of a schedule the "
    "digest of its text",
    "lock_hash": "SHA-256 of its flake.lock, empty when it has none",
    "base": "the commit that ran when it was last looked at, empty when none did",
    "requested_by": "who asked",
    "requested_at": "UTC seconds",
    "expires_at": "UTC seconds after which it cannot be approved",
    "decided_at": "UTC seconds, or null",
    "decided_by": "login name, or null",
    "decided_uid": "the kernel's number of who decided, or null",
    "surface": "shell or web, or null",
    "note": "why it was denied or failed",
    "resolved_at": "UTC seconds, null while it is not over",
    "tag": "the tag in applied that says how it ended, or empty",
    "schedule": "of a schedule its message, every (seconds or null), calendar, file_path and next (its first three "
    "times, UTC seconds, while it is pending), null where it cannot be read; null of another kind",
}

SHOWN = {
    **APPROVAL,
    "against": "running, approved or previous",
    "against_sha": "the commit that it is compared with, empty: with nothing",
    "moved": "whether base moved since the look before this one",
    "obstacle": "why it cannot be approved as it is, or empty",
    "words": "what the change of agent.json means, or what is scheduled; a list",
    "cautions": "what must not be overlooked: severity (danger, care, note) and words",
    "files": "each file: status, path, old_path, mode, old_mode, blob, old_blob, size, old_size, added, deleted and "
    "unshown (why its text is not in diff, or empty)",
    "diff": "the text of the diff, made safe, null with --stat",
}

QUESTION = {
    "id": "the question",
    "asker": "who asked",
    "target": "operator, or the agent that was asked",
    "question": "its words",
    "options": "the answers that are offered, a list; any other is allowed",
    "multi": "whether several may be chosen",
    "asked_at": "UTC seconds",
    "deadline_at": "UTC seconds at which it expires, null: never",
    "state": "open, answered, cancelled or expired",
    "answered_at": "UTC seconds at which it ended, or null",
    "answer": "the answer; [expired], [cancelled] or [cancelled by X]; or null",
    "answerer": "operator, the agent that was asked, ttl-watchdog, who cancelled, or null",
    "broken": "null, or why the row cannot be decoded: then all but id and raw are null",
    "raw": "the row as JSON text when it is broken, else null",
}

LINE = {
    "row": "its number in this agent's transcript",
    "turn": "the turn",
    "at": "UTC seconds",
    "kind": "the type of claude's line",
    "payload": "claude's line: an object, or a string when it was no JSON",
}


def of_message(message: Message) -> dict[str, Any]:
    """The fields of MESSAGE."""
    return message._asdict()


def of_agent(
    agent: Agent, queued: int, claimed: int, turn: Turn | None, transient: str | None
) -> dict[str, Any]:
    """The fields of AGENT."""
    kept = {name: value for name, value in agent._asdict().items() if name in AGENT}
    return kept | {
        "transient": transient,
        "parked": agent.parked_kind,
        "needs_login": bool(agent.needs_login),
        "queued": queued,
        "claimed": claimed,
        "turn": turn.id if turn else None,
    }


def of_approval(approval: Approval) -> dict[str, Any]:
    """The fields of APPROVAL."""
    kept = {name: value for name, value in approval._asdict().items() if name in APPROVAL}
    return kept | {"schedule": _schedule(approval) if approval.kind == KIND else None}


def _schedule(approval: Approval) -> dict[str, Any] | None:
    from hivelib.flow import recurring, scheduling

    try:
        found = scheduling.read(approval.config, approval.fetched_sha)
        waits = approval.status == "pending"
        times = recurring.upcoming(found, clock.now(), scheduling.SHOWN) if waits else []
    except HiveError:
        return None
    return {**found._asdict(), "next": times}


def of_file(file: ChangedFile) -> dict[str, Any]:
    """A file of `files` in SHOWN."""
    kept = {name: value for name, value in file._asdict().items() if name != "hunks"}
    return kept | {"added": file.added, "deleted": file.deleted}


def of_question(found: Question | Broken) -> dict[str, Any]:
    """The fields of QUESTION."""
    if isinstance(found, Broken):
        told = {"id": found.id, "broken": found.why, "raw": found.raw}
    else:
        told = {name: value for name, value in found._asdict().items() if name in QUESTION}
    return dict.fromkeys(QUESTION) | told


def of_tombstone(agent: Agent, size: int | None, login: bool) -> dict[str, Any]:
    """The fields of TOMBSTONE."""
    return {
        "name": agent.name,
        "bytes": size,
        "destroyed_at": agent.changed_at,
        "login": login,
        "incarnation": agent.incarnation,
    }


def of_job(job: Job) -> dict[str, Any]:
    """The fields of JOB."""
    return {name: value for name, value in job._asdict().items() if name in JOB}


def of_turn(turn: Turn) -> dict[str, Any]:
    """The fields of TURN."""
    return {name: value for name, value in turn._asdict().items() if name in TURN}


def of_event(row: EventRow) -> dict[str, Any]:
    """The fields of EVENT."""
    try:
        payload = json.loads(row.payload)
    except ValueError:
        payload = row.payload
    return row._asdict() | {"payload": payload}


def of_line(line: Line) -> dict[str, Any]:
    """The fields of LINE."""
    try:
        payload = json.loads(line.payload, parse_constant=str)
        if line.payload.count("[") + line.payload.count("{") > _DEEP:
            json.dumps(payload)
    except (ValueError, RecursionError):
        payload = line.payload
    return line._asdict() | {"payload": payload}
