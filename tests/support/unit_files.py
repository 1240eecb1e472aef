"""What systemd-analyze says of a directory of units; no manager is asked."""

import re
import subprocess
from pathlib import Path


def mistakes(units: Path, scope: str, **environment: str) -> tuple[int, str]:
    """The status and the words of its verification, for the `system` or the `user` manager."""
    argv = ["systemd-analyze", "verify", f"--{scope}", "--man=no", "--recursive-errors=yes"]
    files = [str(path) for path in sorted(units.iterdir()) if path.is_file()]
    path = {"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{units}:/usr/lib/systemd/{scope}"}
    done = subprocess.run(
        [*argv, *files], env=path | environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def exposure(unit: Path) -> float:
    """How exposed a service is, from 0 to 10."""
    argv = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = re.search(r"exposure level for \S+ ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])
