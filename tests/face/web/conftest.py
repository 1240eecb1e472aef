"""A browser for the page's application, before and after it has logged in."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from hivelib.base.config import load_settings
from hivelib.face.web.app import make_app
from hivelib.face.web.hub import Hub
from hivelib.flow import admitting
from hivelib.flow.opening import Hive, open_hive
from tests.support.browser import PORT, Browser


@pytest.fixture
def browser(private_state: Hive, short_path: Path) -> Iterator[Browser]:
    settings = load_settings(str(short_path / "hive.toml"))
    opened: list[Hive] = []

    def opener() -> Hive:
        opened.append(open_hive(settings))
        return opened[-1]

    yield Browser(make_app(opener, Hub(opener), PORT))
    for hive in opened:
        hive.db.close()


@pytest.fixture
def inside(browser: Browser, private_state: Hive) -> Browser:
    answer = browser.ask("POST", "/login", urlencode({"token": admitting.invite(private_state)}))
    browser.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
    return browser
