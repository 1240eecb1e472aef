"""The units as the system's manager gets them: systemd/ with systemd/system/ over it."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from hivelib.base.config import load_settings
from hivelib.flow import rendering
from tests.support.source import ROOT
from tests.support.state import settings_text
from tests.support.unit_files import exposure, mistakes

SOURCE = ROOT / "systemd"
SYSTEM = SOURCE / "system"
BAR = 2.0
ITS_OWN = sorted(path.name for path in SYSTEM.glob("*.*[!d]"))
# These two are bubblewrap's, which is not for the system manager; the others are as in a user manager, or stricter.
BUBBLEWRAPS = {"hive-exec@.service", "hive-trial@.service"}
SERVICES = sorted(
    path.name
    for path in (*SOURCE.glob("*.service"), *SYSTEM.glob("*.service"))
    if path.name not in BUBBLEWRAPS
)
USERS = {
    "hive-root@.service": "root",
    "hive-dashboard.service": "hive-web",
    "hive-approvals.service": "hive-git",
    "hive-submissions.service": "hive-git",
}


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All units and drop-ins in one directory, as a package of the system has them."""
    where = tmp_path_factory.mktemp("system")
    for top in (SOURCE, SYSTEM):
        for path in top.rglob("*"):
            name = path.relative_to(top)
            if path.is_file() and not str(name).startswith(("system/", "sysusers", "tmpfiles")):
                (where / name).parent.mkdir(exist_ok=True)
                (where / name).write_text(path.read_text().replace("@bindir@", f"{ROOT}/bin"))
    return where


def effective(units: Path, name: str) -> dict[str, str]:
    """What holds for a service of the [Service] section: the unit, then its drop-ins in systemd's order."""
    dropins = {path.name: path for path in sorted((units / "hive-.service.d").glob("*.conf"))}
    dropins |= {path.name: path for path in sorted((units / f"{name}.d").glob("*.conf"))}
    files = [units / name, *(dropins[key] for key in sorted(dropins))]
    text = "\n".join(path.read_text() for path in files)
    return dict(re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE))


def test_systemd_finds_no_mistake_in_any_unit(units: Path) -> None:
    assert mistakes(units, "system") == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_more_exposed_than_it_must_be(units: Path, name: str) -> None:
    assert exposure(units / name) <= BAR


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_runs_as_the_user_that_the_design_gives_it(units: Path, name: str) -> None:
    found = effective(units, name)
    assert found["User"] == USERS.get(name, "hive")
    assert found["PrivateUsers"] == "no"  # else callers and owners of files are all nobody
    assert found["ProtectKernelTunables"] == found["ProtectKernelLogs"] == "yes"
    # What is deployed is hive-git's own group's: there only others must be kept from writing.
    assert found["UMask"] == ("0002" if found["User"] == "hive-git" else found["UMask"])
    # systemd gives a state directory to the service's user: only one user may have it.
    assert bool(found.get("StateDirectory")) == (found["User"] == "hive" and "fetch" not in name)
    assert not found.get("StateDirectory") or found["StateDirectoryMode"] == "2770"


def test_only_root_door_is_root(units: Path) -> None:
    roots = [
        path for path in units.rglob("*") if path.is_file() and "User=root" in path.read_text()
    ]
    assert {path.parent.name for path in roots} == {"hive-root@.service.d", "hive-root.socket.d"}


@pytest.mark.parametrize("name", ITS_OWN)
def test_a_unit_is_written_as_the_house_wants(name: str) -> None:
    text = (SYSTEM / name).read_text()
    assert re.search(r"^Description=[A-Z].*[^.]$", text, re.MULTILINE) and "PartOf=" in text
    assert set(re.findall(r"@[a-z]+@", text)) <= {"@bindir@"}
    assert not name.endswith(".socket") or "TriggerLimitIntervalSec=0" in text


def test_a_user_manager_gets_none_of_it(tmp_path: Path) -> None:
    config = tmp_path / "hive.toml"
    config.write_text(settings_text(tmp_path))
    texts = rendering.rendered(f"{ROOT}/bin", str(config), load_settings(str(config)))
    assert not [name for name in texts if "root" in name or "system" in name]
    assert not [name for name, text in texts.items() if re.search("^User=", text, re.MULTILINE)]


def test_systemd_makes_the_users_and_the_places(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users")
    (tmp_path / "etc").mkdir()
    for program in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        kind = program[0].removeprefix("systemd-")
        argv = [*program, f"--root={tmp_path}", str(SYSTEM / f"{kind}.d/hyperhive.conf")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("ailed")) == (0, 0), done.stderr
    groups = (tmp_path / "etc/group").read_text()
    assert re.search(r"^hive:.*:hive-git,hive-web$", groups, re.MULTILINE)
    assert re.search(r"^hive-operators:.*:hive-web$", groups, re.MULTILINE)  # and not hive
    assert stat.S_IMODE((tmp_path / "var/lib/hyperhive").stat().st_mode) == 0o2770
    decisions = (tmp_path / "var/lib/hyperhive-deployed/decisions").stat()
    assert (decisions.st_uid, stat.S_IMODE(decisions.st_mode)) == (0, 0o3775)
    above = (
        tmp_path / "var/lib/hyperhive-deployed"
    ).stat()  # else hive could put others in their place
    assert (above.st_uid, stat.S_IMODE(above.st_mode)) == (0, 0o750)
