"""A hundred times the stream of an open page is cut: nothing is missed, nothing shown twice, typing stays."""

from pathlib import Path

import pytest

from hivelib.flow.opening import Hive
from tests.support import scene
from tests.support.chromium import Person, launched
from tests.support.cutting import survive_cuts
from tests.support.page import open_page


@pytest.mark.timeout(3600)
def test_a_page_survives_many_cuts(
    request: pytest.FixtureRequest, private_state: Hive, short_path: Path
) -> None:
    scene.fill(private_state)
    config = short_path / "hive.toml"
    with launched() as chromium, open_page(private_state, config) as page, chromium.used():
        person = Person(chromium, page.port, page.cookie)
        survive_cuts(person, page, private_state, request.config.getoption("--cuts"))
        assert person.unforeseen() == []
