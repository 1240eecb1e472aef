"""A box made of bubblewrap: one sandbox for each turn, on any Linux with systemd and user namespaces.

Its walls are in walls.py; here is what is done with it. A box is made anew for each turn, with the agent.json that is
there then.
"""

import os
from collections.abc import Collection, Mapping
from typing import TextIO

from hivelib.base.errors import HiveError
from hivelib.base.paths import Paths
from hivelib.host.boxes import Status, profiles
from hivelib.model.settings import Settings

BY_NIX = False
"""Nothing is built with nix: what is built of a commit is its agent.json, proven in a box."""

LIVES_ON = False
"""Between turns there is no box that could crash."""


def target(name: str) -> str:
    """The unit that is an agent."""
    return f"hive-agent@{name}.target"


def units(name: str) -> list[str]:
    """The services of an agent."""
    return [f"hive-{part}@{name}.service" for part in ("door", "exec", "turn")]


def create(settings: Settings, name: str) -> None:
    """Make the agent's directories, for the hive's user alone; success when they are there already."""
    paths = Paths.of(settings)
    for place in (paths.agent_state(name), paths.agent_claude(name), paths.shared):
        os.makedirs(place, mode=0o700, exist_ok=True)


def build(
    settings: Settings, name: str, commit: str, files: Mapping[str, str], log: TextIO
) -> None:
    """Builds a commit's agent.json: it must be valid, and a box must be able to run with it. Success when it was built.

    Raises HiveError with the reason, which is in the log too.
    """
    from hivelib.host.systemd import systemctl
    from hivelib.model.checking import faults_of_agent  # pydantic: 80 ms

    if profiles.there(settings, name, commit):
        return
    if profiles.AGENT not in files:
        raise HiveError(f"the commit has no {profiles.AGENT}", "add one; `{}` will do")
    if faults := faults_of_agent(files[profiles.AGENT]):
        raise HiveError(f"{profiles.AGENT}: {'; '.join(faults)}")
    profiles.begin(settings, name, {profiles.AGENT: files[profiles.AGENT]})
    log.write(f"{profiles.AGENT} is valid; trying it in a box\n")
    try:
        systemctl(settings, "start", f"hive-trial@{name}.service")
    except HiveError as error:
        if words := profiles.said(settings, name):
            raise HiveError(words.removeprefix("hive-claude: ")) from None
        raise error
    profiles.complete(settings, name, commit)


def activate(settings: Settings, name: str, commit: str, *, run: bool) -> None:
    """The agent has what was built of a commit from now on. With `run` it is started, or started again.

    Going back is activating the commit before. Raises HiveError when the box does not start.
    """
    create(settings, name)
    profiles.put(settings, name, commit)
    if run:
        stop(settings, name)
        start(settings, name)


def prune(settings: Settings, name: str, keep: Collection[str]) -> None:
    """Removes what was built of other commits than these."""
    profiles.prune(settings, name, keep)


def start(settings: Settings, name: str) -> None:
    """Let the agent's sockets listen. The caller rings once: a stopped agent has no fifo to hear with."""
    from hivelib.host.systemd import systemctl

    create(settings, name)
    systemctl(settings, "start", target(name))


def stop(settings: Settings, name: str) -> None:
    """Stop the agent's sockets and services, a turn in progress too; success when it is stopped already."""
    from hivelib.host.systemd import systemctl

    systemctl(settings, "stop", target(name), *units(name))


def destroy(settings: Settings, name: str) -> None:
    """Stop the agent and remove its sockets. Its state directory stays: it is the tombstone."""
    import shutil

    stop(settings, name)
    shutil.rmtree(f"{Paths.of(settings).runtime}/agents/{name}", ignore_errors=True)


def status(settings: Settings, name: str) -> Status:
    """What the manager says of the agent's units."""
    from hivelib.host.systemd import units as known

    found = {unit.name: unit.active for unit in known(settings, target(name), *units(name))}
    failed = tuple(sorted(unit for unit, active in found.items() if active == "failed"))
    return Status(found.get(target(name)) == "active", failed)


def journal(settings: Settings, name: str, lines: int = 50) -> list[str]:
    """The newest lines that the agent's units wrote, oldest first; from log files where no journal is."""
    from hivelib.host.journal import newest

    return newest(settings, units(name), lines)


def refused_processes(settings: Settings, name: str) -> int:
    """How often the agent's running box wanted one more process or thread than it may have.

    For the agent's hive-turn to ask, whose control group lies beside the box's; 0 for anybody else, and where no
    controller counts.
    """
    from hivelib.host import cgroups

    return cgroups.refused_processes(_group(name))


def starved_processes(settings: Settings, name: str) -> int:
    """How many processes of the agent's running box the kernel killed for want of memory; for whom, as above."""
    from hivelib.host import cgroups

    return cgroups.starved_processes(_group(name))


def _group(name: str) -> str:
    from hivelib.host import cgroups

    return cgroups.beside(cgroups.own_path(), f"hive-turn@{name}.service", "hive-exec")
