"""A claude that is done at once, for tests of what happens around a turn, many times; and one that comes to grief."""

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

GRIEF = """#!/usr/bin/python3 -IS
import json, os, signal, subprocess, sys, time
def say(**line):
    print(json.dumps(line), flush=True)
HOG = "x = b'x' * (400 << 20); import time; time.sleep(100)"
for line in sys.stdin:
    asked = json.loads(line)
    if asked["type"] == "user":
        say(type="system", subtype="init", mcp_servers=[{"name": "hyperhive", "status": "connected"}])
        if "be-held" in line:
            time.sleep(1000)
        if "eat-all" in line:
            exec(HOG)
        if "child-eats" in line:
            subprocess.run([sys.executable, "-c", HOG])
        if "kill-yourself" in line:
            os.kill(os.getpid(), signal.SIGKILL)
        say(type="result", subtype="success", is_error=False, result="done")
"""
"""Comes to grief as the prompt says, else it is done at once."""


def use(directory: Path, user: User, text: str = PROGRAM) -> None:
    """From its next turn on the hive in `directory` runs this program in its boxes."""
    program, config = directory / "quick-claude", directory / "hive.toml"
    program.write_text(text)
    program.chmod(0o755)
    os.chown(program, user.uid, user.gid)
    config.write_text(changed(config.read_text(), {"claude.path": str(program)}, keep=False))
