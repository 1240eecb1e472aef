"""Brings a hive up on this machine: places, manager, settings, units, database, agents. Every step is safe to repeat.

Root only does what needs root (packages, a user, a control group, a readable claude) and then becomes the hive's user
for good; what lies in the hive's directories is made by that user alone.
"""

import fcntl
import os
import socket
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from hivelib.base import packages, users
from hivelib.base.config import load_settings
from hivelib.base.errors import HiveError, Refused
from hivelib.base.toml import Value, changed
from hivelib.base.users import User
from hivelib.flow import (
    mailing,
    notifying,
    placing,
    reconciling,
    reloading,
    rendering,
    settling,
    spawning,
)
from hivelib.flow.diagnosing import has_login
from hivelib.flow.opening import Hive, open_hive
from hivelib.flow.placing import Place, Wish
from hivelib.flow.preparing import prepare_state, provide_extras
from hivelib.host import claude as programs
from hivelib.host import cradle, machine, manager, systemd
from hivelib.model.names import MANAGER, OPERATOR
from hivelib.model.settings import Settings
from hivelib.store import agents

QUESTION = "which program in /usr/bin is the largest?"
"""What bin/hive-demo-claude knows how to play."""
_PORTS = range(7000, 7100)


class Raised(NamedTuple):
    """A hive that is up: `done` says what this run did (nothing: all was there), `notes` what still wants a hand."""

    hive: Hive
    place: Place
    done: list[str]
    notes: list[str]


def up(wish: Wish) -> Raised:
    """Brings the hive of `wish` up and gives back what runs. After this the process is the hive's user.

    Raises HiveError with what to do; whatever was done until then stays and is used by the next try.
    """
    packages.provide(packages.missing())
    wish = placing.named(wish)
    user = machine.hive_user(wish.user, wish.directory)
    claude = machine.open_to_all(machine.find_claude(wish.claude)) if not wish.demo else ""
    place = choose(wish, user)
    done, notes = [], provide_extras(place.config)
    machine.give_directory(place.root, user)
    if place.private:
        if cradle.start(place.private, user):
            done.append("started a systemd of the hive's own")
    elif not machine.linger(user):
        notes.append(
            f"the hive ends with your login: run `sudo loginctl enable-linger {user.name}`"
        )
    if os.geteuid() == 0:
        if place.is_default:
            _link(placing.SYSTEM_CONFIG, place.config)
        users.become(user)
    with _alone(place):
        settings = write_settings(wish, place, claude, done)
        hive = _start(wish, place, settings, done)
    if broken := systemd.failed_units(settings):
        notes.append(f"failed: {', '.join(broken)}; {_where_to_look(settings)}")
    if not settings.claude.path:
        notes.append(
            f"no claude is here: `{programs.INSTALL}`, then hive-up again; or hive-up --demo"
        )
    elif not has_login(hive, MANAGER):
        notes.append(
            "no login yet: `hive-login manager` (one for each agent), or give ANTHROPIC_API_KEY to hive-up"
        )
    return Raised(hive, place, done, notes)


def choose(wish: Wish, user: User) -> Place:
    """Where the hive lies: the directory that was named, else where its user's tools look without being told."""
    if wish.directory or wish.demo:
        directory = wish.directory or placing.default_directory(user, demo=True)
        return placing.of_directory(os.path.abspath(directory), user, wish.config)
    config = placing.default_config(user)
    runtime = cradle.users_runtime_dir(user.uid)
    if os.geteuid() == 0:
        theirs = os.path.isdir(machine.BOOTED) and bool(packages.find("loginctl"))
    else:
        theirs = manager.answers(runtime)
    directory = placing.default_directory(user)
    if theirs and not os.path.exists(f"{directory}/{manager.RECORD}"):
        return placing.of_user(user, runtime)
    return placing.of_directory(directory, user, config)


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Two hive-up for one hive: the second waits."""
    lock = os.open(place.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def write_settings(wish: Wish, place: Place, claude: str, done: list[str]) -> Settings:
    """Makes hive.toml, or fills in what it lacks; what was said on the command line is changed, and told in `done`.

    Gives it back, read.
    """
    os.makedirs(os.path.dirname(place.config), mode=0o700, exist_ok=True)
    try:
        with open(place.config, encoding="utf-8") as file:
            text = before = file.read()
    except FileNotFoundError:
        text, before = (
            "# The settings of this hive. hive-up fills in what is missing and keeps the rest.\n",
            "",
        )
    known = (
        load_settings(place.config, last_good=False) if before else Settings()
    )  # says what is wrong with it
    wanted: dict[str, Value] = {"state_dir": place.state, "runtime_dir": place.runtime}
    if place.log:
        wanted["log_dir"] = place.log
    wanted["systemd.scope"] = "private" if place.private else "user"
    wanted["systemd.xdg_runtime_dir"] = place.xdg_runtime_dir
    said: dict[str, Value] = {}
    if wish.demo:
        said |= {"claude.path": f"{wish.bindir}/hive-demo-claude", "claude.demo": True}
    elif claude:
        other = wish.claude or not os.path.exists(known.claude.path)
        (said if other else wanted)["claude.path"] = claude
    if wish.port:
        said["web.port"] = wish.port
    elif "port" not in tomllib.loads(text).get("web", {}):
        wanted["web.port"] = _free_port()
    if wish.api_key:
        said["api.key_file"] = _keep_key(place, wish.api_key)
    text = changed(text, wanted, keep=True)
    one_by_one = {key: changed(text, {key: value}, keep=False) for key, value in said.items()}
    news = [f"{key} = {said[key]}" for key, after in one_by_one.items() if after != text]
    text = changed(text, said, keep=False)
    if before and news:
        done.append(f"changed the settings: {', '.join(news)}")
    if text != before:
        with open(f"{place.config}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(f"{place.config}.new", place.config)
    reloading.keep_good(place.config)
    return load_settings(place.config, last_good=False)


def _keep_key(place: Place, key: str) -> str:
    path = f"{place.state}/api-key"
    os.makedirs(place.state, mode=0o700, exist_ok=True)
    descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(key.strip() + "\n")
    os.replace(f"{path}.new", path)
    return path


def _free_port() -> int:
    if free := next(filter(_is_free, _PORTS), None):
        return free
    raise Refused(f"no port from {_PORTS[0]} to {_PORTS[-1]} is free", "name one with --port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _link(link: str, target: str) -> None:
    if os.path.islink(link) or not os.path.exists(link):
        os.makedirs(os.path.dirname(link), mode=0o755, exist_ok=True)
        new = f"{link}.new"
        if os.path.lexists(new):
            os.unlink(new)
        os.symlink(target, new)
        os.replace(new, link)


def _start(wish: Wish, place: Place, settings: Settings, done: list[str]) -> Hive:
    texts = rendering.rendered(wish.bindir, place.config, settings)
    change = rendering.install(place, texts)
    if change.units:
        systemd.systemctl(settings, "daemon-reload")
    is_new = not os.path.exists(f"{settings.state_dir}/hive.sqlite")
    if prepare_state(settings):
        done.append("made the database" if is_new else "brought the database up to date")
    if systemd.succeeds(settings, "is-active", "--quiet", "hive.target"):
        done += restart_changed(settings, change)
    else:
        done.append("started the hive")
        rendering.remember(place, texts)  # nothing runs that is older than these
    if not place.private:
        systemd.systemctl(settings, "enable", "--quiet", "hive.target")
    try:
        systemd.start_all(settings, "hive.target")
    except HiveError as error:
        port = settings.web.port
        if "hive-dashboard.socket" in error.message and not _is_free(port):
            taken = f"port {port} is taken by another program"
            raise HiveError(taken, "name another: hive-up --port N") from None
        raise HiveError(error.message, _where_to_look(settings)) from None
    hive = open_hive(settings)
    reloading.clear_warning(hive)
    done += reconciling.reconcile(hive)
    done += _try_again(hive)
    if not settings.notify.urls_file:
        notifying.stand_down(hive)
    if wish.demo:
        done += play_scene(hive)
    rendering.remember(place, texts)
    return hive


def _try_again(hive: Hive) -> list[str]:
    """Agents whose turns failed for want of a claude go on, now that there is one."""
    if programs.missing(hive.settings):
        return []
    waiting = [agent.name for agent in agents.all_of(hive.db) if agent.parked_kind == "failing"]
    return [f"let {name} try again" for name in waiting if settling.unpark(hive, name, OPERATOR)]


def play_scene(hive: Hive) -> list[str]:
    """The demo: alice and bob come, and the operator asks alice something; nothing when they are there already."""
    new = [name for name in ("bob", "alice") if spawning.spawn(hive, name)]
    if "alice" not in new:
        return []
    mailing.send(hive, mailing.SHELL, "alice", f"Please ask bob: {QUESTION}")
    return ["made alice and bob, and sent alice a question"]


def _where_to_look(settings: Settings) -> str:
    return f"see {settings.log_dir}" if settings.log_dir else "see `journalctl --user -u 'hive-*'`"


def restart_changed(settings: Settings, change: rendering.Change) -> list[str]:
    """After an upgrade: services that changed start again, all of them if the program did, everything if a socket did.

    Agents in the middle of a turn lose it then; its mail is delivered again. Gives back what was done, in words.
    """
    if any(not name.endswith(".service") for name in change.units):
        systemd.systemctl(settings, "stop", "hive.target", "hive-*")
        return ["started the hive again: its sockets or targets changed"]
    services = sorted({name for name in change.units if name.startswith("hive-")})
    if change.program or "hive-.service" in services:
        services = [unit.name for unit in systemd.units(settings, "hive-*.service")]
        services = [name for name in services if not name.startswith(("hive-exec@", "hive-turn@"))]
    plain = [name for name in services if "@." not in name]
    if not plain:
        return []
    systemd.systemctl(settings, "try-restart", *plain)
    return [f"started again, for they changed: {', '.join(plain)}"]


def facts(raised: Raised) -> dict[str, Any]:
    """What `hive-up --json` gives out."""
    settings = raised.hive.settings
    return {
        "config": raised.place.config,
        "user": raised.place.user.name,
        "state": settings.state_dir,
        "systemd": settings.systemd.scope,
        "url": f"http://127.0.0.1:{settings.web.port}",
        "demo": settings.claude.demo,
        "logs": settings.log_dir,
        "agents": {agent.name: agent.state for agent in agents.all_of(raised.hive.db)},
        "done": raised.done,
        "notes": raised.notes,
    }
