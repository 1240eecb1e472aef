"""What the page about the system loads when a fold is opened."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hivelib.base.text import visible
from hivelib.face.web import answers
from hivelib.face.web.routes.reading import NAME
from hivelib.face.web.shared import Web
from hivelib.face.web.views import loaded
from hivelib.flow import surveying

LINES = 200
"""Lines of a log that are shown."""


def routes(web: Web) -> list[tuple[str, str, Callable[..., Any]]]:
    """The table of these."""
    return [
        ("GET", "/system/log/<unit:re:hive-[a-z-]{1,40}>", web.spared(partial(_log, web))),
        ("GET", f"/system/tombstone/{NAME}", web.spared(partial(_tombstone, web))),
        ("GET", f"/agent/{NAME}/log", web.spared(partial(_lines, web))),
    ]


def _log(web: Web, unit: str) -> str:
    if unit not in surveying.units():
        raise answers.Missing("there is no such unit", "the page about the system lists them")
    return _lines(web, f"{unit}.service")


def _lines(web: Web, name: str) -> str:
    from hivelib.flow import (
        showing,  # only who reads logs pays for what runs journalctl
    )

    lines = showing.logs(web.hive, name, LINES)
    return loaded(
        f"Log of {name}", "log_lines", lines=[visible(line, one_line=True) for line in lines]
    )


def _tombstone(web: Web, name: str) -> str:
    from hivelib.flow import tombstones

    left = tombstones.left_by(web.hive, name)
    size = "what cannot be counted" if left.size is None else tombstones.shown(left.size)
    return loaded(f"What {name} left", "tombstone", left=left, size=size)
