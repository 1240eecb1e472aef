"""What somebody wrote as markdown, as HTML that cannot do anything: no raw HTML, no images, and a link says where it
leads when its words do not."""

from collections.abc import Sequence
from functools import cache
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import table
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from hivelib.base.text import visible
from hivelib.face.web.keeping import kept

_SCHEMES = frozenset({"http", "https", "mailto"})
_MOST = 20_000
"""Characters beyond which text is shown as it is: nested markers may cost more than they are worth."""
_CELLS_MOST = 4000
"""Columns of a table times the lines that follow: cells that are missing are put in, and two characters would make a
row of thousands."""


@kept(4_000_000)
def html(text: str) -> str:
    """The text as HTML, control and bidirectional characters written as escapes. A newline stays one."""
    shown = visible(text)
    if len(shown) > _MOST:
        return f"<pre>{escape(shown)}</pre>"
    # Once more: entities and what is %-encoded in a link become characters while it is read.
    return visible(str(_reader().render(shown)))


class _Renderer(RendererHTML):
    """Links are told apart from their words, and open elsewhere."""

    def link_open(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        token = tokens[index]
        token.attrSet("rel", "noopener noreferrer nofollow")
        token.attrSet("target", "_blank")
        return self.renderToken(tokens, index, options, env)

    def th_open(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        return self._cell(tokens, index, options, env)

    def td_open(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        return self._cell(tokens, index, options, env)

    def _cell(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        """A cell of a table: which side its text is on is a class, for the page allows no inline style."""
        token = tokens[index]
        if side := str(token.attrs.pop("style", "")).partition("text-align:")[2]:
            token.attrSet("class", f"to-{side}")
        return self.renderToken(tokens, index, options, env)

    def link_close(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        begin = next(at for at in range(index, -1, -1) if tokens[at].type == "link_open")
        target = str(tokens[begin].attrGet("href") or "")
        words = "".join(one.content for one in tokens[begin + 1 : index])
        place = urlsplit(target).netloc or target
        told = (
            ""
            if words in (target, target.partition("://")[2])
            else f' <span class="dim">({escape(place)})</span>'
        )
        return f"</a>{told}"


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt(
        "commonmark", {"html": False, "breaks": True, "maxNesting": 20}, renderer_cls=_Renderer
    )
    reader.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    reader.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    reader.validateLink = _may_link  # type: ignore[method-assign]
    return reader


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, when it is not many times as large as its text."""
    if start + 1 >= end:
        return False
    columns = 1 + state.src.count("|", state.bMarks[start + 1], state.eMarks[start + 1])
    return columns * (end - start) <= _CELLS_MOST and table(state, start, end, silent)


def _may_link(url: str) -> bool:
    try:
        return urlsplit(url.strip()).scheme.lower() in _SCHEMES
    except ValueError:
        return False
