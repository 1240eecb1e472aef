"""Finds and reads hive.toml. The only reader of the environment besides base/bootstrap.py (DESIGN.md, State)."""

import os
import sys
import tomllib
from typing import Any

from hivelib.base.errors import Misuse
from hivelib.model.settings import Settings


def config_path() -> str:
    """The settings file: `HIVE_CONFIG`, else the user's, else /etc/hyperhive/hive.toml if that is there."""
    if named := os.environ.get("HIVE_CONFIG"):
        return named
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    users = f"{home}/hyperhive/hive.toml"
    systems = "/etc/hyperhive/hive.toml"
    return systems if not os.path.exists(users) and os.path.exists(systems) else users


def load_settings(path: str | None = None, *, last_good: bool = True) -> Settings:
    """Reads `path` (default: `config_path()`); a missing file means defaults unless it was named.

    A faulty edit is ignored: where the last good settings are kept beside the file, those count, and a line on stderr
    says so; not with `last_good` off. Raises Misuse with the file and the field when there are none, and it does not
    parse or a field is unknown or of the wrong type.
    """
    named = path or os.environ.get("HIVE_CONFIG")
    path = path or config_path()
    data = read(path)
    good = read(good_path(path)) if last_good else None
    if good is not None and data != good and (fault := _fault(data, path)):
        from hivelib.base.journal import note  # only where somebody has made a mistake

        words = f"{fault}; the last good settings are used, `hive-check-config` says more"
        note(os.path.basename(sys.argv[0]), words)
        data = good
    if data is None and named:
        raise Misuse(f"no settings file {path}", "start a hive with `hive-up`")
    return _with_places(_build(Settings, _parsed(data or b"", path), path, ""))


def good_path(path: str) -> str:
    """Where the last good settings of the file `path` are kept: beside it, or where it is a link and nothing is there
    (root's, to a user's hive), beside what it leads to."""
    beside, behind = f"{path}.good", f"{os.path.realpath(path)}.good"
    return behind if not os.path.exists(beside) and os.path.exists(behind) else beside


def read(path: str) -> bytes | None:
    """The bytes of a settings file, None when it is not there; raises Misuse when it may not be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except PermissionError:
        raise Misuse(f"may not read {path}", "run as the hive's user") from None


def _parsed(data: bytes, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misuse(f"{path}: {error}", "mend the file") from None


def _fault(data: bytes | None, path: str) -> str:
    """The first thing that is wrong with a settings file, empty when nothing is."""
    if data is None:
        return f"{path} is not there"
    try:
        _build(Settings, table := _parsed(data, path), path, "")
    except Misuse as fault:
        return fault.message
    from hivelib.model.bounds import out_of_bounds

    return next((f"{path}: {fault}" for fault in out_of_bounds(table)), "")


def _build(kind: type[Any], table: dict[str, Any], path: str, where: str) -> Any:
    hints = kind.__annotations__
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            raise Misuse(f"{path}: unknown setting {where}{key}", f"known: {', '.join(hints)}")
        wanted = hints[key]
        if issubclass(wanted, tuple):  # a table of its own
            if not isinstance(value, dict):
                raise Misuse(f"{path}: {where}{key} must be a table", f"write [{key}]")
            values[key] = _build(wanted, value, path, f"{key}.")
        elif type(value) is wanted or (wanted is float and type(value) is int):
            values[key] = wanted(value)
        else:
            raise Misuse(f"{path}: {where}{key} must be of type {wanted.__name__}", "mend the file")
    return kind(**values)


def _with_places(settings: Settings) -> Settings:
    state = (
        settings.state_dir
        or os.environ.get("STATE_DIRECTORY")
        or _xdg("XDG_STATE_HOME", "~/.local/state")
    )
    run = (
        settings.runtime_dir
        or os.environ.get("RUNTIME_DIRECTORY")
        or _xdg("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    )
    return settings._replace(state_dir=state, runtime_dir=run)


def _xdg(variable: str, default: str) -> str:
    return f"{os.environ.get(variable) or os.path.expanduser(default)}/hyperhive"
