"""Makes the real home, its XDG places and the real hive unreachable for tests.

Every place points below a plain file, so whoever forgets a fixture gets "Not a directory" with the
name of what was forgotten in it, from whatever program it was, also as root.
"""

import os
from pathlib import Path

FORGOTTEN = "use-the-fixture-private_state-or-live_hive"
PLACES = {
    "HOME": "/home",
    "HIVE_CONFIG": "/hive.toml",
    "XDG_CACHE_HOME": "/cache",
    "XDG_CONFIG_HOME": "/config",
    "XDG_DATA_HOME": "/data",
    "XDG_RUNTIME_DIR": "/run",
    "XDG_STATE_HOME": "/state",
}
# What a person's shell or a manager may have set and what would steer our tools or claude.
STEERING = (
    "ANTHROPIC_",
    "CLAUDE",
    "LISTEN_",
    "NOTIFY_SOCKET",
    "PYTHONPATH",
    "RUNTIME_DIR",
    "STATE_DIR",
    "SYSTEMD_",
)


def close(directory: Path) -> None:
    """Changes this process's environment, for good; `directory` holds the file that bars the way."""
    bar = directory / FORGOTTEN
    bar.touch()
    for name in list(os.environ):
        if name.startswith(STEERING):
            del os.environ[name]
    os.environ.update({name: f"{bar}{rest}" for name, rest in PLACES.items()})
