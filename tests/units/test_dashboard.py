"""The page as its units run it: systemd holds the address, the sandbox holds, a dead page comes back."""

import http.client
import os
import signal
from collections.abc import Callable

from hivelib.store import events
from tests.support.hive import LiveHive
from tests.support.page import Follower
from tests.support.waiting import until


def log_in(hive: LiveHive) -> tuple[int, str]:
    """Uses the link that the tool prints; gives back the port and the cookie."""
    url = hive.tool("hive-dashboard-url").stdout.strip()
    where, _, token = url.partition("/login?token=")
    port = int(where.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Origin": where, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", f"token={token}", headers)
    answer = connection.getresponse()
    assert answer.status == 303, answer.read()
    cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    connection.close()
    return port, cookie


def ask(port: int, cookie: str, method: str, path: str, body: str = "") -> tuple[int, str]:
    """One request as the page's forms make it: status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{port}"}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def decides(hive: LiveHive, port: int, cookie: str) -> None:
    """The page's unit looks at a proposal and approves it, though it can write nothing that is deployed."""
    hive.tool("hive-request-spawn", "alice", "--description", "of the page")
    sql = "SELECT id, fetched_sha FROM approvals WHERE status = 'pending'"
    until(lambda: hive.db.one(sql), "a proposal")
    number, sha = hive.db.one(sql) or (0, "")
    status, text = ask(port, cookie, "GET", f"/approval/{number}")
    assert status == 200 and "of the page" in text and sha in text, text
    path = f"/api/approvals/{number}/approve"
    assert ask(port, cookie, "POST", path, f"sha={sha}") == (303, "")
    hive.until_value("SELECT status = 'deployed' FROM approvals WHERE id = ?", number)
    assert hive.db.value("SELECT surface FROM approvals WHERE id = ?", number) == "web"


def test_the_page_of_a_running_hive_follows_it_through_a_kill(
    live_hive: Callable[..., LiveHive],
) -> None:
    hive = live_hive([])
    port, cookie = log_in(hive)
    since = f"{events.epoch(hive.db)}.{events.last_seq(hive.db)}"
    follower = Follower(port, "/events?after=" + since, cookie, "")
    first = int(hive.tool("hive-send", "manager", "look").stdout)
    got = follower.until(lambda frame: frame.data["kind"] == "sent")
    assert got[-1].data["payload"]["id"] == first
    old = hive.main_pid("hive-dashboard.service")
    assert os.stat(f"/proc/{old}").st_uid == hive.person.user.uid
    os.kill(old, signal.SIGKILL)
    list(follower.frames())
    second = int(hive.tool("hive-send", "manager", "look again").stdout)
    again = Follower(port, "/events", cookie, follower.last)
    got = again.until(lambda frame: frame.data["kind"] == "sent")
    assert got[-1].data["payload"]["id"] == second
    until(lambda: hive.main_pid("hive-dashboard.service") not in (0, old), "a new page")
    decides(hive, port, cookie)
