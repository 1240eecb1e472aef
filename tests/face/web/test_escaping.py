"""Nothing that an agent, a model or a link wrote becomes markup, a script, or a character that steers."""

import json
from html.parser import HTMLParser
from urllib.parse import urlencode

from hivelib.base import clock
from hivelib.flow import mailing
from hivelib.flow.opening import Hive, open_transcript
from hivelib.store import agents, mail, transcripts, turns, warnings
from tests.support.browser import Browser, add

CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</pre></details><iframe src=javascript:alert(1)>",
    "{{7*7}} {{!x}} % import os\n% end",
    "javascript:alert(1)",
    "\u202egnp.exe \u2066x\u2069 \u200b\ufeff",
    "\x1b[31mred\x07\x9b",
    "<!--", "]]>", "&lt;script&gt;", "\ud7ff\U0001f600 \u0085 \u2028",
]  # fmt: skip


class Elements(HTMLParser):
    """Which tags and attributes a document has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def harmless(text: str) -> bool:
    shown = Elements(text)
    scripts = text.count("<script")
    return (
        not {"iframe", "object", "embed", "style", "base"} & set(shown.tags)
        and not [name for name in shown.attributes if name.startswith("on") or name == "style"]
        and shown.tags.count("script")
        == scripts
        == text.count('<script type="module" src="/static/')
        and shown.tags.count("img") == 1
        and all(char.isprintable() or char in "\n\t" for char in text)
    )


def test_nothing_that_others_wrote_becomes_markup(inside: Browser, private_state: Hive) -> None:
    hive = private_state
    add(hive, "alice")
    transcript = open_transcript(hive, "alice", create=True)
    assert transcript
    with hive.db.write() as db:
        number = turns.begin(db, "alice", 1, CORPUS[0], clock.now())
        for text in CORPUS:
            mail.add(db, text, text, text, lane="normal", at=clock.now())
            mail.add(db, text, "operator", text, lane="urgent", at=clock.now())
            warnings.raise_once(db, text, text, text, clock.now())
        agents.park(db, "alice", "failing", None, " ".join(CORPUS), clock.now())
        db.execute("UPDATE agents SET model = ?, role = ?", (CORPUS[1], CORPUS[2]))
        turns.set_wake(db, number, CORPUS[3], None)
        turns.end(db, number, "failed", " ".join(CORPUS), clock.now())
    with transcript:
        for text in CORPUS:
            long = text + "\n" * 9 + text
            blocks = [
                {"type": "text", "text": text},
                {"type": "thinking", "thinking": text},
                {"type": "tool_use", "name": text, "input": {text: text}},
                {"type": "tool_result", "content": text},
                {
                    "type": "tool_result",
                    "content": [{"type": "text", "text": long}],
                    "is_error": True,
                },
                {"type": text},
            ]
            for kind in ("assistant", "user", text):
                line = {"type": kind, "subtype": text, "message": {"content": blocks}}
                transcripts.append(transcript, number, clock.now(), text, json.dumps(line))
            transcripts.append(transcript, number, clock.now(), text, text)
    for path in ("/", "/agent/alice", f"/login?{urlencode({'token': CORPUS[2]})}",
                 f"/?{urlencode({'to': CORPUS[2], 'reply': CORPUS[2]})}"):  # fmt: skip
        answer = inside.ask("GET", path)
        assert answer.status == 200
        assert harmless(answer.text), path
    assert "&lt;img src=x onerror=alert(1)&gt;" in inside.ask("GET", "/").text
    assert "\\u202egnp.exe" in inside.ask("GET", "/agent/alice").text


def test_a_body_of_this_test_would_be_harmful_if_it_were_not_escaped() -> None:
    icon = '<img src="/static/icon.svg">'
    assert harmless(icon)
    assert not any(harmless(text + icon) for text in CORPUS if "<" in text or "\x1b" in text)


def test_the_page_can_be_read_without_a_script(inside: Browser, private_state: Hive) -> None:
    add(private_state, "alice", "stopped")
    mailing.send(private_state, mailing.SHELL, "alice", "in plain HTML")
    text = inside.ask("GET", "/").text
    assert "in plain HTML" in text and 'action="/api/send"' in text
    assert inside.ask("GET", "/agent/alice").status == 200
