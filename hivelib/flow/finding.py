"""Finds mail again: a conversation, or words."""

from contextlib import suppress

from hivelib.base.errors import NotNow, Refused
from hivelib.flow.opening import Hive
from hivelib.model.records import Message
from hivelib.store import mail
from hivelib.store import search as index


def thread(hive: Hive, message: int) -> list[Message]:
    """The conversation that a message belongs to, oldest first; Refused when there is no such message."""
    found = mail.thread(hive.db, message)
    if not found:
        raise Refused(f"there is no message {message}", "`hive-search WORDS` finds messages")
    return found


def search(hive: Hive, words: str, limit: int = 50) -> list[Message]:
    """Messages with all of these words, best first; brings the index up to date before it looks."""
    with suppress(NotNow):  # on a full disk what is indexed can still be searched
        index.catch_up(hive.db)
    return index.search(hive.db, words, limit)
