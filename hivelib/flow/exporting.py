"""Everything that the databases hold as JSON lines, of one instant for each database, while everybody works.

A row at a time, so that it takes no more memory for a big hive. Who reads slowly holds up nobody; but what is written
meanwhile stays in the write-ahead log until the database it reads is at its end.
"""

import json
import os
from typing import Any, BinaryIO

from hivelib.base.archive import new_file
from hivelib.base.db import Database
from hivelib.base.errors import HiveError
from hivelib.flow.opening import Hive, all_transcripts
from hivelib.store import dumping

_line = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def export_to(hive: Hive, path: str) -> int:
    """Writes an export into the new file `path`, which is there whole or not at all; gives back how many lines it has.

    Raises Refused when `path` is there.
    """
    with new_file(path) as file:
        return export(hive, file)


def export(hive: Hive, out: BinaryIO) -> int:
    """Writes all rows of hive.sqlite, then those of each transcript; gives back how many lines that were.

    A transcript that is damaged does not keep the others from being written; then it raises HiveError in the end.
    """
    lines, faults = _write(hive.paths.database, {}, out), []
    for path in all_transcripts(hive):
        try:
            lines += _write(path, {"transcript": _name(path)}, out)
        except HiveError as error:
            if os.path.exists(path):  # else it was purged meanwhile
                faults.append(str(error))
    if faults:
        raise HiveError(f"not all is there: {'; '.join(faults)}", "`hive-doctor` may say more")
    return lines


def _write(path: str, head: dict[str, Any], out: BinaryIO) -> int:
    count = 0
    with Database(path) as db, db.snapshot():
        for table, row in dumping.rows(db):
            out.write(_line({**head, "table": table, "row": row}).encode() + b"\n")
            count += 1
    return count


def _name(path: str) -> str:
    """NAME of an agent's transcript, .NAME.N of what an older incarnation left."""
    above, file = os.path.split(path)
    return os.path.basename(above) if file == "transcript.sqlite" else file.removesuffix(".sqlite")
