"""Everything that a database holds, row by row, as values that JSON has."""

import base64
import math
from collections.abc import Iterator
from typing import Any

from hivelib.base.db import Database

_LEFT_OUT = ("sqlite_*", "messages_search*", "web_*")
"""sqlite's own, the search index (made from messages), and the dashboard's links and sessions."""


def rows(db: Database) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each table's name with each of its rows (column → value), inside the caller's snapshot; holds one row at a time.

    The connection gives out bytes for text from then on: use one that nobody else does.
    """
    db.connection.text_factory = bytes
    wanted = " AND ".join(f"name NOT GLOB '{pattern}'" for pattern in _LEFT_OUT)
    tables = db.all(f"SELECT name FROM sqlite_schema WHERE type = 'table' AND {wanted} ORDER BY 1")
    for (name,) in tables:
        table = name.decode()
        found = db.execute(f'SELECT * FROM "{table}"')
        columns = [column[0] for column in found.description]
        for row in found:
            yield table, {key: _value(value) for key, value in zip(columns, row, strict=True)}


def _value(value: Any) -> Any:
    """What JSON cannot say otherwise is an object: text that is not UTF-8 (`base64`), and infinite numbers (`real`)."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"real": repr(value)}
    return value
