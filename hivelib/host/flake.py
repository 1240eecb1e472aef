"""Everything that knows nix: the flake that declares the agents, its lock, and nix' own command line.

The flake has one input `agent-NAME` for each agent: its applied repository, pinned in flake.lock to the commit that is
deployed. Where nothing is built with nix the lock is written here, in nix' form (version 7), so that one file says
what the whole hive is, whatever its boxes are.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hivelib.base import proc
from hivelib.base.errors import HiveError, NotNow
from hivelib.base.paths import Paths
from hivelib.model.names import MANAGER
from hivelib.model.settings import Settings

LOCK_SECONDS = 300.0
BUILD_SECONDS = 3600.0
VERSION = 7
_PREFIX = "agent-"

_HEAD = "# Written by hyperhive with each deploy, never by hand: one input for each agent.\n"
# What an agent brings may not run while it is evaluated, and says nothing about nix' own settings.
_CAREFUL = (
    "--extra-experimental-features",
    "nix-command flakes",
    "--option",
    "allow-import-from-derivation",
    "false",
    "--option",
    "accept-flake-config",
    "false",
)


class Files(NamedTuple):
    """The two files of the meta repository."""

    flake: str
    lock: str

    def named(self) -> Mapping[str, str]:
        """The texts by the names of their files."""
        return {"flake.nix": self.flake, "flake.lock": self.lock}


def text(settings: Settings, names: Sequence[str], hyperhive: str = "") -> str:
    """The flake.nix that declares these agents.

    With the address of the hyperhive flake, each is a NixOS system; without one, each is the module of its config.
    """
    lines = [_HEAD + "{", "  inputs = {"]
    if hyperhive:
        lines.append(f"    hyperhive.url = {_quoted(hyperhive)};")
    for name in sorted(names):
        lines.append(f"    {_PREFIX}{name}.url = {_quoted(address(settings, name))};")
    lines += ["  };", ""]
    outputs = _systems(names) if hyperhive else _modules(names)
    return "\n".join([*lines, *outputs, "}", ""])


def address(settings: Settings, name: str) -> str:
    """Where an agent's deployed config is, as an input of a flake."""
    return f"git+{_url(settings, name)}?ref=main"


def locked(settings: Settings, lock: str, name: str, commit: str) -> str:
    """The lock in which an agent is pinned to a commit; `lock` is the old one, empty for none. Pure and stable.

    Only for configs without inputs of their own: nothing is fetched.
    """
    table = _parsed(lock)
    plain = {"ref": "main", "type": "git", "url": _url(settings, name)}
    table["nodes"][_PREFIX + name] = {"locked": {**plain, "rev": commit}, "original": plain}
    _inputs(table)[_PREFIX + name] = _PREFIX + name
    return _dumped(table)


def unlocked(lock: str, name: str) -> str:
    """The lock without an agent, and without what only that one needed."""
    table = _parsed(lock)
    _inputs(table).pop(_PREFIX + name, None)
    needed, looked_at = [table["root"]], set()
    while needed:
        node = needed.pop()
        if node not in looked_at:
            looked_at.add(node)
            # An input that follows another one is a list of names, not a node.
            inputs = table["nodes"][node].get("inputs", {}).values()
            needed += [one for one in inputs if isinstance(one, str)]
    table["nodes"] = {node: table["nodes"][node] for node in looked_at}
    return _dumped(table)


def agents_of(lock: str) -> dict[str, str]:
    """The agents that a lock pins, and their commits; raises HiveError when it is none."""
    table = _parsed(lock)
    try:
        return {
            name.removeprefix(_PREFIX): table["nodes"][node]["locked"]["rev"]
            for name, node in _inputs(table).items()
            if name.startswith(_PREFIX)
        }
    except (LookupError, TypeError) as error:
        raise _unreadable(error) from None


def settled(settings: Settings, candidate: str, name: str) -> str:
    """A lock that nix wrote for a proposal, as it must be once that is deployed: on main, at its commit."""
    table = json.loads(candidate)
    node = table["nodes"][table["nodes"][table["root"]]["inputs"][_PREFIX + name]]
    plain = {"ref": "main", "type": "git", "url": _url(settings, name)}
    node["original"] = plain
    node["locked"] = {**node["locked"], **plain}
    return _dumped(table)


def update_argv(settings: Settings, directory: str, name: str, commit: str, lock: str) -> list[str]:
    """The command that pins one agent to a commit which is not on main yet; nothing but the file `lock` is written."""
    proposal = f"git+{_url(settings, name)}?rev={commit}&allRefs=1"
    return [
        "nix",
        *_CAREFUL,
        "flake",
        "update",
        _PREFIX + name,
        "--flake",
        f"path:{directory}",
        "--override-input",
        _PREFIX + name,
        proposal,
        "--output-lock-file",
        lock,
    ]


def build_argv(directory: str, name: str, lock: str) -> list[str]:
    """The command that builds an agent's system against a lock beside the flake, and prints its store path."""
    return [
        "nix",
        *_CAREFUL,
        "build",
        "--no-link",
        "--print-out-paths",
        "--reference-lock-file",
        lock,
        "--no-write-lock-file",
        f"path:{directory}#nixosConfigurations.{name}.config.system.build.toplevel",
    ]


def update(settings: Settings, directory: str, name: str, commit: str) -> str:
    """The lock that pins the agent to a commit of applied/NAME, made by nix of the flake in `directory`."""
    lock = f"{directory}/nix.lock"
    proc.run(update_argv(settings, directory, name, commit, lock), seconds=LOCK_SECONDS)
    with open(lock, encoding="utf-8") as file:
        found = file.read()
    os.unlink(lock)
    return settled(settings, found, name)


def build(directory: str, name: str) -> str:
    """Builds an agent's system of the flake and the lock in `directory`; gives its store path."""
    argv = build_argv(directory, name, f"{directory}/flake.lock")
    try:
        return proc.run(argv, seconds=BUILD_SECONDS).out.strip()
    except NotNow as error:  # it would not be quicker another time
        raise HiveError(f"the build of {name} did not end: {error.message}") from None


def _modules(names: Sequence[str]) -> list[str]:
    rows = [
        f'      {name} = inputs."{_PREFIX}{name}".nixosModules.default;' for name in sorted(names)
    ]
    return ["  outputs = inputs: {", "    nixosModules = {", *rows, "    };", "  };"]


def _systems(names: Sequence[str]) -> list[str]:
    """Each agent's inputs are handed through as flakeInputs: as a special argument, so that it may import from them."""
    rows = [
        f'        {name} = agent "{name}" "{MANAGER if name == MANAGER else "agent"}";'
        for name in sorted(names)
    ]
    return [
        "  outputs =",
        "    { hyperhive, ... }@inputs:",
        "    let",
        "      agent =",
        "        name: role:",
        "        let",
        f'          config = inputs."{_PREFIX}${{name}}";',
        "        in",
        "        hyperhive.inputs.nixpkgs.lib.nixosSystem {",
        "          specialArgs.flakeInputs = config.inputs;",
        "          modules = [",
        "            hyperhive.nixosModules.harness-base",
        '            hyperhive.nixosModules.${if role == "manager" then "manager" else "agent-base"}',
        "            config.nixosModules.default",
        "            { hyperhive.agent = { inherit name role; }; }",
        "          ];",
        "        };",
        "    in",
        "    {",
        "      nixosConfigurations = {",
        *rows,
        "      };",
        "    };",
    ]


def _parsed(lock: str) -> Any:
    """A lock as a table that may be changed."""
    if not lock:
        return {"nodes": {"root": {}}, "root": "root", "version": VERSION}
    try:
        table = json.loads(lock)
        table["nodes"][table["root"]].get("inputs", {}).items()
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _unreadable(error) from None
    return table


def _inputs(table: Any) -> dict[str, Any]:
    """The inputs of meta itself."""
    found: dict[str, Any] = table["nodes"][table["root"]].setdefault("inputs", {})
    return found


def _unreadable(error: Exception) -> HiveError:
    return HiveError(f"meta's flake.lock cannot be read: {error}", "`hive-doctor` looks at it")


def _dumped(table: Any) -> str:
    return json.dumps(table, indent=2, sort_keys=True) + "\n"


def _url(settings: Settings, name: str) -> str:
    return f"file://{Paths.of(settings).applied(name)}"


def _quoted(words: str) -> str:
    """A Nix string; what would be an escape or an interpolation in it is not one."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${") + '"'
