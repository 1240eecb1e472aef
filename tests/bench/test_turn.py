"""What the hive adds to one turn of claude: from a message's row to its turn's end, against the bare command line."""

import json
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from hivelib.host import claude as command
from hivelib.host.claude import Session
from hivelib.model.roles import system_prompt
from tests.bench.rig import pairs, report
from tests.conftest import RaiseHive
from tests.support.hive import KEY, LiveHive
from tests.support.people import Word
from tests.support.script import Rule, Say

PROMPT = "what is six times seven"
NO_SERVERS = '{"mcpServers": {}}'


def turn(hive: LiveHive) -> float:
    """Milliseconds from the commit of a message to the end of the turn that took it."""
    sent = int(hive.tool("hive-send", "alice", PROMPT).stdout)
    hive.until_acked(sent)
    sql = "SELECT t.outcome, t.ended_at - m.sent_at FROM turns t JOIN messages m ON m.claimed_by = t.id WHERE m.id = ?"
    row = hive.db.one(sql, sent)
    assert row and row[0] == "ok"
    return float(row[1]) * 1000


class Bare:
    """The same claude, arguments and prompt without a hive: no box, no tools of ours, no hooks; one session."""

    def __init__(self, hive: LiveHive, claude: Path) -> None:
        self.hive, self.claude = hive, claude
        self.home = hive.person.own(_made(hive.directory / "bare"))
        settings = hive.hive.settings
        role = system_prompt("alice", "agent", settings.operator, settings.mail.body_limit)
        files = {
            "system.md": role,
            "settings.json": '{"autoMemoryEnabled": false}',
            "mcp.json": NO_SERVERS,
        }
        for file, text in files.items():
            (self.home / file).write_text(text)
        self.session = Session(str(uuid.uuid4()), False)

    def turn(self) -> float:
        """Milliseconds from the start of the process to its end."""
        words = command.arguments(self.hive.hive.settings.claude.model, self.session)
        argv: list[Word] = [
            self.claude,
            *(word.replace("{files}", str(self.home)) for word in words),
        ]
        environment = {
            **command.environment(self.hive.hive.settings),
            "CLAUDE_CONFIG_DIR": str(self.home / "claude"),
            "ANTHROPIC_BASE_URL": self.hive.model.url,
            "ANTHROPIC_API_KEY": KEY,
        }
        began = time.perf_counter()
        process = self.hive.person.start(
            argv, environment, cwd=self.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(command.user_line(PROMPT)) + "\n")
        process.stdin.flush()
        last = {}
        for line in process.stdout:
            last = json.loads(line)
            if last["type"] == "result":
                process.stdin.close()
        process.wait()
        took = time.perf_counter() - began
        assert last["subtype"] == "success", last
        self.session = self.session._replace(known=True)
        return took * 1000


def _made(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.timeout(600)
def test_a_turn(live_hive: RaiseHive, claude: Path) -> None:
    hive = live_hive([Rule(PROMPT, [Say("forty-two")])], turns={"per_hour": 1000})
    hive.tool("hive-spawn", "alice")
    bare = Bare(hive, claude)
    measured = pairs(lambda: turn(hive), bare.turn)
    report("a turn of claude, one answer", measured, unit="ms", against="bare claude")
