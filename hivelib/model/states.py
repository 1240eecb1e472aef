"""What may follow what: one table for each record that has a life. docs/persistence.md shows the same tables."""

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
