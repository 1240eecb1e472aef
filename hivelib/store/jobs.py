"""Rows of jobs: what the lanes' workers have to do, do, and did."""

from hivelib.base.db import Database
from hivelib.model.records import Job

_COLUMNS = ", ".join(Job._fields)
# Else sqlite walks through all that there ever were, for they are in the order of id.
_OPEN = "jobs INDEXED BY jobs_open WHERE ended_at IS NULL"


def add(
    db: Database, lane: str, kind: str, agent: str, approval: int | None, by: str, now: float
) -> int:
    """Queues a job; gives back its id, or that of the same job when one is queued and not begun."""
    same = db.value(
        "SELECT id FROM jobs WHERE lane = ? AND kind = ? AND agent = ? AND approval IS ? AND state = 'queued'"
        " AND ended_at IS NULL",
        lane,
        kind,
        agent,
        approval,
    )
    if same is not None:
        return int(same)
    cursor = db.execute(
        "INSERT INTO jobs(lane, kind, agent, approval, by, queued_at) VALUES(?, ?, ?, ?, ?, ?)",
        (lane, kind, agent, approval, by, now),
    )
    return int(cursor.lastrowid or 0)


def get(db: Database, job: int) -> Job | None:
    """The job with that id."""
    row = db.one(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", job)
    return Job(*row) if row else None


def unfinished(db: Database, lane: str | None = None) -> list[Job]:
    """The jobs that wait or run, of one lane or of all, in the order in which they will be done."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM {_OPEN} AND (?1 IS NULL OR lane = ?1) ORDER BY id",
        lane,
    )
    return [Job(*row) for row in rows]


def begin(db: Database, job: int, now: float) -> None:
    """A worker begins a job, or begins it again after another died in it."""
    db.execute(
        "UPDATE jobs SET state = 'running', started_at = ?, progress = '' WHERE id = ?", (now, job)
    )


def progress(db: Database, job: int, step: str) -> None:
    """Notes what a running job does now, in words."""
    db.execute("UPDATE jobs SET progress = ? WHERE id = ?", (step, job))


def put_back(db: Database, job: int, why: str) -> None:
    """A running job could not be done now and waits again; `why` in words."""
    db.execute("UPDATE jobs SET state = 'queued', progress = ? WHERE id = ?", (why, job))


def end(db: Database, job: int, state: str, note: str, now: float) -> bool:
    """Ends a job as done or failed; False when it had ended already."""
    cursor = db.execute(
        "UPDATE jobs SET state = ?, note = ?, ended_at = ? WHERE id = ? AND ended_at IS NULL",
        (state, note, now, job),
    )
    return cursor.rowcount > 0


def newest(db: Database) -> int:
    """The number of the newest job, 0 when there was none."""
    return int(db.value("SELECT max(id) FROM jobs") or 0)


def latest(db: Database, limit: int) -> list[Job]:
    """The newest jobs, oldest of them first."""
    rows = db.all(f"SELECT {_COLUMNS} FROM jobs ORDER BY id DESC LIMIT ?", limit)
    return [Job(*row) for row in reversed(rows)]
