"""The schema of hive.sqlite, and the only code that changes it.

The map of the whole:

    agents      who exists: role, kind of box, state (stopped, running, destroyed), whether parked and why
    messages    all mail, one row per recipient; `state` queued → claimed → acked, or back, or dead
    keys        idempotency: what a sender's --key was answered with the first time
    answers     what an MCP call was answered with, so that a call asked again gets the same answer (DESIGN, rule 1)
    turns       every run of claude: start, outcome, tokens, cost
    events      what happened, in commit order; written in the transaction of its cause
    approvals   what the operator decides: submitting → pending → approved → building → activating → deployed, or an
                end before that. An index: decision files and the tags of applied say what counts (DESIGN, rule 4)
    jobs        work of the lanes' workers: queued → running → done or failed; what an agent is doing is derived from it
    questions   what somebody asked and waits for: open → answered, cancelled or expired
    reminders   messages to come, once or again and again: pending → fired, failed or cancelled
    looks       how the crash watch last saw each agent's box; what differs now is a change to tell
    warnings    what needs the operator's eye now (raised once, cleared once)
    facts       a few single values: epoch of the event stream, how far the search index has come, how far each of
                the operator's addresses was told (store/told.py)
    messages_search   FTS5 over messages.body; brought up to date by who searches, and by hive-broker every minute,
                because keeping it current inside each send made a durable send 25 % slower

    web_logins, web_sessions   one-time links and cookies of the dashboard, as hashes

    messages.claimed_by → turns.id        messages.answer_id → answers.id (the answer that carried it to the box)
    jobs.approval → approvals.id          reminders.approval → approvals.id (of a recurring one that an agent asked for)
    messages.in_reply_to → messages.id    messages.broadcast_id → messages.id of the broadcast's first row

Append-only: a new version is a new function below, never an edit of an old one (docs/persistence.md).
"""

import fcntl
import os

from hivelib.base.db import Database
from hivelib.base.errors import HiveError, NotNow

M001 = """
CREATE TABLE agents(
    name TEXT PRIMARY KEY, role TEXT NOT NULL, backend TEXT NOT NULL, incarnation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK(state IN ('stopped', 'running', 'destroyed')), config TEXT NOT NULL,
    model TEXT, session_id TEXT,
    parked_until REAL, parked_kind TEXT, parked_why TEXT, needs_login INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL, changed_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE messages(
    id INTEGER PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT NOT NULL, body TEXT NOT NULL,
    lane TEXT NOT NULL DEFAULT 'normal' CHECK(lane IN ('normal', 'urgent')),
    state TEXT NOT NULL DEFAULT 'queued' CHECK(state IN ('queued', 'claimed', 'acked', 'dead')),
    sent_at REAL NOT NULL, in_reply_to INTEGER, broadcast_id INTEGER, claimed_by INTEGER,
    deliveries INTEGER NOT NULL DEFAULT 0, not_before REAL NOT NULL DEFAULT 0, acked_at REAL,
    claimed_at REAL, answer_id INTEGER
);
-- Claiming must not depend on history: with this partial index a claim costs the same at ten million rows.
CREATE INDEX messages_queued ON messages(recipient, lane DESC, id) WHERE state = 'queued';
CREATE INDEX messages_postponed ON messages(not_before) WHERE state = 'queued' AND not_before > 0;
CREATE INDEX messages_claimed ON messages(claimed_by) WHERE state = 'claimed';
CREATE INDEX messages_dead ON messages(id) WHERE state = 'dead';
CREATE INDEX messages_pair ON messages(sender, recipient, id);
CREATE INDEX messages_thread ON messages(in_reply_to) WHERE in_reply_to IS NOT NULL;
CREATE VIRTUAL TABLE messages_search USING fts5(body, content='messages', content_rowid='id');
CREATE TABLE keys(
    sender TEXT NOT NULL, key TEXT NOT NULL, message INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY(sender, key)
) WITHOUT ROWID;
CREATE TABLE answers(
    id INTEGER PRIMARY KEY, agent TEXT NOT NULL, turn INTEGER NOT NULL, nonce TEXT NOT NULL, request_id TEXT NOT NULL,
    outcome TEXT NOT NULL, at REAL NOT NULL, confirmed_at REAL, UNIQUE(agent, nonce, request_id)
);
CREATE INDEX answers_turn ON answers(turn);
CREATE TABLE turns(
    id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, incarnation INTEGER NOT NULL,
    started_at REAL NOT NULL, ended_at REAL, outcome TEXT, note TEXT, model TEXT, wake_source TEXT,
    wake_message INTEGER, session_id TEXT, cancel_requested_at REAL,
    input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, cache_creation_tokens INTEGER,
    last_context_tokens INTEGER, context_window INTEGER, cost_usd REAL, tools TEXT
);
CREATE INDEX turns_agent ON turns(agent, id);
CREATE INDEX turns_running ON turns(agent) WHERE ended_at IS NULL;
CREATE INDEX turns_started ON turns(agent, started_at);
CREATE TABLE events(
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, payload TEXT NOT NULL
);
-- Instead of AUTOINCREMENT, which costs every send a page more: no number comes twice while the newest row stays.
CREATE TRIGGER messages_keep_newest BEFORE DELETE ON messages WHEN old.id = (SELECT max(id) FROM messages)
BEGIN SELECT raise(ABORT, 'the newest message stays, so that its number is not given again'); END;
CREATE TRIGGER events_keep_newest BEFORE DELETE ON events WHEN old.seq = (SELECT max(seq) FROM events)
BEGIN SELECT raise(ABORT, 'the newest event stays, so that its number is not given again'); END;
CREATE TABLE warnings(
    name TEXT PRIMARY KEY, raised_at REAL NOT NULL, why TEXT NOT NULL, mend TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE web_logins(
    hash TEXT PRIMARY KEY, role TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE web_sessions(
    hash TEXT PRIMARY KEY, role TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    seen_at REAL NOT NULL, address TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO facts VALUES('epoch', lower(hex(randomblob(6)))), ('searchable_to', '0');
"""

M002 = """
ALTER TABLE agents ADD COLUMN deployed_sha TEXT;
ALTER TABLE agents ADD COLUMN revision TEXT;
CREATE TABLE approvals(
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, agent TEXT NOT NULL, incarnation INTEGER,
    commit_ref TEXT NOT NULL DEFAULT '', fetched_sha TEXT NOT NULL DEFAULT '', lock_hash TEXT NOT NULL DEFAULT '',
    base TEXT NOT NULL DEFAULT '', status TEXT NOT NULL DEFAULT 'submitting', description TEXT NOT NULL DEFAULT '',
    requested_by TEXT NOT NULL, requested_at REAL NOT NULL, expires_at REAL NOT NULL,
    decided_at REAL, decided_by TEXT, decided_uid INTEGER, surface TEXT,
    note TEXT NOT NULL DEFAULT '', resolved_at REAL, tag TEXT NOT NULL DEFAULT '', config TEXT NOT NULL DEFAULT ''
);
CREATE INDEX approvals_open ON approvals(agent, id) WHERE resolved_at IS NULL;
CREATE TABLE jobs(
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, kind TEXT NOT NULL, agent TEXT NOT NULL, approval INTEGER,
    state TEXT NOT NULL DEFAULT 'queued' CHECK(state IN ('queued', 'running', 'done', 'failed')),
    by TEXT NOT NULL, queued_at REAL NOT NULL, started_at REAL, ended_at REAL,
    progress TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX jobs_open ON jobs(lane, id) WHERE ended_at IS NULL;
"""

M003 = """
CREATE TABLE questions(
    id INTEGER PRIMARY KEY AUTOINCREMENT, asker TEXT NOT NULL, asker_incarnation INTEGER,
    target TEXT NOT NULL, target_incarnation INTEGER,
    question TEXT NOT NULL, options TEXT NOT NULL DEFAULT '[]', multi INTEGER NOT NULL DEFAULT 0,
    asked_at REAL NOT NULL, deadline_at REAL,
    state TEXT NOT NULL DEFAULT 'open' CHECK(state IN ('open', 'answered', 'cancelled', 'expired')),
    answered_at REAL, answer TEXT, answerer TEXT
);
CREATE INDEX questions_open ON questions(asker, id) WHERE state = 'open';
CREATE INDEX questions_deadline ON questions(deadline_at) WHERE state = 'open' AND deadline_at IS NOT NULL;
CREATE TABLE reminders(
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, incarnation INTEGER NOT NULL,
    body TEXT NOT NULL, file_path TEXT NOT NULL DEFAULT '',
    due_at REAL NOT NULL, every REAL, calendar TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'pending' CHECK(state IN ('pending', 'fired', 'failed', 'cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0, not_before REAL NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL, created_by TEXT NOT NULL, approval INTEGER,
    fired_at REAL, fired INTEGER NOT NULL DEFAULT 0, skipped INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX reminders_pending ON reminders(max(due_at, not_before)) WHERE state = 'pending';
CREATE INDEX reminders_owner ON reminders(owner, id) WHERE state IN ('pending', 'failed');
-- One schedule for each approval: what was decided once is done once.
CREATE UNIQUE INDEX reminders_approval ON reminders(approval) WHERE approval IS NOT NULL;
CREATE TABLE looks(
    agent TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, running INTEGER NOT NULL, logged_in INTEGER NOT NULL,
    up_to_date INTEGER NOT NULL, looked_at REAL NOT NULL, crashes TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
-- Else some commit or other merges hundreds of pages of the index while everybody waits; store/search.py merges a few.
-- A word that is in every message is merged in one go, however few pages were asked for: so eight parts at once, not
-- four, which is half as often.
INSERT INTO messages_search(messages_search, rank) VALUES('automerge', 0), ('usermerge', 8);
"""

T001 = """
CREATE TABLE lines(
    row INTEGER PRIMARY KEY, turn INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL
);
CREATE INDEX lines_turn ON lines(turn, row);
"""

HIVE = (M001, M002, M003)
TRANSCRIPT = (T001,)
"""The versions of each kind of database, oldest first; `PRAGMA user_version` says how many have been applied."""


def migrate(path: str, versions: tuple[str, ...] = HIVE) -> int:
    """Makes or brings the database at `path` to the newest version, one process at a time; gives back how many
    versions were applied. Raises HiveError when the file is newer than this program."""
    gate = os.open(f"{path}.migrate", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        with Database(path, create=True) as db:
            applied = 0
            while (at := version(db)) < len(
                versions
            ):  # looked at again under the lock: another may have been first
                script = f"BEGIN IMMEDIATE;{versions[at]};PRAGMA user_version={at + 1};COMMIT"
                db.connection.executescript(script)
                applied += 1
            refuse_newer(db, versions)
            return applied
    finally:
        os.close(gate)


def refuse_newer(db: Database, versions: tuple[str, ...] = HIVE) -> None:
    """Raises HiveError when the database is of a version that this program does not know, or not migrated yet."""
    at = version(db)
    if at > len(versions):
        raise HiveError(
            f"{db.path} was written by a newer hyperhive (schema {at}, this one knows {len(versions)})",
            "upgrade this checkout",
        )
    if at == 0:
        raise NotNow(
            f"{db.path} is empty: it is only being made, or was lost",
            "if it stays so, stop the hive and restore a backup (docs/persistence.md)",
        )
    if at < len(versions):
        raise HiveError(
            f"{db.path} is of an older schema ({at} of {len(versions)})",
            "run `hive-up`, which migrates it",
        )


def version(db: Database) -> int:
    """How many versions have been applied to a database: 0 when somebody is only just making it."""
    return int(db.value("PRAGMA user_version"))
