"""Finds and reads hive.toml. The only reader of the environment besides base/bootstrap.py (DESIGN.md, State)."""

import os
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


def load_settings(path: str | None = None) -> Settings:
    """Reads `path` (default: `config_path()`); a missing file means defaults unless it was named.

    Raises Misuse with the file and the field when it does not parse or a field is unknown or of the wrong type.
    """
    named = path or os.environ.get("HIVE_CONFIG")
    path = path or config_path()
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError:
        if named:
            raise Misuse(f"no settings file {path}", "start a hive with `hive-up`") from None
        table = {}
    except PermissionError:
        raise Misuse(f"may not read {path}", "run as the hive's user") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misuse(f"{path}: {error}", "mend the file") from None
    return _with_places(_build(Settings, table, path, ""))


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
