"""Rows of messages. Every change here happens inside the caller's write transaction, which also writes the event."""

from hivelib.base.db import Database
from hivelib.model.names import OPERATOR
from hivelib.model.records import Message
from hivelib.model.soundness import LATEST

_COLUMNS = ", ".join(Message._fields)
_WAITED = 60.0
"""Seconds that a sender may have waited for its turn to write."""
_DUE = "recipient = ? AND state = 'queued' AND not_before <= ?"


def add(
    db: Database,
    sender: str,
    recipient: str,
    body: str,
    *,
    lane: str,
    at: float,
    in_reply_to: int | None = None,
    broadcast_id: int | None = None,
) -> int:
    """Queues one message; gives back its id."""
    values = (sender, recipient, body, lane, at, in_reply_to, broadcast_id)
    cursor = db.execute(
        "INSERT INTO messages(sender, recipient, body, lane, sent_at, in_reply_to, broadcast_id)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    return int(cursor.lastrowid or 0)


def mark_broadcast(db: Database, ids: list[int]) -> None:
    """Makes these rows one broadcast, named by the first of them."""
    db.execute(f"UPDATE messages SET broadcast_id = ? WHERE id IN ({_marks(ids)})", (ids[0], *ids))


def recipients(db: Database, first: int) -> list[str]:
    """Whom a message is for; of a broadcast, named by its first row, all of them. Its rows have successive numbers."""
    rows = db.all(
        "SELECT recipient FROM messages WHERE id BETWEEN ?1 AND ?1 + 10000"
        " AND (id = ?1 OR broadcast_id = ?1) ORDER BY id",
        first,
    )
    return [row[0] for row in rows]


def get(db: Database, message: int) -> Message | None:
    """The message with that id."""
    row = db.one(f"SELECT {_COLUMNS} FROM messages WHERE id = ?", message)
    return Message(*row) if row else None


def ready(
    db: Database, recipient: str, now: float, limit: int, lane: str | None = None
) -> list[Message]:
    """Up to `limit` messages that could be claimed now: urgent ones first, each lane in the order they were sent."""
    only = "AND lane = 'urgent'" if lane == "urgent" else ""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM messages WHERE {_DUE} {only} ORDER BY lane DESC, id LIMIT ?",
        recipient,
        now,
        limit,
    )
    return [Message(*row) for row in rows]


def claim(
    db: Database, due: list[Message], turn: int, now: float, answer: int | None = None
) -> list[Message]:
    """Takes due messages for a turn.

    `answer` is the MCP answer that carries them: they count as delivered once that answer is confirmed.
    """
    # Not one UPDATE … RETURNING: sqlite makes temporary tables for that, and clearing them took longer than the rest.
    for message in due:
        db.execute(
            "UPDATE messages SET state = 'claimed', claimed_by = ?, claimed_at = ?, answer_id = ? WHERE id = ?",
            (turn, now, answer, message.id),
        )
    return [message._replace(state="claimed", claimed_by=turn) for message in due]


def due(db: Database, recipient: str, now: float) -> int:
    """How many messages could be claimed now."""
    return int(db.value(f"SELECT count(*) FROM messages WHERE {_DUE}", recipient, now))


def any_due(db: Database, recipient: str, now: float, lane: str | None = None) -> bool:
    """Whether a message could be claimed now; cheap however many wait."""
    only = "AND lane = 'urgent'" if lane == "urgent" else ""
    found = db.value(f"SELECT 1 FROM messages WHERE {_DUE} {only} LIMIT 1", recipient, now)
    return found is not None


def peek(db: Database, recipient: str, limit: int) -> list[Message]:
    """The queued messages of an inbox as they would be delivered, without taking them."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM messages WHERE recipient = ? AND state = 'queued' ORDER BY lane DESC, id LIMIT ?",
        recipient,
        limit,
    )
    return [Message(*row) for row in rows]


def ack_claims(db: Database, turn: int, now: float) -> list[int]:
    """Acks what the turn holds and what has reached its box; gives back the ids. Unconfirmed ones stay claimed."""
    rows = db.execute(
        "UPDATE messages SET state = 'acked', acked_at = ? WHERE claimed_by = ? AND state = 'claimed'"
        " AND (answer_id IS NULL OR EXISTS(SELECT 1 FROM answers"
        " WHERE answers.id = answer_id AND confirmed_at IS NOT NULL)) RETURNING id",
        (now, turn),
    ).fetchall()
    return sorted(row[0] for row in rows)


def claims(db: Database, turn: int) -> list[Message]:
    """What the turn holds now."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM messages WHERE claimed_by = ? AND state = 'claimed' ORDER BY id",
        turn,
    )
    return [Message(*row) for row in rows]


def give_back(db: Database, message: int, *, deliveries: int, not_before: float) -> None:
    """Returns a claimed message to its inbox, not to be delivered before that time."""
    db.execute(
        "UPDATE messages SET state = 'queued', claimed_by = NULL, claimed_at = NULL, answer_id = NULL, deliveries = ?,"
        " not_before = ? WHERE id = ?",
        (deliveries, not_before, message),
    )


def bury(db: Database, message: int, deliveries: int) -> None:
    """Makes a message dead: kept and shown, no longer delivered."""
    db.execute(
        "UPDATE messages SET state = 'dead', claimed_by = NULL, deliveries = ? WHERE id = ?",
        (deliveries, message),
    )


def revive(db: Database, message: int) -> None:
    """Puts a dead message back into its inbox as if it had never been delivered, but still marked as redelivered."""
    db.execute(
        "UPDATE messages SET state = 'queued', deliveries = 1, not_before = 0 WHERE id = ? AND state = 'dead'",
        (message,),
    )


def ack_read(db: Database, recipient: str, ids: list[int], now: float) -> list[int]:
    """Acks queued messages that a person has read: there is no turn that could fail. Gives back which those were."""
    rows = db.execute(
        "UPDATE messages SET state = 'acked', acked_at = ? WHERE recipient = ? AND state = 'queued'"
        f" AND id IN ({_marks(ids)}) RETURNING id",
        (now, recipient, *ids),
    ).fetchall()
    return sorted(row[0] for row in rows)


def dead(db: Database, limit: int = 100) -> list[Message]:
    """The dead letters, newest first."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM messages WHERE state = 'dead' ORDER BY id DESC LIMIT ?", limit
    )
    return [Message(*row) for row in rows]


def sent_between(db: Database, one: str, other: str, since: float, most: int) -> list[float]:
    """When the newest messages between two, either way, were sent after `since`; at most `most` each way."""
    rows = db.all(
        "SELECT * FROM (SELECT sent_at FROM messages WHERE sender = ?1 AND recipient = ?2 ORDER BY id DESC LIMIT ?3)"
        " UNION ALL"
        " SELECT * FROM (SELECT sent_at FROM messages WHERE sender = ?2 AND recipient = ?1 ORDER BY id DESC LIMIT ?3)",
        one,
        other,
        most,
    )
    return [at for (at,) in rows if isinstance(at, int | float) and at > since]


def woken(db: Database, name: str, since: float, until: float, most: int) -> list[float]:
    """When the newest wakes of an agent by its own programs were sent within a span; at most `most` of them.

    Reads all of the hive's mail of that span, newest first, and not the index of pairs: a box may give each wake
    another label, so there its whole history would have to be read.
    """
    found: list[float] = []
    rows = db.execute(
        "SELECT recipient = ?1 AND sender GLOB ?1 || '/*', sent_at FROM messages WHERE typeof(sent_at) = 'real'"
        " ORDER BY id DESC",
        (name,),
    )
    for its_own, at in rows:
        # A sender takes its time before it has its number: it may be a little older than its neighbours.
        if at < since - _WAITED or len(found) == most:
            break
        if its_own and since < at <= until:
            found.append(at)
    rows.close()
    return found


def next_due(db: Database, now: float) -> float | None:
    """When the next postponed message becomes due after `now`."""
    when = db.value(
        "SELECT min(not_before) FROM messages WHERE state = 'queued' AND not_before > 0 AND not_before > ?"
        " AND not_before < ?",
        now,
        LATEST,
    )
    return None if when is None else float(when)


def became_due(db: Database, after: float, until: float) -> list[str]:
    """Whose postponed messages became due in the span: who is to be rung."""
    rows = db.all(
        "SELECT DISTINCT recipient FROM messages WHERE state = 'queued' AND not_before > 0"
        " AND not_before > ? AND not_before <= ?",
        after,
        until,
    )
    return [row[0] for row in rows]


def waiting_inboxes(db: Database, now: float) -> list[str]:
    """Everybody but the operator who has due mail."""
    rows = db.all(
        "SELECT name FROM agents WHERE EXISTS(SELECT 1 FROM messages"
        " WHERE recipient = agents.name AND state = 'queued' AND not_before <= ?)",
        now,
    )
    return [row[0] for row in rows if row[0] != OPERATOR]


def thread(db: Database, message: int) -> list[Message]:
    """The whole conversation that a message belongs to, oldest first; what it began with may have gone by age."""
    rows = db.all(
        f"""WITH RECURSIVE up(id, parent) AS (
                SELECT id, in_reply_to FROM messages WHERE id = ?
                UNION SELECT m.id, m.in_reply_to FROM messages m JOIN up ON m.id = up.parent),
            down(id) AS (
                SELECT min(coalesce(parent, id)) FROM up
                UNION SELECT m.id FROM messages m JOIN down ON m.in_reply_to = down.id)
            SELECT {_COLUMNS} FROM messages WHERE id IN (SELECT id FROM down UNION SELECT id FROM up) ORDER BY id""",
        message,
    )
    return [Message(*row) for row in rows]


def history(db: Database, name: str, other: str | None, limit: int) -> list[Message]:
    """The newest messages from and to `name` (and `other`, when given), oldest of them first.

    Without `other` only the hive's newest 50,000 messages are looked at: an index for this alone made each send dearer.
    """
    if other is not None:
        both = "((sender = ?1 AND recipient = ?2) OR (sender = ?2 AND recipient = ?1))"
    else:
        both = "(sender = ?1 OR recipient = ?1) AND id > (SELECT max(id) FROM messages) - 50000"
    rows = db.all(
        f"SELECT {_COLUMNS} FROM messages WHERE {both} ORDER BY id DESC LIMIT ?3",
        name,
        other,
        limit,
    )
    return [Message(*row) for row in reversed(rows)]


def latest(db: Database, limit: int) -> list[Message]:
    """The newest messages of all, oldest of them first."""
    rows = db.all(f"SELECT {_COLUMNS} FROM messages ORDER BY id DESC LIMIT ?", limit)
    return [Message(*row) for row in reversed(rows)]


def count_by_state(db: Database, recipient: str) -> dict[str, int]:
    """How many messages of an inbox are queued and claimed."""
    queued = db.value(
        "SELECT count(*) FROM messages WHERE recipient = ? AND state = 'queued'", recipient
    )
    claimed = db.value(
        "SELECT count(*) FROM messages WHERE state = 'claimed' AND recipient = ?"
        " AND claimed_by IN (SELECT id FROM turns WHERE ended_at IS NULL)",
        recipient,
    )
    return {"queued": int(queued), "claimed": int(claimed)}


def _marks(values: list[int]) -> str:
    return ",".join("?" * len(values))
