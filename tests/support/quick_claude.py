"""A claude that is done at once: for tests of what happens around a turn, many times."""

import os
from pathlib import Path

from hivelib.base.toml import changed
from hivelib.base.users import User

PROGRAM = """#!/usr/bin/python3 -IS
import json, sys
def say(**line):
    print(json.dumps(line), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["type"] == "user":
        servers = [{"name": "hyperhive", "status": "connected"}]
        say(type="system", subtype="init", mcp_servers=servers)
        said = {"role": "assistant", "model": "quick", "content": [{"type": "text", "text": "done"}]}
        say(type="assistant", message=said)
        say(type="result", subtype="success", is_error=False, result="done")
"""


def use(directory: Path, user: User) -> None:
    """From its next turn on the hive in `directory` runs this program in its boxes."""
    program, config = directory / "quick-claude", directory / "hive.toml"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    os.chown(program, user.uid, user.gid)
    config.write_text(changed(config.read_text(), {"claude.path": str(program)}, keep=False))
