"""Full-text search over bodies. The index is brought up to date by whoever searches and by hive-broker, in chunks:
inside each send it would make a durable send 25 % slower (docs/performance.md)."""

from hivelib.base.db import Database
from hivelib.base.errors import Misuse
from hivelib.model.records import Message

_CHUNK = 5000
_MERGED = 16
"""Pages that are merged in one transaction: a few milliseconds. Left to itself (`automerge`) the index merges hundreds
of them in the commit of whoever comes just then."""


def catch_up(db: Database) -> int:
    """Indexes what was sent since the last time; gives back how many messages that were."""
    done = 0
    while True:
        upto = int(db.value("SELECT value FROM facts WHERE name = 'searchable_to'"))
        newest = int(db.value("SELECT max(id) FROM messages") or 0)
        if upto >= newest:
            return done
        with db.write(durable=False):
            upto = int(db.value("SELECT value FROM facts WHERE name = 'searchable_to'"))
            to = min(newest, upto + _CHUNK)
            cursor = db.execute(
                "INSERT INTO messages_search(rowid, body) SELECT id, body FROM messages WHERE id > ? AND id <= ?",
                (upto, to),
            )
            db.execute("UPDATE facts SET value = ? WHERE name = 'searchable_to'", (str(to),))
            done += max(0, cursor.rowcount)
        more = True
        while more:
            with db.write(durable=False):
                more = merge(db, _MERGED)


def search(db: Database, words: str, limit: int) -> list[Message]:
    """Messages whose body has all of these words, best match first; each word is taken literally.

    Raises Misuse when there is no word in `words`, or what no body can have.
    """
    try:
        words.encode()
    except UnicodeEncodeError:
        raise Misuse("the words are not valid UTF-8", "search for text") from None
    words = words.replace("\0", " ")  # ends a query in the middle of a word
    terms = [word for word in words.split() if any(char.isalnum() for char in word)]
    if not terms:
        raise Misuse("nothing to search for", "give at least one word")
    query = " ".join('"' + term.replace('"', '""') + '"' for term in terms)
    columns = ", ".join(f"m.{name}" for name in Message._fields)
    rows = db.all(
        f"SELECT {columns} FROM messages_search s JOIN messages m ON m.id = s.rowid"
        " WHERE messages_search MATCH ? ORDER BY rank LIMIT ?",
        query,
        limit,
    )
    return [Message(*row) for row in rows]


def merge(db: Database, pages: int, *, all_of_it: bool = False) -> bool:
    """Merges parts of the index, about so many pages of it, inside the caller's write transaction; gives back whether
    there is more to merge. With `all_of_it` it begins to make all parts one, which is gone on with by further calls.
    """
    before = db.connection.total_changes
    amount = -pages if all_of_it else pages
    db.execute("INSERT INTO messages_search(messages_search, rank) VALUES('merge', ?)", (amount,))
    return db.connection.total_changes - before > 1
