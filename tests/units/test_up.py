"""hive-up and hive-down of a private hive, as an ordinary user: what runs, what is left, what is not touched."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import owners, raising
from tests.support.people import Person
from tests.support.ports import free_port
from tests.support.raising import Upped, alive
from tests.support.waiting import until


@pytest.fixture
def hive(ordinary_user: Person, short_path: Path) -> Iterator[Upped]:
    """A directory without a hive, and nothing of one when the test is over."""
    upped = raising.made(ordinary_user, short_path / "a")
    yield upped
    upped.down()


def test_up_makes_a_hive_that_a_second_up_finds_and_down_ends(hive: Upped) -> None:
    first = hive.up()
    assert first["agents"] == {"manager": "running"}
    assert first["user"] == hive.person.user.name
    assert first["systemd"] == "private"
    assert (hive.directory.stat().st_mode & 0o777, "started the hive" in first["done"]) == (
        0o700,
        True,
    )
    assert (
        hive.systemctl("is-active", "hive.target", "hive-agent@manager.target") == "active\nactive"
    )
    assert hive.systemctl("list-units", "--failed", "--plain", "--no-legend") == ""
    running = hive.processes()
    assert owners.of_processes(running) == {hive.person.user.uid}

    staying = hive.staying()
    assert set(staying.values()) <= running
    second = hive.up()
    assert second["done"] == []
    assert hive.staying() == staying

    groups = hive.record.groups
    assert hive.down()
    assert [pid for pid in running if alive(pid)] == []
    assert raising.groups_left(groups) == []
    assert not (hive.directory / "run").exists()
    assert (hive.directory / "state/hive.sqlite").exists()
    assert not hive.down()

    third = hive.up()
    assert third["agents"] == {"manager": "running"}
    assert third["config"] == first["config"]


def test_settings_that_are_there_are_kept(hive: Upped) -> None:
    config = hive.directory / "hive.toml"
    one, other = free_port(), free_port()
    config.write_text(f'# mine\n[operator]\nname = "Ada" # me\n[web]\nport = {one}\n')
    hive.person.own(config)
    assert hive._replace(port=None).up()["url"] == f"http://127.0.0.1:{one}"
    assert config.read_text().startswith("# mine\n")
    assert 'name = "Ada" # me' in config.read_text()
    assert hive.up("--port", str(other))["url"] == f"http://127.0.0.1:{other}"
    assert f"127.0.0.1:{other}" in hive.systemctl("show", "-p", "Listen", "hive-dashboard.socket")


def test_without_claude_it_gives_the_line_and_offers_the_demo(hive: Upped) -> None:
    notes = " ".join(hive.up(PATH="/usr/bin:/bin")["notes"])
    assert "npm install -g @anthropic-ai/claude-code" in notes and "--demo" in notes


def test_settings_that_are_no_settings_are_said_in_one_line(hive: Upped) -> None:
    config = hive.directory / "hive.toml"
    config.write_text("[web\n")
    hive.person.own(config)
    done = hive.person.run(hive.argv("--demo"), check=False, seconds=100)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"hive-up: {config}: ")


def test_a_port_that_is_taken_is_named_with_the_way_out(hive: Upped) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = hive.person.run(hive.argv("--port", str(port)), check=False, seconds=100)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"hive-up: port {port} is taken by another program; name another: hive-up --port N"
    )
    assert hive._replace(port=None).up()["url"] == f"http://127.0.0.1:{port}"


def test_a_service_that_fails_again_and_again_is_named_and_not_waited_for(hive: Upped) -> None:
    directory = hive.directory / "config/systemd/user/hive-broker.service.d"
    hive.person.run(["mkdir", "-p", directory])
    (directory / "90-broken.conf").write_text("[Service]\nExecStart=\nExecStart=false\n")
    done = hive.person.run(hive.argv(), check=False, seconds=50)
    assert done.returncode == 1
    assert "hive-broker.service: does not come up" in done.stderr.splitlines()[-1]
    (directory / "90-broken.conf").unlink()
    assert hive.down()
    assert hive.up()["agents"] == {"manager": "running"}


def test_a_key_is_kept_for_the_hive_alone(hive: Upped) -> None:
    hive.up(ANTHROPIC_API_KEY="sk-secret-1234")
    key = hive.directory / "state/api-key"
    assert (key.read_text(), key.stat().st_mode & 0o777) == ("sk-secret-1234\n", 0o600)
    assert str(key) in (hive.directory / "hive.toml").read_text()
    for pid in hive.processes():
        with contextlib.suppress(FileNotFoundError):  # one that was rung may have ended
            assert b"sk-secret-1234" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_services_are_as_confined_as_their_units_say(hive: Upped) -> None:
    hive.up()
    broker = Path(f"/proc/{hive.main_pid('hive-broker.service')}")
    lines = (broker / "status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert (status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]) == ("0" * 16, "1", "2")
    mounts = [line.split() for line in (broker / "mountinfo").read_text().splitlines()]
    options = {words[4]: words[5].split(",") for words in mounts}
    assert "ro" in options["/"]
    assert "rw" in options[str(hive.directory / "state")]
    assert os.readlink(broker / "ns/net") != os.readlink("/proc/self/ns/net")
    # In those walls it may do its work: it finds no fault, and the next time is known.
    hive.systemctl("start", "hive-vacuum.service")
    shown = hive.systemctl("show", "hive-vacuum.service", "-p", "Result", "-p", "ExecMainStatus")
    assert sorted(shown.splitlines()) == ["ExecMainStatus=0", "Result=success"]
    assert not Path(f"{hive.directory}/log/hive-vacuum.log").read_text()
    assert hive.systemctl("show", "-P", "NextElapseUSecRealtime", "hive-vacuum.timer").strip()


def test_a_changed_program_starts_its_services_again(hive: Upped) -> None:
    hive.up()
    before = hive.main_pid("hive-broker.service")
    record = hive.directory / "raised.json"
    record.write_text(record.read_text().replace('"program": "', '"program": "older'))
    assert any("hive-broker.service" in words for words in hive.up()["done"])
    assert hive.main_pid("hive-broker.service") not in (0, before)


def test_two_hives_live_side_by_side(hive: Upped, short_path: Path) -> None:
    other = raising.made(hive.person, short_path / "b")
    bystander = hive.person.start(["sleep", "1000"])
    try:
        urls = {one._replace(port=None).up()["url"] for one in (hive, other)}
        assert len(urls) == 2
        staying = other.staying()
        assert 0 not in staying.values()
        assert hive.down()
        assert other.staying() == staying
        assert bystander.poll() is None
        assert other.tool("hive-send", "manager", "still there?").strip() == "1"
    finally:
        other.down()
        bystander.kill()
        bystander.wait()


POINTS = [
    "run/systemd/private",
    "hive.toml",
    "config/systemd/user/hive.target",
    "state/hive.sqlite",
]
POINTS += ["run/hyperhive/mcp.handoff", "run/hyperhive/agents/manager/mcp/mcp.sock"]


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_up_is_finished_by_the_next(hive: Upped, point: str) -> None:
    started = hive.person.start(hive.argv())
    until(lambda: (hive.directory / point).exists() or started.poll() is not None, point)
    started.kill()
    started.wait()
    assert hive.up()["agents"] == {"manager": "running"}
    assert hive.systemctl("list-units", "--failed", "--plain", "--no-legend") == ""
    running = hive.processes()
    assert hive.down()
    assert [pid for pid in running if alive(pid)] == []


@pytest.mark.parametrize("then", ["down", "up"])
def test_a_dead_manager_leaves_nothing_behind(hive: Upped, then: str) -> None:
    hive.up()
    broker, groups = hive.main_pid("hive-broker.service"), hive.record.groups
    os.kill(hive.record.pid, signal.SIGKILL)
    until(lambda: not hive.record.pid, "the manager's end")
    assert alive(broker)
    if then == "up":
        assert hive.up()["agents"] == {"manager": "running"}
    else:
        assert hive.down()
        assert raising.groups_left(groups) == []
    assert not alive(broker)


def test_a_long_name_is_refused_in_words(ordinary_user: Person, short_path: Path) -> None:
    far = short_path / ("x" * 60)
    done = ordinary_user.run(Upped(ordinary_user, far).argv(), check=False)
    assert done.returncode == 2
    assert "sockets below it allow" in done.stderr
    assert not far.exists()
