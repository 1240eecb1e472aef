"""Building an agent's commit, and the log that is kept of it."""

import os
from io import StringIO
from types import ModuleType

from hivelib.base import text
from hivelib.base.errors import HiveError, NotNow
from hivelib.flow.opening import Hive
from hivelib.host import git

FILES = ("agent.json",)
"""What a backend that does not build with nix is given of a commit."""

LOG_MOST = 256 * 1024
"""Characters of a log; what came first is lost of a longer one."""

END_MOST = 4000
"""Characters of a log's end that a failed deploy tells."""


def build(hive: Hive, box: ModuleType, name: str, commit: str, number: int = 0) -> None:
    """Builds a commit of applied/NAME for this kind of box; success when it was built already.

    With the `number` of an approval the log of it is kept. Raises HiveError with the reason, NotNow when the hive's
    systemd is away.
    """
    place = hive.paths.applied(name)
    found = {path: git.show(place, commit, path) for path in FILES}
    files = {path: words for path, words in found.items() if words is not None}
    log = StringIO()
    try:
        box.build(hive.settings, name, commit, files, log)
        log.write("built\n")
    except OSError as error:
        raise NotNow(f"cannot keep what is built: {error.strerror}", "make room") from None
    except NotNow:
        raise
    except HiveError as error:
        log.write(f"{error}\n")
        raise
    finally:
        if number:
            _keep(hive, number, log)


def end_of_log(hive: Hive, number: int) -> str:
    """The end of what was written while an approval was built; empty when nothing was."""
    try:
        with open(hive.paths.build_log(number), encoding="utf-8") as file:
            return file.read()[-END_MOST:].strip()
    except OSError:
        return ""


def _keep(hive: Hive, number: int, log: StringIO) -> None:
    path = hive.paths.build_log(number)
    os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    words = text.visible(log.getvalue())[-LOG_MOST:]
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(words)
    os.replace(f"{path}.new", path)
