"""What waits for the operator on the page: shown without a script and as text only, decided as at the shell."""

import json
import os
from urllib.parse import urlencode

import pytest

from hivelib.face.web import pages, patches
from hivelib.face.web.sections.base import Drawer
from hivelib.flow import admitting, deciding, resolving, viewing
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from hivelib.flow.spending import Spending
from hivelib.host import decisions, git, repositories
from hivelib.model.records import Approval
from hivelib.store import events
from tests.support.browser import Browser
from tests.support.hostile import ALL, faults
from tests.support.residents import settle_in
from tests.support.undecided import deployed, forge, kinds, now, propose, queued


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Manager and alice run, and alice's configuration is deployed."""
    settle_in(private_state, "manager", "alice")
    deployed(private_state, "alice")
    return private_state


def test_it_is_shown_looked_at_and_approved_without_a_script(inside: Browser, hive: Hive) -> None:
    one = propose(hive, "alice")
    first = inside.ask("GET", "/").text
    action = f'action="/api/approvals/{one.id}/approve"'
    assert action not in first, "nobody says yes to what was not shown"
    assert "apply_commit for alice" in first and "more of it" in first
    assert f'href="/approval/{one.id}"' in first
    page = inside.ask("GET", f"/approval/{one.id}").text
    assert '<span class="gi">+{"model": "opus"}</span>' in page
    for shown in (page, inside.ask("GET", f"/approval/{one.id}/look").text):
        assert action in shown and f'value="{one.fetched_sha}"' in shown
    for other in (
        "approved",
        "previous",
    ):  # which may be the smaller part of what a yes would change
        shown = inside.ask("GET", f"/approval/{one.id}?against={other}").text
        assert action not in shown and f"/api/approvals/{one.id}/deny" in shown
    answer = inside.ask(
        "POST", f"/api/approvals/{one.id}/approve", urlencode({"sha": one.fetched_sha})
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert "approved</span>" in inside.ask("GET", "/").text, "until it is deployed or failed"
    assert "action=" not in inside.ask("GET", f"/approval/{one.id}").text.partition("<h1>")[2]
    row, said = now(hive, one.id), decisions.read(hive.paths, one.id)
    assert (row.status, row.surface, row.decided_uid) == ("approved", "web", os.geteuid())
    assert said and said[0].surface == "web" and queued(hive, one.id) == ["deploy"]


def test_a_script_decides_and_hears_what_was_decided_before(inside: Browser, hive: Hive) -> None:
    one, two = propose(hive, "alice"), propose(hive, "alice", "{ }\n")
    listed = inside.ask("GET", "/api/approvals").json["approvals"]
    assert [(each["id"], each["status"]) for each in listed] == [
        (one.id, "pending"),
        (two.id, "pending"),
    ]
    path, said = f"/api/approvals/{one.id}/deny", {"note": "no opus"}
    assert inside.ask("POST", path, said).json == {
        "id": one.id,
        "verdict": "deny",
        "already": False,
    }
    assert inside.ask("POST", path, said).json["already"] is True
    assert now(hive, one.id).note == "no opus"
    late = inside.ask("POST", f"/api/approvals/{one.id}/approve", {"sha": one.fetched_sha})
    assert late.status == 409 and "was denied by" in late.json["error"]
    short = inside.ask("POST", f"/api/approvals/{two.id}/approve", {"sha": two.fetched_sha[:7]})
    assert short.json["already"] is False


@pytest.mark.parametrize(
    ("verb", "given", "status"),
    [
        ("approve", {}, 400),
        ("approve", {"sha": ""}, 400),
        ("approve", {"sha": "abc"}, 400),
        ("approve", {"sha": "--exec=x"}, 400),
        ("approve", {"sha": ["0" * 40]}, 400),
        ("approve", {"sha": "0" * 40}, 409),
        ("deny", {}, 400),
        ("deny", {"note": " "}, 409),
        ("deny", {"note": "a\x1b[2J"}, 409),
        ("allow", {}, 404),
    ],
)
def test_what_does_not_name_what_was_seen_decides_nothing(
    inside: Browser, hive: Hive, verb: str, given: dict[str, object], status: int
) -> None:
    one = propose(hive, "alice")
    assert inside.ask("POST", f"/api/approvals/{one.id}/{verb}", given).status == status
    assert inside.ask("POST", f"/api/approvals/99/{verb}", given).status != 200
    assert decisions.all_ids(hive.paths) == [] and now(hive, one.id) == one


def test_only_who_is_logged_in_on_this_page_decides(
    browser: Browser, inside: Browser, hive: Hive
) -> None:
    one = propose(hive, "alice")
    session = inside.cookie
    for verb, given in (("approve", {"sha": one.fetched_sha}), ("deny", {"note": "no"})):
        path = f"/api/approvals/{one.id}/{verb}"
        browser.cookie = session
        for origin in ("http://evil.test", "null", None):
            assert browser.ask("POST", path, given, origin=origin).status == 403
        assert browser.ask("POST", path, given, host="evil.test:7000").status == 403
        assert browser.ask("GET", path).status == 405
        browser.cookie = ""
        assert browser.ask("POST", path, given).status == 401
    for path in ("/api/approvals", f"/approval/{one.id}"):
        assert browser.ask("GET", path).status == 401
    assert decisions.all_ids(hive.paths) == []


def test_another_commit_than_the_one_on_the_screen_is_not_approved(
    inside: Browser, hive: Hive
) -> None:
    one = propose(hive, "alice")
    other = git.write_commit(hive.paths.applied("alice"), {"agent.json": "{ }"}, one.base, "other")
    git.git(hive.paths.applied("alice"), "tag", "-d", f"proposal/{one.id}")
    repositories.tag(hive.settings, "alice", "proposal", one.id, other, "x", "")
    forge(hive, one.id, fetched_sha=other)
    answer = inside.ask("POST", f"/api/approvals/{one.id}/approve", {"sha": one.fetched_sha})
    assert answer.status == 409 and f"is {other[:12]}, not" in answer.json["error"]
    assert decisions.all_ids(hive.paths) == []


def test_the_history_of_one_has_each_of_its_tags(inside: Browser, hive: Hive) -> None:
    one = propose(hive, "alice")
    for kind, why in (("approved", ""), ("building", ""), ("failed", "no <b>nodejs</b>")):
        words = (hive.settings, "alice", kind, one.id, one.fetched_sha, "erika", why)
        repositories.tag(*words)
    forge(hive, one.id, status="failed", resolved_at=1.0)
    assert f'data-load="/approval/{one.id}/tags"' in inside.ask("GET", f"/approval/{one.id}").text
    shown = inside.ask("GET", f"/approval/{one.id}/tags").text
    said = [f"{kind}/{one.id}" for kind in ("proposal", "approved", "building", "failed")]
    assert [shown.index(f">{tag}<") for tag in said] == sorted(shown.index(f">{t}<") for t in said)
    assert "erika" in shown and "no &lt;b&gt;nodejs" in shown and one.fetched_sha[:12] in shown
    assert "no tag about it" in inside.ask("GET", "/approval/999/tags").text


def test_a_base_that_moved_is_looked_at_again_first(inside: Browser, hive: Hive) -> None:
    two = stacked(hive)
    path = f"/api/approvals/{two.id}/approve"
    early = inside.ask("POST", path, {"sha": two.fetched_sha})
    assert early.status == 409 and early.json["hint"] == f"look again: hive-show {two.id}"
    assert "MOVED since the last look" in inside.ask("GET", f"/approval/{two.id}").text
    assert inside.ask("POST", path, {"sha": two.fetched_sha}).json["already"] is False


def test_the_page_follows_what_waits(hive: Hive) -> None:
    def patched(number: int, seq: int) -> list[str | None]:
        rows = viewing.events_after(hive, seq)
        frames = patches.event_frames(pages.HIVE, Drawer(hive, Spending()), "e", rows, "").split(
            b"\n\n"
        )
        found = [json.loads(frame.split(b"data: ")[1])["patches"] for frame in frames if frame]
        return [one["html"] for each in found for one in each if one["id"] == f"approval-{number}"]

    seq = events.last_seq(hive.db)
    one = propose(hive, "alice")
    drawn = patched(one.id, seq)
    assert len(drawn) == 1 and drawn[0] and one.fetched_sha[:12] in drawn[0]
    seq = events.last_seq(hive.db)
    deciding.approve(hive, SHELL, one.id)
    approved = patched(one.id, seq)
    assert approved and approved[0] and "approved</span>" in approved[0]
    assert "approval_decided" in kinds(hive, one.id)
    seq = events.last_seq(hive.db)
    resolving.resolve(hive, now(hive, one.id), "denied", "no operator said so")
    assert patched(one.id, seq) == [None]


def test_nothing_that_a_proposal_holds_becomes_markup(inside: Browser, hive: Hive) -> None:
    for text in (ALL[1], ALL[7], "\n".join(ALL)):
        one = propose(hive, "alice", json.dumps({"model": text}) + text)
        forge(hive, one.id, description=text, requested_by=text, commit_ref=text, kind=text)
        names = {
            f"{place}{word.replace('/', '|')[:99]}": text
            for place, word in enumerate(ALL)
            if word.isprintable()
        }
        represent(hive, one, git.write_commit(hive.paths.applied("alice"), names, one.base, "x"))
        for path in (f"/approval/{one.id}", f"/approval/{one.id}/look", "/"):
            shown = inside.ask("GET", path)
            assert (shown.status, faults(shown.text)) == (200, []), path
        forge(hive, one.id, agent=text, fetched_sha=text, tag=text, note=text, lock_hash=text)
        for path in ("/", f"/approval/{one.id}", "/history"):
            assert faults(inside.ask("GET", path).text) == [], path
        assert inside.ask("GET", "/api/approvals").status == 200
        forge(hive, one.id, agent="alice", status="expired", resolved_at=1.0)


def represent(hive: Hive, one: Approval, commit: str) -> None:
    """Puts another commit in the place of what was proposed."""
    git.git(hive.paths.applied("alice"), "tag", "-d", f"proposal/{one.id}")
    repositories.tag(hive.settings, "alice", "proposal", one.id, commit, "x", "")
    forge(hive, one.id, fetched_sha=commit)


def stacked(hive: Hive) -> Approval:
    """A proposal that builds on another one, which was deployed after this one was made."""
    one = propose(hive, "alice")
    files = {"agent.json": '{"model": "haiku"}\n'}
    commit = git.write_commit(hive.paths.applied("alice"), files, one.fetched_sha, "on top")
    two = propose(hive, "alice")
    represent(hive, two, commit)
    git.move(hive.paths.applied("alice"), repositories.MAIN, one.fetched_sha, one.base)
    return now(hive, two.id)


def test_a_look_that_nobody_sees_or_of_who_may_not_decide_moves_no_base(
    browser: Browser, inside: Browser, hive: Hive
) -> None:
    one = stacked(hive)
    operator = inside.cookie
    token = admitting.invite(hive, admitting.SPECTATOR)
    browser.cookie = ""
    answer = browser.ask("POST", "/login", urlencode({"token": token}))
    browser.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    for path in (f"/approval/{one.id}", f"/approval/{one.id}/look"):
        assert "MOVED since the last look" in browser.ask("GET", path).text
    browser.cookie = operator
    assert browser.ask("HEAD", f"/approval/{one.id}").status == 200
    frame = {
        "sec_fetch_site": "same-site",
        "sec_fetch_mode": "navigate",
        "sec_fetch_dest": "iframe",
    }
    assert browser.ask("GET", f"/approval/{one.id}", **frame).status == 403
    assert now(hive, one.id) == one
    assert browser.ask("GET", f"/approval/{one.id}").status == 200
    assert now(hive, one.id).base != one.base


def test_a_page_that_shows_an_older_base_approves_nothing(inside: Browser, hive: Hive) -> None:
    one = stacked(hive)
    inside.ask("GET", f"/approval/{one.id}")  # somebody else looks, and the base is moved
    path, said = f"/api/approvals/{one.id}/approve", {"sha": one.fetched_sha}
    early = inside.ask("POST", path, said | {"base": one.base})
    assert early.status == 409 and early.json["hint"] == f"look again: hive-show {one.id}"
    assert decisions.all_ids(hive.paths) == []
    newer = now(hive, one.id).base
    assert f'name="base" value="{newer}"' in inside.ask("GET", f"/approval/{one.id}/look").text
    assert inside.ask("POST", path, said | {"base": newer}).json["already"] is False
