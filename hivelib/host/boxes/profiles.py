"""What was built of an agent: `builds/NAME/COMMIT`, a directory that is complete once it has that name.

The one that is tried before it gets its name is `builds/NAME/trial`: only the approvals' worker builds, one at a time.
"""

import os
import shutil
from collections.abc import Collection, Mapping

from hivelib.base.paths import Paths
from hivelib.model.settings import Settings

AGENT = "agent.json"
"""The file of a profile that a box of bubblewrap runs with."""
TRIAL = "trial"
LOG = "log"
"""What the trial wrote, beside what was tried."""


def there(settings: Settings, name: str, commit: str) -> bool:
    """Whether that commit was built."""
    return os.path.isdir(Paths.of(settings).build(name, commit))


def begin(settings: Settings, name: str, files: Mapping[str, str]) -> str:
    """Writes the files that will be tried; gives their directory. What an earlier trial left is removed."""
    place = Paths.of(settings).build(name, TRIAL)
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place, mode=0o750)
    for file, text in files.items():
        _write(f"{place}/{file}", text)
    return place


def complete(settings: Settings, name: str, commit: str) -> None:
    """What was tried is what was built."""
    paths = Paths.of(settings)
    place = paths.build(name, TRIAL)
    if os.path.lexists(f"{place}/{LOG}"):
        os.unlink(f"{place}/{LOG}")
    os.rename(place, paths.build(name, commit))


def said(settings: Settings, name: str) -> str:
    """What the last trial wrote, the first bytes of it."""
    try:
        path = f"{Paths.of(settings).build(name, TRIAL)}/{LOG}"
        with open(path, "rb") as file:
            return file.read(4096).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def put(settings: Settings, name: str, commit: str) -> None:
    """Lets what was built of a commit be what the box runs with from now on: one rename."""
    paths = Paths.of(settings)
    with open(f"{paths.build(name, commit)}/{AGENT}", encoding="utf-8") as file:
        text = file.read()
    _write(f"{paths.agent_config(name)}.new", text)
    os.replace(f"{paths.agent_config(name)}.new", paths.agent_config(name))


def prune(settings: Settings, name: str, keep: Collection[str]) -> None:
    """Removes what was built of other commits than these, and what was only tried."""
    place = os.path.dirname(Paths.of(settings).build(name, TRIAL))
    for entry in os.listdir(place) if os.path.isdir(place) else ():
        if entry not in keep:
            shutil.rmtree(f"{place}/{entry}", ignore_errors=True)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else f"{text}\n")
        file.flush()
        os.fdatasync(file.fileno())
