"""Times whole commands as the user who runs this: a JSON argv a line in, milliseconds out; ends when one fails.

usage: python -m tests.bench.stopwatch DATABASE…    These are kept open meanwhile, as hive-broker keeps the hive's: the
last connection to a database that closes has to tidy it up, which takes five syncs of the disk.
"""

import json
import os
import sqlite3
import sys
import time


def main() -> None:
    """Reads commands until stdin ends."""
    keepers = [sqlite3.connect(path) for path in sys.argv[1:]]
    for keeper in keepers:
        keeper.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    for line in sys.stdin:
        argv = json.loads(line)
        began = time.perf_counter()
        child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=silent)
        _, status = os.waitpid(child, 0)
        took = time.perf_counter() - began
        if status != 0:
            sys.exit(f"status {os.waitstatus_to_exitcode(status)}: {argv}")
        print(took * 1000, flush=True)


if __name__ == "__main__":
    main()
