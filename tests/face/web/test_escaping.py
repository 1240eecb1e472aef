"""Nothing that an agent, a model, a repository or a link wrote becomes markup, a script, or a character that steers."""

import json
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from hivelib.base import clock
from hivelib.face.web import markdown
from hivelib.face.web.pages import PAGES
from hivelib.face.web.sections.base import Drawer, Whole
from hivelib.face.web.sections.transcript import line, line_patches
from hivelib.face.web.views import render
from hivelib.flow import mailing
from hivelib.flow.opening import Hive, open_transcript
from hivelib.flow.spending import Spending
from hivelib.host import repositories
from hivelib.model.records import Line, Question
from hivelib.store import agents, jobs, mail, questions, transcripts, turns, warnings
from tests.support.browser import Browser, add
from tests.support.hostile import ALL, CORPUS, faults, harmless


def forge(hive: Hive, table: str, **columns: object) -> None:
    """Writes into each row of a table what no verb of ours would."""
    names = ", ".join(f"{name} = ?" for name in columns)
    with hive.db.write() as db:
        db.execute(f"UPDATE {table} SET {names}", tuple(columns.values()))


def said(text: str) -> list[Any]:
    """What a box may write, with `text` in each place of it."""
    long = text + "\n" * 9 + text
    blocks = [
        {"type": "text", "text": text},
        {"type": "thinking", "thinking": text},
        {"type": "tool_use", "name": text, "input": {text: text}},
        {"type": "tool_use", "name": text, "input": {"to": text, "body": text}},
        {"type": "tool_use", "name": "Edit", "input": {"file_path": text, "old_string": text, "new_string": long}},
        {"type": "tool_use", "name": "x", "input": {"edits": [{"old_string": long, "new_string": text}]}},
        {"type": "tool_result", "content": text},
        {"type": "tool_result", "content": [{"type": "text", "text": long}], "is_error": True},
        {"type": text},
    ]  # fmt: skip
    lines: list[Any] = [
        {"type": kind, "subtype": text, "message": {"content": blocks}} for kind in ("assistant", "user", text)
    ]  # fmt: skip
    lines += [
        {"type": "result", "is_error": True, "result": text, "subtype": text},
        {"type": "result", "duration_ms": text, "total_cost_usd": text},
        {"type": "system", "subtype": "init", "model": text},
        {"type": "user", "message": {"content": text}},
    ]
    return [*lines, text]


def crowd(hive: Hive, text: str) -> int:
    """Rows of every kind with `text` in every column that can be written by others; gives back a turn."""
    at = clock.now()
    with hive.db.write() as db:
        number = turns.begin(db, "alice", 1, text, at)
        turns.set_wake(db, number, text, None)
        turns.end(db, number, "failed", text, at)
        for recipient, lane in ((text, "normal"), ("operator", "urgent"), ("alice", "normal")):
            mail.add(db, text, recipient, text, lane=lane, at=at)
        mail.add(db, text, text, text, lane="normal", at=at, in_reply_to=1)
        warnings.raise_once(db, text, text, text, at)
        jobs.add(db, "box", "start", text, None, text, at)
        for target in ("operator", text):
            questions.add(
                db,
                Question(
                    0,
                    text,
                    1,
                    target,
                    1,
                    text,
                    (text, text),
                    False,
                    at,
                    None,
                    "open",
                    None,
                    None,
                    None,
                ),
            )
        agents.park(db, "alice", "failing", None, text, at)
    forge(hive, "agents", model=text, deployed_sha=text)
    forge(hive, "jobs", note=text, progress=text)
    return number


def drawn_again(hive: Hive, numbers: Collection[int]) -> Iterable[str]:
    """What each section of each page would send to who follows it."""
    of_section: dict[str, list[Any]] = {
        "agents": ["", "alice", *ALL],
        "agent-head": ["alice"],
        "turns": [("alice", number) for number in numbers],
    }
    for page in PAGES.values():
        for subject in ("alice",) if page.transcript else ("1",):
            drawer = Drawer(hive, Spending(), subject)
            for section in page.sections:
                keys = [""] if isinstance(section, Whole) else of_section.get(section.name, numbers)
                with hive.db.snapshot():
                    for _, patch in section.patches(drawer, keys):
                        yield patch["html"] or ""


def test_nothing_that_others_wrote_becomes_markup(inside: Browser, private_state: Hive) -> None:
    hive = private_state
    add(hive, "alice")
    transcript = open_transcript(hive, "alice", create=True)
    assert transcript
    with transcript:
        for text in ALL:
            number = crowd(hive, text)
            for one in said(text)[-3:]:
                transcripts.append(transcript, number, clock.now(), text, json.dumps(one))
    with hive.db.write() as db:
        db.execute("UPDATE questions SET options = ? WHERE id = 1", (CORPUS[2],))
        db.execute(
            "UPDATE questions SET state = 'answered', answer = question, answerer = asker WHERE id > 20"
        )
        db.execute("UPDATE messages SET state = 'dead' WHERE id % 3 = 0")
        for text in ALL:
            agents.add(db, text, text, text, text, clock.now())
            agents.park(db, text, text, 1.0, text, clock.now())
            turns.end(db, turns.begin(db, text, 1, text, 1.0), text, text, clock.now())
        db.execute("UPDATE agents SET state = 'destroyed' WHERE name LIKE '%svg%'")
        db.execute("UPDATE web_sessions SET address = ?", (CORPUS[2],))
    hostile = urlencode({"to": CORPUS[2], "reply": CORPUS[2], "token": CORPUS[2], "q": CORPUS[1]})
    paths = [
        "/",
        "/agent/alice",
        "/history",
        "/statistics",
        "/system",
        "/thread/1",
        "/agent/alice/charts",
    ]
    paths += [f"/{path}?{hostile}" for path in ("", "login", "search", "agent/alice")]
    for path in paths:
        answer = inside.ask("GET", path)
        assert (answer.status, faults(answer.text)) == (200, []), path
    for html in drawn_again(hive, range(1, 120)):
        assert faults(html) == []
    assert "&lt;img src=x onerror=alert(1)&gt;" in inside.ask("GET", "/").text
    assert "\\u202egnp.exe" in inside.ask("GET", "/").text


@pytest.mark.parametrize("text", ALL)
def test_no_line_of_a_box_becomes_markup(text: str) -> None:
    for one in said(text):
        row = Line(1, 1, 1.0, text, one if isinstance(one, str) else json.dumps(one))
        assert faults(line(row)) == []
        assert all(faults(patch["html"] or "") == [] for patch in line_patches(row))


def test_no_body_becomes_more_than_markdown() -> None:
    for text in ALL:
        table, fence = f"|{text}|\n|-|\n|{text}|", f"```{text}\n{text}\n```"
        links = f"[{text}](http:{text}) <http:{quote(text)}>"
        for body in (text, f"a {text} b", f"> {text}", f"* {text}", table, fence, links):
            assert faults(markdown.html(body)) == [], body


def test_what_is_only_loaded_when_a_fold_opens_is_escaped_too() -> None:
    assert faults(render("log_lines", lines=ALL)) == []
    assert faults(render("config", config="\n".join(ALL), tags=[])) == []
    for text in ALL:
        word = repositories.Word("failed", 1, text, text, 1.0, text)
        assert faults(render("tags", words=[word])) == []
        assert faults(render("refused", message=text, hint=text, inside=True)) == []
        assert faults(render("link_made", url=text, minutes=1)) == []


def test_what_is_not_there_and_what_is_wrong_is_told_in_plain_words(inside: Browser) -> None:
    for text in ALL:
        path = text[:200].encode("utf-8", "surrogatepass").decode("latin-1")
        for method in ("GET", "POST"):
            answer = inside.ask(method, f"/{path}".partition("?")[0])
            assert answer.status in (403, 404, 405) and faults(answer.text) == []
        answer = inside.ask("POST", "/api/send", urlencode({"to": text, "body": text}))
        assert answer.status >= 400 and faults(answer.text) == []


@pytest.mark.parametrize("text", CORPUS)
def test_what_a_link_fills_in_is_escaped_as_everywhere(inside: Browser, text: str) -> None:
    told = inside.ask("GET", "/?" + urlencode({"to": text, "reply": text})).text
    assert faults(told) == []


def test_a_body_of_this_test_would_be_harmful_if_it_were_not_escaped() -> None:
    assert harmless('<img src="/static/icon.svg" alt="">')
    assert not any(
        harmless(text) for text in CORPUS if "<img" in text or "<svg" in text or "\x1b" in text
    )
    for odd in ('<a href="//evil.test">', '<p onclick="x">', '<form action="http://evil.test">', "<b>", "<!-- -->",
                '<a href="javascript:x">', '<p id="x" id="y">', "<script>", '<form action="/apix">'):  # fmt: skip
        assert not harmless(odd), odd


def test_a_link_says_where_it_leads_and_cells_have_no_style() -> None:
    links = markdown.html(
        "[http://good.test](http://evil.test) [x](http://evil.test) [http://evil.test](http://evil.test)"
    )
    assert links.count("(evil.test)") == 2
    assert 'class="to-right"' in markdown.html("|a|\n|-:|\n|b|")


def test_the_page_can_be_read_without_a_script(inside: Browser, private_state: Hive) -> None:
    add(private_state, "alice", "stopped")
    mailing.send(private_state, mailing.SHELL, "alice", "in plain HTML")
    text = inside.ask("GET", "/").text
    assert "in plain HTML" in text and 'action="/api/send"' in text
    assert inside.ask("GET", "/agent/alice").status == 200
