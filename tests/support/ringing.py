"""Rings an agent again and again at the instant its turn ends: none of these bytes may be lost."""

from tests.support import quick_claude
from tests.support.hive import LiveHive
from tests.support.people import Word
from tests.support.source import ROOT

RINGS = """
import random, sys, time
from hivelib.base import bell
from hivelib.flow import mailing
from hivelib.flow.opening import open_hive
hive, order = open_hive(), random.Random(int(sys.argv[1]))
for number in range(int(sys.argv[2])):
    with bell.Listener(hive.paths.bell, "events") as listener:
        sent = mailing.send(hive, mailing.SHELL, "alice", f"ring {number}").id
        while hive.db.value("SELECT state FROM messages WHERE id = ?", sent) != "acked":
            if not listener.wait(20):
                sys.exit(f"nobody took message {sent}")
    time.sleep(0.1 ** (1 + 3 * order.random()))  # from the turn's end until well after its process's: 0.1 to 100 ms
print(number + 1)
"""


def lose_none(hive: LiveHive, seed: int, times: int) -> None:
    """Makes alice and rings her so often; with no broker to make up for it, what nobody takes stays where it is."""
    quick_claude.use(hive.directory, hive.person.user)
    hive.tool("hive-spawn", "alice")
    hive.systemctl("stop", "hive-broker.service")
    argv: list[Word] = [ROOT / ".venv/bin/python3", "-c", RINGS, str(seed), str(times)]
    done = hive.person.run(argv, hive.environment, seconds=200, check=False)
    assert (done.stdout, done.stderr) == (f"{times}\n", ""), hive.explain()
    assert hive.db.value("SELECT count(*) FROM turns WHERE outcome = 'ok'") == times
    hive.until_unit("hive-turn@alice.service", "inactive")
    assert hive.unit("hive-turn@alice.socket") == "active"
