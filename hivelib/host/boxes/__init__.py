"""The kinds of box an agent can live in. Everything above this package does not know which one it is.

A backend is a module with these functions; each takes the settings and the agent's name, and raises HiveError. BY_NIX
says whether it builds the agent's whole system with nix, LIVES_ON whether its box is there between turns too:

    create(settings, name)          the places of a new agent; success when they are there already
    build(settings, name, commit, files, log)
                                    looks whether a box can run with a commit's files (name → text), and keeps what
                                    was built; the reason is raised, and in the log
    activate(settings, name, commit, run=)
                                    what was built of a commit is what the agent has from now on; with `run` it is
                                    started, or started again. Going back is activating the commit before
    prune(settings, name, keep)     what was built of other commits than these is removed
    start(settings, name)           its sockets listen, a byte starts a turn
    stop(settings, name)            nothing of it runs or listens; a turn in progress is killed
    destroy(settings, name)         stopped, and gone but for its state: a tombstone that can be revived
    status(settings, name)          a `Status`
    journal(settings, name, lines)  the newest lines that its units wrote, oldest first
    refused_processes(settings, name)  asked by its hive-turn: how often its running box wanted one more than it may
                                    have; 0 where nobody counts that
    starved_processes(settings, name)  likewise: how many of them the kernel killed because memory ran out
"""

import importlib
from types import ModuleType
from typing import NamedTuple

from hivelib.base.errors import Misuse

DEFAULT = "bwrap"
"""What a new agent gets."""

BACKENDS = ("bwrap",)
"""The names that `backend` knows. `nixos` joins them with the NixOS modules."""


class Status(NamedTuple):
    """Whether an agent is started, and the units that failed."""

    started: bool
    failed: tuple[str, ...]


def backend(name: str) -> ModuleType:
    """The module of a backend; Misuse when there is none of that name."""
    if name not in BACKENDS:
        raise Misuse(f"no kind of box is called {name!r}", f"there is {', '.join(BACKENDS)}")
    return importlib.import_module(f"hivelib.host.boxes.{name}")
