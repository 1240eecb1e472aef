"""From "look at the logs each morning" to the message that comes each morning: the agent asks, the operator looks and
says yes. The real CLI against a scripted model, and each unit in its own confinement, where systemd is asked."""

from hivelib.base import bell
from tests.conftest import RaiseHive
from tests.support.script import Call, Rule, Say
from tests.support.source import ROOT

ASKS = Call("mcp__hyperhive__remind", message="look at the logs", calendar="Mon..Fri 09:00")
RULES = [Rule("each morning", [ASKS, Say("asked")]), Rule("", [Say("noted")], endless=True)]
FIRES = "SELECT body FROM messages WHERE sender = 'reminder'"
PASSED = """
from hivelib.flow.opening import open_hive
from hivelib.store import reminders
hive = open_hive()
with hive.db.write() as db: reminders.change(db, 1, due_at=reminders.get(db, 1).due_at - 28 * 86400)
"""


def test_each_morning(live_hive: RaiseHive) -> None:
    hive = live_hive(RULES)
    hive.tool("hive-send", "manager", "look at the logs each morning")
    number = hive.until_value("SELECT id FROM approvals WHERE status = 'pending'")
    [waits] = hive.rows("hive-pending")
    assert (waits["kind"], waits["agent"], waits["commit_ref"]) == (
        "schedule",
        "manager",
        "Mon..Fri 09:00",
    )
    assert len(waits["schedule"]["next"]) == 3 and hive.rows("hive-reminders") == []
    sha = waits["fetched_sha"][:12]
    done = hive.tool("hive-approve", str(number), "--sha", sha, "--follow")
    assert done.stdout == f"{number} deployed\n"
    [first] = hive.rows("hive-reminders")
    assert (first["due_at"], first["approval"]) == (waits["schedule"]["next"][0], number)
    hive.until_value("SELECT 1 FROM messages WHERE body LIKE '%approval_resolved%'")
    # Four weeks pass.
    hive.person.run([ROOT / ".venv/bin/python3", "-c", PASSED], hive.environment)
    bell.ring(hive.hive.paths.bell, "reminder")
    assert "look at the logs" in hive.until_value(FIRES)
    [later] = hive.rows("hive-reminders")
    assert later["due_at"] == first["due_at"] and later["fired"] == 1
    assert later["skipped"] in (19, 20), "20 where the clocks changed in between"
