"""Says what is wrong with a settings file before anything uses it."""

import tomllib

from hivelib.base.config import config_path
from hivelib.base.errors import Misuse


def check_settings(path: str | None) -> tuple[str, list[str]]:
    """Given a hive.toml (default: the one the tools find); gives back its path and its faults, one line each.

    Raises Misuse when it is not there, cannot be read or is no TOML.
    """
    path = path or config_path()
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise Misuse(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misuse(f"{path}: {error}", "mend the file") from None
    from hivelib.model.checking import faults_of_settings  # pydantic: 80 ms

    return path, faults_of_settings(table)


def check_agent(text: str) -> None:
    """Raises Misuse with the first fault of an agent.json's text."""
    from hivelib.model.checking import faults_of_agent

    if faults := faults_of_agent(text):
        more = f"and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise Misuse(f"agent.json: {faults[0]}", more)
