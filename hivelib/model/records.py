"""The records the hive talks about: frozen, and shaped as the rows are.

Times are UTC seconds with fractions. NamedTuples because they cost nothing to define and nothing to read.
"""

from typing import Any, NamedTuple


class Message(NamedTuple):
    """One row of `messages`; `lane` is normal or urgent, `state` queued, claimed, acked or dead."""

    id: int
    sender: str
    recipient: str
    body: str
    lane: str
    state: str
    sent_at: float
    in_reply_to: int | None
    broadcast_id: int | None
    claimed_by: int | None
    deliveries: int
    not_before: float
    acked_at: float | None

    @property
    def redelivered(self) -> bool:
        """Whether an earlier delivery did not end well."""
        return self.deliveries != 0

    def public(self) -> dict[str, Any]:
        """The fields that a receiver sees (SPEC section 2, recv)."""
        return {
            "id": self.id,
            "sender": self.sender,
            "body": self.body,
            "sent_at": self.sent_at,
            "in_reply_to": self.in_reply_to,
            "broadcast": self.broadcast_id is not None,
            "redelivered": self.redelivered,
        }


class Agent(NamedTuple):
    """One row of `agents`; `state` is running, stopped or destroyed (a tombstone), `config` agent.json as text.

    `deployed_sha` is the commit of its config that runs, `revision` the program's when it was last built.
    """

    name: str
    role: str
    backend: str
    incarnation: int
    state: str
    config: str
    model: str | None
    session_id: str | None
    parked_until: float | None
    parked_kind: str | None
    parked_why: str | None
    needs_login: int
    created_at: float
    changed_at: float
    deployed_sha: str | None
    revision: str | None

    @property
    def parked(self) -> bool:
        """Whether no turn may start now; `parked_until` None with a kind means until the operator says so."""
        return self.parked_kind is not None


class Turn(NamedTuple):
    """One row of `turns`; `outcome` None while it runs (SPEC section 8 names the outcomes)."""

    id: int
    agent: str
    incarnation: int
    started_at: float
    ended_at: float | None
    outcome: str | None
    note: str | None
    model: str | None
    wake_source: str | None
    wake_message: int | None
    session_id: str | None
    cancel_requested_at: float | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    last_context_tokens: int | None
    context_window: int | None
    cost_usd: float | None
    tools: str | None


class Approval(NamedTuple):
    """One row of `approvals`: something that the operator decides (SPEC section 6; states.APPROVAL).

    `fetched_sha` is the commit that was looked at and will be deployed, `lock_hash` the SHA-256 of its flake.lock
    (empty: it has none), `base` the commit of applied/main that it was compared with (empty: there was none). `config`
    is the agent.json that a `spawn` is asked for with (empty: the template's).
    """

    id: int
    kind: str
    agent: str
    incarnation: int | None
    commit_ref: str
    fetched_sha: str
    lock_hash: str
    base: str
    status: str
    description: str
    requested_by: str
    requested_at: float
    expires_at: float
    decided_at: float | None
    decided_by: str | None
    decided_uid: int | None
    surface: str | None
    note: str
    resolved_at: float | None
    tag: str
    config: str


class Decision(NamedTuple):
    """The operator's word about an approval, as it stands in its file (DESIGN, rule 4); `verdict` is approve or deny.

    It names all that is deployed, so that no row needs to be believed; `incarnation` is the agent's that lived then (0:
    none did). `login` and `surface` are the decider's words.
    """

    approval: int
    verdict: str
    kind: str
    agent: str
    incarnation: int
    commit: str
    lock: str
    base: str
    note: str
    login: str
    surface: str
    at: float


class Job(NamedTuple):
    """One row of `jobs`: work for a lane's worker (states.JOB); `progress` is its last step in words."""

    id: int
    lane: str
    kind: str
    agent: str
    approval: int | None
    state: str
    by: str
    queued_at: float
    started_at: float | None
    ended_at: float | None
    progress: str
    note: str


class Question(NamedTuple):
    """One row of `questions` (SPEC section 4; states.QUESTION). `target` is `operator` or an agent.

    `options` are advice, free text is always an answer; `deadline_at` None: it waits for ever. Of an agent its
    incarnation is kept too, so that a re-made one neither answers nor is answered.
    """

    id: int
    asker: str
    asker_incarnation: int | None
    target: str
    target_incarnation: int | None
    question: str
    options: tuple[str, ...]
    multi: bool
    asked_at: float
    deadline_at: float | None
    state: str
    answered_at: float | None
    answer: str | None
    answerer: str | None


class Broken(NamedTuple):
    """A row that cannot be decoded: shown as it is, never hidden, and never in the way of another."""

    id: int
    raw: str
    why: str


class Reminder(NamedTuple):
    """One row of `reminders` (SPEC section 5; states.REMINDER): a message to `owner`, due at `due_at`.

    With `every` (seconds) or `calendar` (systemd's syntax) it comes again, and `due_at` is its next time. `file_path`
    is as the box names it, empty: none was asked for. After a failed attempt it waits until `not_before`.
    """

    id: int
    owner: str
    incarnation: int
    body: str
    file_path: str
    due_at: float
    every: float | None
    calendar: str
    state: str
    attempts: int
    not_before: float
    error: str
    created_at: float
    created_by: str
    approval: int | None
    fired_at: float | None
    fired: int
    skipped: int

    @property
    def recurring(self) -> bool:
        """Whether it comes again after it has fired."""
        return self.every is not None or bool(self.calendar)


class EventRow(NamedTuple):
    """One row of `events`; `payload` is the JSON text of that kind's fields (model/events.py)."""

    seq: int
    at: float
    kind: str
    subject: str
    payload: str


class Line(NamedTuple):
    """One row of an agent's transcript; `kind` is the stream's type, `payload` the line of JSON as it came."""

    row: int
    turn: int
    at: float
    kind: str
    payload: str


class Caller(NamedTuple):
    """Who speaks: kernel-known, never said by the caller. `surface` is shell, mcp, web, turn or broker."""

    name: str
    role: str
    surface: str
    turn: int | None = None


class Request(NamedTuple):
    """A call that may be asked again because its answer was lost: the pump's nonce and JSON-RPC id."""

    agent: str
    turn: int
    nonce: str
    request_id: str
