"""A systemctl with a world of its own: which agents' targets are up, which trials and starts fail. It takes orders as
they are given, and fails for any that it does not know."""

import os
from pathlib import Path

import pytest

# A shell's: it is started a thousand times in a test of kills.
PROGRAM = """#!/bin/sh
world={world} state={state} verb= units=
for word in "$@"; do
    case $word in -*) ;; *) if [ "$verb" ]; then units="$units $word"; else verb=$word; fi ;; esac
done
echo "$verb$units" >> $world/asked
rows= sep=
for unit in $units; do
    name=${{unit#*@}} name=${{name%%.*}}
    case $verb:$unit in
    start:hive-trial@*)
        if [ -e $world/no-trials ]; then echo "Job for $unit failed." >&2; exit 1; fi
        while read -r line; do case $line in *no-such-program*)
            echo "hive-claude: extra_mcp_servers.x: no program no-such-program" > $state/builds/$name/trial/log
            echo "Job for $unit failed." >&2; exit 1 ;; esac
        done < $state/builds/$name/trial/agent.json ;;
    start:hive-agent@*)
        while read -r line; do case $line in *unstartable*)
            echo "Job for $unit failed." >&2; exit 1 ;; esac
        done < $state/agents/$name/agent.json
        : > $world/up.$name ;;
    stop:hive-agent@*) if [ -e $world/up.$name ]; then rm $world/up.$name; fi ;;
    stop:*) ;;
    list-units:hive-agent@*) if [ -e $world/up.$name ]; then
        rows="$rows$sep{{\\"unit\\": \\"$unit\\", \\"active\\": \\"active\\", \\"sub\\": \\"active\\"}}" sep=,
        fi ;;
    list-units:*) ;;
    *) echo "unexpected: $verb$units" >&2; exit 1 ;;
    esac
done
if [ $verb = list-units ]; then echo "[$rows]"; fi
"""


def install(where: Path, state: str, patch: pytest.MonkeyPatch) -> Path:
    """Puts it before all other programs; gives back its world, a directory with a file `up.NAME` for each box."""
    world, program = where / "systemd", where / "programs/systemctl"
    world.mkdir()
    program.parent.mkdir()
    program.write_text(PROGRAM.format(world=world, state=state))
    program.chmod(0o755)
    patch.setenv("PATH", f"{program.parent}:{os.defpath.lstrip(':')}")
    return world
