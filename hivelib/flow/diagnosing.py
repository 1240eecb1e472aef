"""Looks at everything that a hive stands on, and for each thing that is wrong names the line that mends it."""

import os
import shutil
import stat
from collections.abc import Iterator
from typing import NamedTuple

from hivelib.base import bootstrap
from hivelib.base.config import config_path, good_path, load_settings
from hivelib.base.errors import HiveError
from hivelib.base.paths import Paths
from hivelib.base.users import drop_to_owner
from hivelib.flow.opening import Hive, open_hive
from hivelib.flow.reloading import faults_of
from hivelib.host import claude, probing, systemd
from hivelib.model.settings import Settings
from hivelib.store import agents, health, warnings

OLDEST_SYSTEMD = 250
UP = "hive-up"
NONE = f"{UP}; or export HIVE_CONFIG, as {UP} of another hive said"


class Finding(NamedTuple):
    """One thing that was looked at: `verdict` is ok, warn or fail; `mend` the line that mends it, empty when ok."""

    name: str
    verdict: str
    words: str
    mend: str = ""


def diagnose() -> Iterator[Finding]:
    """Looks at the machine and at the hive that the tools find; gives one finding after the other.

    Root becomes the owner of the hive first, so that what is tried is tried as that user.
    """
    yield _venv()
    try:
        settings = load_settings()
        drop_to_owner(settings)
    except HiveError as error:
        yield from _machine()
        yield Finding("settings", "fail", error.message, error.hint or UP)
        return
    yield from _machine()
    if not any(map(os.path.exists, (config_path(), good_path(config_path())))):
        yield Finding("settings", "fail", f"there is no {config_path()}, so no hive here", NONE)
        return
    yield _settings()
    answers = systemd.answers(settings)
    yield from _manager(settings, answers)
    yield from _claude(settings)
    yield _disk(settings)
    yield from _database(settings, answers)


def _settings() -> Finding:
    path = config_path()
    if faults := faults_of(path):
        words = f"{path}, so the last good ones are used: {'; '.join(faults)}"
        return Finding(
            "settings", "fail", words, "mend the file; hive-check-config names its faults"
        )
    return Finding("settings", "ok", path)


def _venv() -> Finding:
    import platform

    if bootstrap.finished(bootstrap.ROOT):
        return Finding("python", "ok", f"{platform.python_version()} in {bootstrap.ROOT}/.venv")
    return Finding("python", "warn", f"{bootstrap.ROOT}/.venv is not up to date", UP)


def _machine() -> Iterator[Finding]:
    fault = probing.boxes()
    if fault:
        yield Finding("boxes", "fail", fault.what, fault.mend)
    else:
        yield Finding("boxes", "ok", "bubblewrap makes user namespaces")
    version = probing.systemd_version()
    if version >= OLDEST_SYSTEMD:
        yield Finding("systemd", "ok", f"version {version}")
    else:
        words = f"version {version}, {OLDEST_SYSTEMD} is the oldest that was tried"
        yield Finding("systemd", "warn", words, "upgrade the distribution")


def _manager(settings: Settings, answers: bool) -> Iterator[Finding]:
    scope = settings.systemd.scope
    if not answers:
        yield Finding("manager", "fail", f"the {scope} systemd of this hive does not answer", UP)
        return
    yield Finding("manager", "ok", f"{scope}, at {systemd.runtime_dir(settings)}")
    if scope == "user" and not probing.lingers():
        words = "the hive ends with your login and does not start at boot"
        yield Finding("lingering", "warn", words, "loginctl enable-linger")
    if lost := probing.missing_controllers(settings):
        words = f"limits of boxes do not bite: no controller for {', '.join(sorted(lost))}"
        yield Finding("limits", "warn", words, f"as root: {UP} --user NAME (delegates them)")
    else:
        yield Finding("limits", "ok", "memory, processor and number of processes")
    if systemd.succeeds(settings, "is-active", "--quiet", "hive.target"):
        yield Finding("hive", "ok", "it runs")
    else:
        yield Finding("hive", "fail", "hive.target is not active", UP)
    failed = systemd.failed_units(settings)
    for unit in failed:
        yield Finding("unit", "fail", f"{unit} has failed", f"hive-logs {unit}; then {UP}")
    if not failed:
        yield Finding("units", "ok", "none has failed")
    if urls := settings.notify.urls_file:
        yield _notify(settings, urls)


def _notify(settings: Settings, urls: str) -> Finding:
    """Whether the operator is told away from the screen; a service that fails is a warning that stands."""
    unit = "hive-notify.service"
    if systemd.succeeds(settings, "is-active", "--quiet", unit):
        return Finding("notify", "ok", f"the operator is told as {urls} says")
    if not os.path.isabs(urls) or not os.path.exists(urls):
        words = f"[notify] urls_file is no full path of a file: {urls}"
        return Finding("notify", "warn", words, f"write it; then {UP}")
    return Finding("notify", "warn", f"{unit} does not run", f"hive-logs {unit}; then {UP}")


def _claude(settings: Settings) -> Iterator[Finding]:
    path = settings.claude.path
    if settings.claude.demo:
        yield Finding("claude", "ok", "a demo: scripted agents, no model is called")
        return
    if not path or not os.access(path, os.X_OK):
        words = f"{path} cannot be run" if path else "no claude program is set"
        yield Finding("claude", "fail", words, f"{claude.INSTALL}; then {UP}")
        return
    try:
        yield Finding("claude", "ok", f"{probing.claude_version(path)}, {path}")
    except HiveError as error:
        yield Finding("claude", "fail", error.message, f"{claude.INSTALL}; then {UP}")


def _disk(settings: Settings) -> Finding:
    try:
        free = shutil.disk_usage(settings.state_dir).free
    except OSError as error:
        return Finding("disk", "fail", f"{settings.state_dir}: {error.strerror}", UP)
    words = f"{free / 1024**3:.1f} GiB free at {settings.state_dir}"
    if free >= 2 * settings.box.free_bytes:
        return Finding("disk", "ok", words)
    verdict = "warn" if free >= settings.box.free_bytes else "fail"
    return Finding(
        "disk",
        verdict,
        f"{words}; agents are parked below {settings.box.free_bytes} bytes",
        "free some space",
    )


def _database(settings: Settings, answers: bool) -> Iterator[Finding]:
    try:
        hive = open_hive(settings)
    except HiveError as error:
        yield Finding("database", "fail", error.message, error.hint or UP)
        return
    with hive.db:
        if faults := health.faults(hive.db):
            mend = "stop the hive and restore a backup"
            yield Finding("database", "fail", f"damaged: {'; '.join(faults)}", mend)
            return
        yield Finding("database", "ok", "whole, and of this program's version")
        yield from _agents(hive, answers)
        for name, _, why, mend in warnings.standing(hive.db):
            yield Finding(f"warning {name}", "warn", why, mend)


def _agents(hive: Hive, answers: bool) -> Iterator[Finding]:
    """The agents; without a systemd that answers nothing can listen, and that was said already."""
    for agent in agents.all_of(hive.db):
        if agent.state == "running" and answers:
            gone = [name for name, there in _ways(hive.paths, agent.name).items() if not there]
            if gone:
                mend = f"hive-stop {agent.name}; hive-start {agent.name}"
                yield Finding(
                    f"agent {agent.name}", "fail", f"not listening: {', '.join(gone)}", mend
                )
                continue
        if agent.needs_login or not has_login(hive, agent.name):
            yield Finding(f"agent {agent.name}", "warn", "has no login", f"hive-login {agent.name}")
        elif agent.parked:
            mend = f"hive-start {agent.name}"
            yield Finding(f"agent {agent.name}", "warn", f"is parked: {agent.parked_why}", mend)
        else:
            yield Finding(f"agent {agent.name}", "ok", agent.state)


def _ways(paths: Paths, name: str) -> dict[str, bool]:
    ways = {kind: stat.S_ISSOCK(_mode(paths.socket(name, kind))) for kind in ("mcp", "net", "exec")}
    return {**ways, "bell": stat.S_ISFIFO(_mode(f"{paths.bell}/turn.{name}/unit"))}


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def has_login(hive: Hive, name: str) -> bool:
    """Whether an agent can talk to its model as far as one can see from outside: a key, a login, or a demo."""
    settings = hive.settings
    if settings.claude.demo or settings.api.key_file:
        return True
    return keeps_login(hive, name)


def keeps_login(hive: Hive, name: str) -> bool:
    """Whether a login of its own lies among an agent's files."""
    # The box writes there, so nothing in it is opened; claude itself keeps its login in this file.
    return bool(_mode(f"{hive.paths.agent_claude(name)}/.credentials.json"))
