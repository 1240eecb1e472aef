"""hive.toml: every field has a default, every fault names the file and the field."""

import os
from pathlib import Path

import pytest

from hivelib.base.config import config_path, load_settings
from hivelib.base.errors import Misuse
from hivelib.model.settings import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home without a hive, and nothing set."""
    for name in ("HIVE_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def written(where: Path, text: str) -> str:
    path = where / "hive.toml"
    path.write_text(text)
    return str(path)


def test_an_empty_file_means_the_defaults(home: Path) -> None:
    settings = load_settings(written(home, ""))
    assert settings.mail == Settings().mail and settings.web.port == 7000
    assert settings.state_dir == f"{home}/.local/state/hyperhive"


def test_what_is_said_counts_and_a_whole_number_will_do_for_a_fraction(home: Path) -> None:
    text = 'state_dir = "/x"\n[mail]\npause_first = 7\n[web]\nport = 7001\n'
    settings = load_settings(written(home, text))
    assert (settings.state_dir, settings.mail.pause_first, settings.web.port) == ("/x", 7.0, 7001)
    assert settings.mail.body_limit == 4096, "what was not said is as it was"


def test_systemds_directories_count_before_xdg(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/hyperhive")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    settings = load_settings(written(home, ""))
    assert (settings.state_dir, settings.runtime_dir) == (
        "/var/lib/hyperhive",
        "/run/user/7/hyperhive",
    )


def test_the_file_is_found_by_hive_config_then_in_the_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".config/hyperhive").mkdir(parents=True)
    written(home / ".config/hyperhive", "")
    assert config_path() == f"{home}/.config/hyperhive/hive.toml"
    monkeypatch.setenv("HIVE_CONFIG", "/elsewhere/hive.toml")
    assert config_path() == "/elsewhere/hive.toml"


def test_no_file_means_defaults_unless_it_was_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.path.exists("/etc/hyperhive/hive.toml"):  # this machine may have a hive of its own
        assert load_settings().web.port == 7000
    monkeypatch.setenv("HIVE_CONFIG", f"{home}/none.toml")
    with pytest.raises(Misuse, match=r"no settings file .*none\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[mail]\nbody_limt = 3", r"unknown setting mail\.body_limt"),
        ("[mial]\nx = 3", "unknown setting mial"),
        ('[web]\nport = "7000"', r"web\.port must be of type int"),
        ("[web]\nport = true", r"web\.port must be of type int"),
        ("[mail]\npair_limit = 3.5", r"mail\.pair_limit must be of type int"),
        ("state_dir = 3", "state_dir must be of type str"),
        ("web = 3", "web must be a table"),
        ("[web", r"hive\.toml: "),
        ("a = 1\na = 2", r"hive\.toml: "),
    ],
)
def test_a_fault_names_the_file_and_the_field_in_one_line(
    home: Path, text: str, named: str
) -> None:
    with pytest.raises(Misuse, match=named) as error:
        load_settings(written(home, text))
    assert "hive.toml" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_no_text_is_said_in_one_line(home: Path) -> None:
    (home / "hive.toml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(Misuse, match=r"hive\.toml: "):
        load_settings(str(home / "hive.toml"))
