"""A reminder that is too long for a message, or was asked for as a file: written into its agent's /state."""

from hivelib.base.errors import HiveError, NotNow
from hivelib.flow.opening import Hive
from hivelib.host import disk, spill
from hivelib.model.records import Reminder

_NAMES = 20
"""How many names are tried when a file of the agent's own lies in the way."""


def wants_file(hive: Hive, reminder: Reminder) -> bool:
    """Whether what is delivered is a pointer to a file."""
    return bool(reminder.file_path) or len(reminder.body.encode()) > hive.settings.mail.body_limit


def spilled(hive: Hive, reminder: Reminder) -> str:
    """Writes the reminder's body into its file and gives back the file's path as the box has it. Safe to do again.

    A path that was asked for is replaced when a regular file lies there. Without one it is /state/reminders/ID.md, or
    with a number behind ID when that is another file. Raises NotNow when the disk has no room, HiveError when
    something is in the way.
    """
    top = hive.paths.agent_state(reminder.owner)
    data = reminder.body.encode()
    free = disk.free_bytes(top)
    if free < hive.settings.box.free_bytes + len(data):
        raise NotNow(f"only {free} bytes of the disk are free", "make room")
    mark = str(reminder.id)
    if reminder.file_path:
        spill.write(top, _parts(reminder.file_path), data, mark, replace=True)
        return reminder.file_path
    for number in range(_NAMES):
        path = f"/state/reminders/{reminder.id}{f'-{number}' if number else ''}.md"
        if spill.write(top, _parts(path), data, mark, replace=False):
            return path
    raise HiveError(f"{path} and {_NAMES - 1} more are there, and not ours")


def _parts(path: str) -> list[str]:
    return path.removeprefix("/state/").split("/")
