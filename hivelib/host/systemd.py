"""systemctl, for whichever manager runs this hive's units: the user's own, the hive's private one, or the system's."""

import json
import os
import time
from collections.abc import Sequence
from typing import NamedTuple

from hivelib.base.errors import HiveError, NotNow
from hivelib.base.proc import Done, run
from hivelib.model.settings import Settings

_SECONDS = 90.0
_UP_SECONDS = 60.0
_LOOK_SECONDS = 1.0


class Unit(NamedTuple):
    """A unit as its manager sees it: `active` is active, inactive, failed, activating or deactivating."""

    name: str
    active: str
    sub: str
    result: str


def runtime_dir(settings: Settings) -> str:
    """The XDG_RUNTIME_DIR of the manager; without meaning for the system's."""
    return (
        settings.systemd.xdg_runtime_dir
        or os.environ.get("XDG_RUNTIME_DIR")
        or f"/run/user/{os.getuid()}"
    )


def command(settings: Settings) -> list[str]:
    """The words before every systemctl verb."""
    scope = [] if settings.systemd.scope == "system" else ["--user"]
    return ["systemctl", *scope, "--no-ask-password", "--no-pager"]


def systemctl(settings: Settings, *words: str, check: bool = True) -> str:
    """Runs one systemctl verb and gives back its stdout; raises HiveError with systemctl's reason if it fails."""
    return _run(settings, words, check).out


def succeeds(settings: Settings, *words: str) -> bool:
    """Whether a systemctl verb ends with status 0 (`is-active`, `is-enabled`)."""
    return _run(settings, words, check=False).status == 0


def _run(settings: Settings, words: Sequence[str], check: bool, seconds: float = _SECONDS) -> Done:
    env = {**os.environ, "XDG_RUNTIME_DIR": runtime_dir(settings), "SYSTEMD_COLORS": "0"}
    done = run([*command(settings), *words], env=env, check=False, seconds=seconds)
    if check and done.status and "connect to bus" in done.err:
        raise NotNow("the hive is down: its systemd does not answer", "`hive-up` brings it back")
    if check and done.status:
        lines = (done.err.strip() or done.out.strip() or f"status {done.status}").splitlines()
        raise HiveError(f"systemctl {' '.join(words[:2])}: {lines[0]}", "`hive-doctor` says more")
    return done


def start_all(settings: Settings, target: str) -> None:
    """Starts a target and waits until it is up; raises HiveError that names a unit which does not come up.

    Not one `start` for as long as it takes: a service that fails and is tried again for ever would make that wait for
    ever too. A target that was up already is up, whatever is broken in it.
    """
    was_up = state(settings, target).active == "active"
    systemctl(settings, "start", "--no-block", target)
    until = time.monotonic() + _UP_SECONDS
    while time.monotonic() < until:
        is_up = _comes_up(settings, target)
        if is_up and was_up:
            return
        known = units(settings)
        shared = [unit for unit in known if "@" not in unit.name]  # one agent is not the hive
        if broken := [u.name for u in shared if u.active == "failed" or u.sub == "auto-restart"]:
            raise HiveError(f"{', '.join(broken)}: does not come up")
        if is_up:
            return
    waiting = ", ".join(u.name for u in known if u.active == "activating")
    raise NotNow(f"{target} is not up after {_UP_SECONDS:g} s; still starting: {waiting}")


def _comes_up(settings: Settings, target: str) -> bool:
    """Waits for the target with systemctl's own waiting, until it is time to look around."""
    try:
        _run(settings, ["start", target], check=True, seconds=_LOOK_SECONDS)
    except NotNow:
        return False
    return True


def answers(settings: Settings) -> bool:
    """Whether the manager is there at all."""
    done = _run(settings, ["show", "-p", "SystemState", "--value"], check=False)
    return done.out.strip() in ("running", "degraded", "starting", "initializing")


def state(settings: Settings, unit: str) -> Unit:
    """What the manager says of one unit; a unit it does not know is `inactive`."""
    shown = systemctl(settings, "show", "-p", "ActiveState,SubState,Result", unit, check=False)
    table = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    known = [table.get(k, "") for k in ("ActiveState", "SubState", "Result")]
    return Unit(unit, known[0] or "inactive", known[1], known[2])


def units(settings: Settings, *patterns: str, state: str = "") -> list[Unit]:
    """The loaded units that match (default: all of the hive's), of one `state` only if given (`failed`)."""
    chosen = [f"--state={state}"] if state else ["--all"]
    wanted = patterns or ("hive.target", "hive-*")
    shown = systemctl(settings, "list-units", "--output=json", *chosen, *wanted)
    return [Unit(u["unit"], u["active"], u["sub"], "") for u in json.loads(shown or "[]")]


def failed_units(settings: Settings) -> list[str]:
    """The names of the hive's units that failed, or fail and are started again for ever (StartLimitIntervalSec=0)."""
    return [unit.name for unit in units(settings, state="failed,auto-restart")]
