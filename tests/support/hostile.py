"""Text that would like to be more than text, and a look whether a page let it."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from hivelib.face.web.views import TEMPLATES

CORPUS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</pre></details><iframe src=javascript:alert(1)>",
    "{{7*7}} {{!x}} % import os\n% end\n<% y %> ${z} \\\\",
    "javascript:alert(1)",
    "\u202egnp.exe \u2066x\u2069 \u200b\ufeff",
    "\x1b[31mred\x07\x9b",
    "<!--", "]]>", "&lt;script&gt;", "\ud7ff\U0001f600 \u0085 \u2028",
]  # fmt: skip
"""What is tried everywhere."""

MARKED = [
    "&#x202e;gnp.exe &#8203; &#27;[2J &zwnj;&rlm; <http:%E2%80%AEgnp.exe> [a](http:%E2%80%AE) &#x1b;]0;x&#7;",
    "[x](javascript:alert(1)) [y](JaVa\tScRiPt:alert(1)) [z](data:text/html,<script>1</script>) <javascript:alert(1)>",
    "[a](&#x6a;avascript:alert(1)) [b](\\javascript:x) [c](vbscript:x) [d](//evil.test) [e](/logout)",
    "[x]: javascript:alert(1) 'onclick=y'\n\n[x] [x][] ![x] ![y](http://evil.test/beacon.png)",
    '[good](http://evil.test "\\" onmouseover=alert(1) x=\\"") <http://evil.test/"onclick="x">',
    '`<script>` ``</code><b>``\n\n```html" onclick=x\n</code></pre><script>x</script>\n```\n\n    </pre><b>',
    "|a|b|\n|:-|-:|\n|<b onclick=x>|`<i>`|\n\n# <h1 id=page>\n\n> <q>\n\n* <x-y>\n\n<div id=told>\n\n</div>",
    "http://evil.test www.evil.test <a@b.c> <x@y?z=\"'>",
    "~~<del>~~ **<b>** _<i>_ \\<b> &#60;b&#62; &lt;b&gt; &#0; &#xd800; &amp;lt;",
]
"""What is tried where markdown is read."""

MODERN = [
    "<svg><animate onbegin=alert(1) dur=1s></svg><math><mtext><table><mglyph><style><img src=x onerror=x>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>"><template><b></template><form><math>',
    '<svg><style><!--</style><img title="--><img src=x onerror=x>"><x><![CDATA[<b>]]></x><?php y ?><!doctype z>',
    "</textarea></title></style></script></option></select></svg></math></table><base href=//evil.test>",
    '<a href="java&Tab;script&colon;alert(1)" style="background:url(//x)">x</a><meta http-equiv=refresh content=0>',
    "<\x00script>\x00</\x00script> \x08\x7f\x80\x9f <\u017fcript> \uff1cscript\uff1e \u2039b\u203a \u00ad\u180e",
    "<form action=//evil.test id=page><input name=body autofocus onfocus=alert(1)><button formaction=javascript:x>",
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u2067\u2068 \U000e0041\U000e007f \ufe0f\u3164 a\u0301\u0301\u0301",
    "'-alert(1)-' \";alert(1)// `${alert(1)}` \\u003cscript\\u003e %3Cscript%3E &#x3C;script&#x3E; +ADw-script+AD4-",
    "x" * 5000 + "<b>" * 200,
]
"""More of it, longer."""
ALL = [*CORPUS, *MARKED, *MODERN]

_OF_MARKDOWN = {
    "p": (), "em": (), "strong": (), "s": (), "code": ("class",), "pre": (), "blockquote": (), "ul": (), "li": (),
    "ol": ("start",), "hr": (), "br": (), **{f"h{n}": () for n in range(1, 7)},
    "a": ("href", "rel", "target", "title"), "span": ("class",), "table": (), "thead": (), "tbody": (), "tr": (),
    "th": ("class",), "td": ("class",),
}  # fmt: skip
_LINK = re.compile(r"(?:https?:|mailto:|#|/(?![/\\])).*", re.DOTALL)
_ACTION = re.compile(r"/(?:api/.*|login|logout|search)", re.DOTALL)


class Elements(HTMLParser):
    """The elements that a document has, each with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.odd: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if len({name for name, _ in attrs}) < len(attrs):
            self.odd.append(f"{tag} has an attribute twice")

    def handle_comment(self, data: str) -> None:
        self.odd.append(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html":
            self.odd.append(f"a declaration: {decl}")

    def unknown_decl(self, data: str) -> None:
        self.odd.append(f"a declaration: {data}")

    def handle_pi(self, data: str) -> None:
        self.odd.append(f"an instruction: {data}")


@cache
def _ours() -> frozenset[tuple[str, str]]:
    """Each element with each attribute that our templates and what we make of markdown may have."""
    found = {(tag, name) for tag, names in _OF_MARKDOWN.items() for name in ("", *names)}
    for path in Path(TEMPLATES).glob("*.html"):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("% ")]
        plain = re.sub(r"{{.*?}}", "x", "\n".join(lines))
        for tag, attributes in Elements(plain).found:
            found |= {(tag, name) for name in ("", *attributes)}
    return frozenset(found | {("body", ""), ("body", "class"), ("a", "aria-current")})


def faults(text: str) -> list[str]:
    """What a document or a part of one has that no template of ours wrote; empty when it is harmless."""
    shown = Elements(text)
    wrong = list(shown.odd)
    for tag, attributes in shown.found:
        wrong += [f"<{tag} {name}>" for name in ("", *attributes) if (tag, name) not in _ours()]
        if tag == "script" and "src" not in attributes:
            wrong.append("a script")
        for name, value in attributes.items():
            wrong += _wrong_value(tag, name, value)
    wrong += [f"{char!r}" for char in set(text) if not char.isprintable() and char not in "\n\t"]
    return wrong


def _wrong_value(tag: str, name: str, value: str) -> list[str]:
    fine = True
    if name == "href":
        fine = bool(_LINK.fullmatch(value))
    elif name in ("action", "src"):
        fine = bool(_ACTION.fullmatch(value)) if name == "action" else value.startswith("/static/")
    elif name in ("data-load", "data-look", "data-events"):
        fine = value.startswith("/") and not value.startswith("//")
    elif name == "target":
        fine = value == "_blank"
    return [] if fine else [f'<{tag} {name}="{value[:80]}">']


def harmless(text: str) -> bool:
    """Whether no element, attribute, address or character is there that our templates did not put there."""
    return not faults(text)
