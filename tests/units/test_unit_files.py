"""The unit files as systemd reads them: no mistake in them, and none more exposed than it must be."""

import re
from pathlib import Path

import pytest

from hivelib.base.config import load_settings
from hivelib.flow import rendering
from tests.support.source import ROOT
from tests.support.state import settings_text
from tests.support.unit_files import exposure, mistakes

# bubblewrap needs what the others may not have
MOST_EXPOSED = {"hive-exec@.service": 8.0, "hive-trial@.service": 8.0}
BAR = 3.0
SERVICES = sorted(path.name for path in (ROOT / "systemd").glob("*.service"))


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All units and drop-ins as hive-up writes them."""
    where = tmp_path_factory.mktemp("units")
    config = where.parent / "hive.toml"
    config.write_text(settings_text(where.parent, "[web]\nport = 7321\n"))
    texts = rendering.rendered(f"{ROOT}/bin", str(config), load_settings(str(config)))
    for name, text in texts.items():
        (where / name).parent.mkdir(exist_ok=True)
        (where / name).write_text(text)
    return where


def test_systemd_finds_no_mistake_in_any_unit(units: Path, short_path: Path) -> None:
    assert mistakes(units, "user", XDG_RUNTIME_DIR=str(short_path)) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_more_exposed_than_it_must_be(units: Path, name: str) -> None:
    assert exposure(units / name) <= MOST_EXPOSED.get(name, BAR)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "systemd").glob("*.*[!d]")), ids=lambda path: path.name
)
def test_a_unit_is_written_as_the_house_wants(path: Path) -> None:
    text = path.read_text()
    assert re.search(r"^Description=[A-Z].*[^.]$", text, re.MULTILINE)
    assert "PartOf=" in text or path.name == "hive.target"
    assert not re.search(r"^(User|Group|CapabilityBoundingSet)=.", text, re.MULTILINE)
    assert set(re.findall(r"@[a-z]+@", text)) <= {"@bindir@"}
    again = path.suffix == ".service" and "Type=oneshot" not in text  # those are started by hand
    if "StartLimitIntervalSec=0" in text and again:
        assert "RestartSec=" in text
    if path.suffix == ".socket":
        assert "TriggerLimitIntervalSec=0" in text
