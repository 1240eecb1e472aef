"""What may follow what: one table for each record that has a life. docs/persistence.md shows the same tables."""

from hivelib.model.records import Job

MESSAGE = {
    # acked at once only when a person has read it: no turn can fail; dead when its agent is destroyed
    "queued": frozenset({"claimed", "acked", "dead"}),
    "claimed": frozenset({"acked", "queued", "dead"}),
    "acked": frozenset[str](),
    "dead": frozenset({"queued"}),
}

AGENT = {
    "stopped": frozenset({"running", "destroyed"}),
    "running": frozenset({"stopped", "destroyed"}),
    "destroyed": frozenset({"stopped"}),
}

OUTCOMES = (
    "ok",
    "failed",
    "prompt_too_long",
    "rate_limited",
    "auth_failed",
    "cancelled",
    "lost",
)
"""How a turn can end (SPEC section 8)."""

APPROVAL = {
    "submitting": frozenset({"pending", "failed"}),
    "pending": frozenset({"approved", "denied", "expired", "superseded"}),
    # denied when the row alone said approved: no operator had; deployed at once: a schedule, of which nothing is built
    "approved": frozenset({"building", "deployed", "failed", "denied"}),
    "building": frozenset({"activating", "failed"}),
    "activating": frozenset({"deployed", "failed"}),
    "deployed": frozenset[str](),
    "failed": frozenset[str](),
    "denied": frozenset[str](),
    "expired": frozenset[str](),
    "superseded": frozenset[str](),
}

RESOLVED = frozenset(status for status, after in APPROVAL.items() if not after)
"""An approval in one of these is over."""

JOB = {
    "queued": frozenset({"running"}),
    # queued again when its worker died: the next one begins by looking what was done
    "running": frozenset({"queued", "done", "failed"}),
    "done": frozenset[str](),
    "failed": frozenset[str](),
}

QUESTION = {
    "open": frozenset({"answered", "cancelled", "expired"}),
    "answered": frozenset[str](),
    "cancelled": frozenset[str](),
    "expired": frozenset[str](),
}

REMINDER = {
    # pending again when it recurs, or when an attempt failed
    "pending": frozenset({"pending", "fired", "failed", "cancelled"}),
    "fired": frozenset[str](),
    # failed five times: it waits for the operator
    "failed": frozenset({"pending", "cancelled"}),
    "cancelled": frozenset[str](),
}

LANES = {
    "fetch": "submissions",
    "deploy": "approvals",
    "deny": "approvals",
    "rebuild": "approvals",
    "seed": "approvals",
    "retire": "approvals",
    "schedule": "approvals",
    "start": "lifecycle",
    "stop": "lifecycle",
    "restart": "lifecycle",
    "destroy": "lifecycle",
    "revive": "lifecycle",
    "purge": "lifecycle",
}
"""Which worker does which kind of job. A lane does one at a time, in order: nothing but builds waits for a build."""

TRANSIENT = {
    "seed": "spawning",
    "deploy": "rebuilding",
    "rebuild": "rebuilding",
    "start": "starting",
    "stop": "stopping",
    "restart": "restarting",
    "revive": "starting",
    "destroy": "destroying",
    "purge": "destroying",
}
"""What an agent is shown as while such a job waits or runs: derived, so it cannot stick."""


def becoming(unfinished: list[Job]) -> dict[str, str]:
    """What agents are becoming, by their names, from the jobs that are not over; the first one of an agent counts."""
    return {job.agent: TRANSIENT[job.kind] for job in reversed(unfinished) if job.kind in TRANSIENT}
