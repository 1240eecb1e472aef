"""What somebody wrote as markdown, as HTML that cannot do anything: no raw HTML, no images, and a link says where it
leads when its words do not."""

from collections.abc import Sequence
from functools import cache, lru_cache
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from hivelib.base.text import visible

_SCHEMES = frozenset({"http", "https", "mailto"})
_MOST = 20_000
"""Characters beyond which text is shown as it is: nested markers may cost more than they are worth."""


@lru_cache(maxsize=2048)
def html(text: str) -> str:
    """The text as HTML, control and bidirectional characters written as escapes. A newline stays one."""
    shown = visible(text)
    if len(shown) > _MOST:
        return f"<pre>{escape(shown)}</pre>"
    return str(_reader().render(shown))


class _Renderer(RendererHTML):
    """Links are told apart from their words, and open elsewhere."""

    def link_open(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        token = tokens[index]
        token.attrSet("rel", "noopener noreferrer nofollow")
        token.attrSet("target", "_blank")
        return self.renderToken(tokens, index, options, env)

    def link_close(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        opened = next(one for one in reversed(tokens[:index]) if one.type == "link_open")
        target = str(opened.attrGet("href") or "")
        words = "".join(one.content for one in tokens[tokens.index(opened) + 1 : index])
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
    reader.validateLink = _may_link  # type: ignore[method-assign]
    return reader


def _may_link(url: str) -> bool:
    try:
        return urlsplit(url.strip()).scheme.lower() in _SCHEMES
    except ValueError:
        return False
