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


GOOD = "[mail]\nbody_limit = 7\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mail\n", "hive.toml: "),
        ("[mail]\nbody_limt = 3\n", "unknown setting mail.body_limt"),
        ("[mail]\nbody_limit = 0\n", "mail.body_limit: 0 is not from"),
        (None, "is not there"),
    ],
)
def test_a_faulty_edit_is_ignored_while_the_last_good_settings_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    config = tmp_path / "hive.toml"
    (tmp_path / "hive.toml.good").write_text(GOOD)
    if text is not None:
        config.write_text(text)
    assert load_settings(str(config)).mail.body_limit == 7
    said = capsys.readouterr().err
    assert words in said and "last good settings" in said and said.count("\n") == 1


def test_a_right_edit_counts_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "hive.toml"
    (tmp_path / "hive.toml.good").write_text(GOOD)
    config.write_text("[mail]\nbody_limit = 8\n")
    assert load_settings(str(config)).mail.body_limit == 8
    assert capsys.readouterr().err == ""


def test_who_asks_for_the_file_itself_is_told_its_fault(tmp_path: Path) -> None:
    config = tmp_path / "hive.toml"
    (tmp_path / "hive.toml.good").write_text(GOOD)
    config.write_text("[mail\n")
    with pytest.raises(Misuse):
        load_settings(str(config), last_good=False)


def test_the_last_good_settings_are_found_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "hive.toml.good").write_text(GOOD)
    (tmp_path / "hive.toml").write_text("[mail\n")
    link = tmp_path / "etc/hive.toml"
    link.symlink_to(tmp_path / "hive.toml")
    assert load_settings(str(link)).mail.body_limit == 7
    (tmp_path / "etc/hive.toml.good").write_text("[mail]\nbody_limit = 9\n")
    assert load_settings(str(link)).mail.body_limit == 9
