"""hive-settings: gives what runs an edited hive.toml, once it is right (docs/units.md).

systemd watches the file (hive-settings.path), so that nobody here wakes to do it; hive-broker's look finds an edit that
was made just as the one before was being given. A faulty edit is told and ignored: beside the file lie the last good
settings, which everything that starts meanwhile reads instead (base/config.py).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hivelib.base import bell, users
from hivelib.base.config import config_path, good_path, load_settings, read
from hivelib.base.errors import Misuse
from hivelib.flow import placing, rendering, warning
from hivelib.flow.checking import check_settings
from hivelib.flow.opening import Hive, open_hive
from hivelib.model.bounds import differing
from hivelib.model.settings import Settings
from hivelib.model.timely import SettingsChanged
from hivelib.store import events, warnings

WARNING = "settings"
LASTING = tuple(
    f"hive-{name}.service"
    for name in ("broker", "reminder", "dashboard", "mcp", "egress", "notify")
)
"""Who reads the settings once and stays. Whoever is called through a socket loses nothing by being started again."""
STARTED_ANEW = frozenset({"box", "turns", "crashes", "retention", "root"})
"""Tables of which those need nothing: who reads them is started for each turn, look or line."""
PLACES = ("state_dir", "deployed_dir", "runtime_dir", "log_dir", "systemd.")
"""What cannot be another while the hive runs."""
_PAGE = "hive-dashboard.socket"
_SHOWN = 500


def reload(bindir: str) -> str:
    """Takes hive.toml as it is now; gives back in words what came of it.

    Valid: what follows from it is written, who runs by it is started again, the event says which settings. Faulty: a
    warning names the faults. Neither, when nothing is another than before.
    """
    path = config_path()
    last = load_settings()  # the last good ones, while the file is faulty
    private = placing.of_settings(last, path, users.current()).private
    with _alone(private.directory if private else last.state_dir):
        said = "nothing has changed"
        while (now := read(path)) is None or now != read(good_path(path)) or _warned(last):
            said = _take(path, bindir)
            if read(path) == now:  # else it was edited again meanwhile
                break
    return said


def keep_good(path: str) -> None:
    """Keeps the file `path` as the last good settings, unless it is faulty; silent where nothing may be written."""
    with suppress(OSError, Misuse):
        data, good = read(path), good_path(path)
        if data is None or read(good) == data or faults_of(path):
            return
        with open(
            os.open(f"{good}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
        ) as file:
            file.write(data)
        os.replace(f"{good}.new", good)


def faults_of(path: str) -> list[str]:
    """What is wrong with the settings file `path`, one line each; also that it is not there, or no TOML."""
    try:
        return check_settings(path)[1]
    except Misuse as fault:
        return [fault.message.removeprefix(f"{path}: ")]


def unseen(hive: Hive) -> bool:
    """Whether hive.toml is another than what was looked at last, so that hive-settings should be started."""
    path = config_path()
    good = read(good_path(path))
    return good is not None and (read(path) != good) != _stands(hive)


def clear_warning(hive: Hive) -> None:
    """What starts has read good settings: a warning of an earlier edit is over."""
    if _stands(hive):
        with hive.db.write(durable=False) as db:
            events.record(db, *warning.cleared(db, WARNING, WARNING))


def _take(path: str, bindir: str) -> str:
    if faults := faults_of(path):
        shown = "; ".join(faults)[:_SHOWN]
        why = f"{path} has faults, so the settings stay as they were: {shown}"
        with (hive := open_hive(load_settings())).db as db:
            with db.write():
                warnings.clear(db, WARNING)  # the faults may be others by now
                events.record(db, *warning.raised(db, WARNING, WARNING, why, "hive-check-config"))
            bell.ring(hive.paths.bell, "events")
        return why
    good = good_path(path)
    new = load_settings(path, last_good=False)
    old = load_settings(good, last_good=False) if os.path.exists(good) else new
    names = differing(old, new)
    moved = [name for name in names if name.startswith(PLACES)]
    if not moved:
        _apply(path, bindir, old, new, names)
    with (hive := open_hive(old)).db as db:
        with db.write():
            told = warning.cleared(db, WARNING, WARNING)
            if moved:
                why = f"{', '.join(moved)}: what runs has the old places"
                told += warning.raised(db, WARNING, WARNING, why, "hive-down; hive-up")
            elif names:
                told.append(SettingsChanged(WARNING, names=names))
            events.record(db, *told)
        bell.ring(hive.paths.bell, "events")
    if moved:
        return why
    keep_good(path)
    return f"changed: {', '.join(names)}" if names else "nothing that counts has changed"


def _apply(path: str, bindir: str, old: Settings, new: Settings, names: list[str]) -> None:
    """Has what runs follow the new settings; killed anywhere in it, it is done again."""
    if (
        new.systemd.scope == "system" or not names
    ):  # there NixOS writes the units, and starts again what changed
        return
    from hivelib.host.systemd import systemctl, units

    before, texts = (rendering.rendered(bindir, path, settings) for settings in (old, new))
    others = {name: text for name, text in texts.items() if before.get(name) != text}
    if others:
        rendering.rewrite(placing.of_settings(new, path, users.current()), others)
        systemctl(new, "daemon-reload")
    if any(name.startswith(_PAGE) for name in others):
        # A socket does not start while its service runs.
        systemctl(new, "stop", _PAGE, "hive-dashboard.service")
        systemctl(new, "start", _PAGE)
    if {name.partition(".")[0] for name in names} - STARTED_ANEW:
        lasting = [unit.name for unit in units(new, *LASTING)]
        systemctl(new, "try-restart", "--no-block", *lasting)


def _warned(settings: Settings) -> bool:
    with (hive := open_hive(settings)).db:
        return _stands(hive)


def _stands(hive: Hive) -> bool:
    return any(name == WARNING for name, *_ in warnings.standing(hive.db))


@contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Not beside a hive-up, which locks the same directory of the hive's while it writes hive.toml."""
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
