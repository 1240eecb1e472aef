"""What a process holds."""

import re
from pathlib import Path


def pss(pid: int) -> float:
    """A process's memory in MB; what it shares with others counts by its share."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
