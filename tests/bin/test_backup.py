"""Backup, restore, resume: a copy taken while messages flow goes on elsewhere where it stood."""

import io
import json
import os
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hivelib.base.config import load_settings
from hivelib.base.db import Database
from hivelib.flow import mailing, settling
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive, open_hive, open_transcript
from hivelib.flow.settling import Outcome
from hivelib.store import agents, events, transcripts
from tests.bin.conftest import Shell, give
from tests.support.residents import asked, begin_turn, in_turn
from tests.support.state import short_directory
from tests.support.waiting import until


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """An empty directory of the hive's user, where a hive can be restored."""
    with short_directory() as where:
        give(where)
        yield where


def restored(shell: Shell, file: str, where: Path) -> Hive:
    shell.run("hive-backup", "--restore", file, "--dir", str(where))
    return open_hive(load_settings(str(where / "hive.toml")))


def keep_busy(shell: Shell, stop: threading.Event, done: list[int]) -> None:
    """Sends, takes, writes a transcript and settles, until told; `done` are turns that ended well."""
    with Database(shell.hive.paths.database) as db:
        hive = shell.hive._replace(db=db)
        transcript = open_transcript(hive, "alice", create=True)
        assert transcript
        with transcript:
            while not stop.is_set():
                mailing.send(hive, SHELL, "alice", f"message {len(done)}", lane="normal")
                turn = begin_turn(hive, "alice")
                mailing.take(hive, in_turn(turn), 1)
                transcripts.append(transcript, turn.id, 0.0, "line", json.dumps({"turn": turn.id}))
                settling.end_turn(hive, turn, Outcome("ok", ""))
                done.append(turn.id)


@pytest.mark.parametrize("name", ["copy.tar", "copy.tar.gz"])
def test_a_copy_taken_while_messages_flow_goes_on_elsewhere(
    shell: Shell, elsewhere: Path, name: str
) -> None:
    stop, done = threading.Event(), list[int]()
    busy = threading.Thread(target=keep_busy, args=(shell, stop, done))
    busy.start()
    try:
        until(lambda: len(done) > 20, "messages flow")
        give(shell.where)
        before = len(done)
        shell.run("hive-backup", name)
        assert len(done) > before, "they flowed on meanwhile"
    finally:
        stop.set()
        busy.join()
    hive = restored(shell, str(shell.where / name), elsewhere)
    with hive.db as db:
        states = dict(db.all("SELECT state, count(*) FROM messages GROUP BY state"))
        assert states["acked"] >= before and set(states) <= {"acked", "queued"}
        assert db.value("SELECT count(*) FROM turns WHERE ended_at IS NULL") == 0
        numbers = [row[0] for row in db.all("SELECT seq FROM events ORDER BY seq")]
        assert numbers == list(range(1, len(numbers) + 1)), "no event is missing"
        with Database(hive.paths.transcript("alice")) as transcript:
            said = {row[0] for row in transcript.all("SELECT turn FROM lines")}
        known = {row[0] for row in db.all("SELECT id FROM turns")}
        assert said <= known, "no line belongs to a turn that the copy will begin anew"
        give(elsewhere)
        turn = begin_turn(hive, "alice")
        assert turn.id > max(known)
        mailing.send(hive, SHELL, "alice", "and on it goes")
        assert mailing.take(hive, in_turn(turn), 32)["messages"]
        settling.end_turn(hive, turn, Outcome("ok", ""))


def test_mail_of_a_turn_that_ran_comes_back_in_the_copy(shell: Shell, elsewhere: Path) -> None:
    sent = mailing.send(shell.hive, SHELL, "alice", "half done").id
    turn = begin_turn(shell.hive, "alice")
    mailing.take(shell.hive, in_turn(turn), 1, request=asked(turn))
    give(shell.where)
    shell.run("hive-backup", "copy.tar")
    epoch = events.epoch(shell.hive.db)
    hive = restored(shell, str(shell.where / "copy.tar"), elsewhere)
    with hive.db as db:
        row = db.one("SELECT id, state, deliveries, claimed_by FROM messages")
        assert row == (sent, "queued", 1, None)
        assert db.value("SELECT outcome FROM turns") == "lost"
        assert events.epoch(db) != epoch, "no reader takes old numbers for new ones"
        kinds = [event.kind for event in events.latest(db, 2)]
        assert kinds == ["requeued", "turn_ended"]
        assert [agent.name for agent in agents.all_of(db)] == ["manager", "alice", "bob"]
    assert shell.hive.db.value("SELECT state FROM messages") == "claimed", (
        "the original is as it was"
    )


def test_files_of_agents_come_along_but_no_link_is_followed_and_no_login(
    shell: Shell, elsewhere: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("not the box's")
    box = Path(shell.hive.paths.agent("alice"))
    (box / "state/deep/er").mkdir(parents=True)
    (box / "claude").mkdir()
    (box / "state/notes.md").write_text("mine")
    (box / "state/deep/er/naïve \n name").write_text("odd")
    (box / "state/setuid").write_text("x")
    (box / "state/setuid").chmod(0o4755)
    (box / "state/link").symlink_to(tmp_path / "secret")
    (box / "state/directory-link").symlink_to(tmp_path)
    (box / "claude/.credentials.json").write_text("a login")
    (box / "claude/session.jsonl").write_text("{}")
    os.mkfifo(box / "state/fifo")
    Path(shell.hive.paths.shared).mkdir()
    Path(shell.hive.paths.shared, "for all").write_text("ours")
    give(shell.where)
    os.chmod(box / "state/setuid", 0o4755)
    done = shell.run("hive-backup", "copy.tar")
    assert "left out: agents/alice/state/fifo" in done.stderr
    with tarfile.open(shell.where / "copy.tar") as tar:
        files = [tar.extractfile(member) for member in tar if member.isreg()]
        text = b"".join(file.read() for file in files if file)
    assert b"not the box's" not in text and b"a login" not in text
    hive = restored(shell, str(shell.where / "copy.tar"), elsewhere)
    hive.db.close()
    back = Path(hive.paths.agent("alice"))
    assert (back / "state/notes.md").read_text() == "mine"
    assert (back / "state/deep/er/naïve \n name").read_text() == "odd"
    assert (back / "claude/session.jsonl").exists()
    assert Path(hive.paths.shared, "for all").read_text() == "ours"
    assert not (back / "claude/.credentials.json").exists()
    assert (back / "state/link").is_symlink() and (back / "state/directory-link").is_symlink()
    assert (back / "state/setuid").stat().st_mode & 0o7700 == 0o700, "still to be run, as oneself"


def test_a_box_that_fills_its_share_with_holes_does_not_fill_the_backup(shell: Shell) -> None:
    with (shell.where / "hive.toml").open("a") as config:
        config.write("[box]\ndisk_bytes = 1000000\n")
    box = Path(shell.hive.paths.agent("alice")) / "state"
    box.mkdir(parents=True)
    with (box / "huge").open("wb") as huge:
        huge.truncate(1 << 40)
    (box / "small").write_text("kept")
    give(shell.where)
    assert "left out: agents/alice/state/huge" in shell.run("hive-backup", "copy.tar").stderr
    assert (shell.where / "copy.tar").stat().st_size < 2_000_000


def test_settings_come_along_with_the_new_place_in_them(shell: Shell, elsewhere: Path) -> None:
    with (shell.where / "hive.toml").open("a") as config:
        config.write('# mine\n[mail]\npair_limit = 7\n[api]\nkey_file = "/gone/api-key"\n')
    shell.run("hive-backup", "copy.tar")
    hive = restored(shell, str(shell.where / "copy.tar"), elsewhere)
    hive.db.close()
    assert (hive.settings.mail.pair_limit, hive.settings.api.key_file) == (7, "")
    assert hive.settings.state_dir == f"{elsewhere}/state"
    assert "# mine" in (elsewhere / "hive.toml").read_text()


def test_a_backup_is_for_its_owner_alone_and_replaces_nothing(shell: Shell) -> None:
    shell.run("hive-backup", "copy.tar")
    assert stat.S_IMODE((shell.where / "copy.tar").stat().st_mode) == 0o600
    assert "is there already" in shell.refusal("hive-backup", "copy.tar", status=1)
    assert sorted(path.name for path in shell.where.glob("copy*")) == ["copy.tar"]


def test_a_backup_to_stdout_can_be_restored(shell: Shell, elsewhere: Path) -> None:
    with (shell.where / "out.tar").open("wb") as out:
        process = shell.start("hive-backup", "-", stdout=out)
        assert (process.communicate()[1], process.returncode) == ("", 0)
    give(shell.where)
    restored(shell, str(shell.where / "out.tar"), elsewhere).db.close()


def test_a_killed_backup_leaves_no_backup_and_does_not_hinder_the_next(shell: Shell) -> None:
    process = shell.start(
        "hive-backup", "-", text=False
    )  # nobody reads its pipe, so it stands in the middle
    until(lambda: os.path.isdir(f"{shell.hive.paths.state}/.backup"), "it copies")
    assert process.stdout
    process.kill()
    process.communicate()
    shell.run("hive-backup", "copy.tar")
    assert os.listdir(f"{shell.hive.paths.state}/.backup") == []


def test_two_backups_at_once_one_of_them_is_told_to_wait(shell: Shell) -> None:
    box = Path(shell.hive.paths.agent("alice")) / "state"
    box.mkdir(parents=True)
    (box / "big").write_bytes(os.urandom(1 << 20))  # more than a pipe holds
    give(shell.where)
    process = shell.start("hive-backup", "-", text=False)
    assert process.stdout
    process.stdout.read(1)
    assert "another backup" in shell.refusal("hive-backup", "copy.tar", status=75)
    process.communicate()
    assert process.returncode == 0


def test_a_restore_never_touches_a_hive_that_is_there(shell: Shell, elsewhere: Path) -> None:
    shell.run("hive-backup", "copy.tar")
    file = str(shell.where / "copy.tar")
    restored(shell, file, elsewhere).db.close()
    text = shell.refusal("hive-backup", "--restore", file, "--dir", str(elsewhere), status=1)
    assert "is there already" in text


def member(
    name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content) if kind == tarfile.REGTYPE else 0
    return info, content


MANIFEST = member("hyperhive-backup.json", b'{"format": 1}')
BAD = {
    "empty": [],
    "no manifest": [member("hive.sqlite")],
    "no database": [MANIFEST],
    "newer": [member("hyperhive-backup.json", b'{"format": 99}')],
    "broken manifest": [member("hyperhive-backup.json", b"{")],
    "above": [MANIFEST, member("agents/../../escaped")],
    "absolute": [MANIFEST, member("/tmp/escaped")],
    "another room": [MANIFEST, member("bin/escaped")],
    "through a link": [
        MANIFEST,
        member("agents/link", kind=tarfile.SYMTYPE, link="/tmp"),
        member("agents/link/escaped"),
    ],
    "over a link": [
        MANIFEST,
        member("agents/link", kind=tarfile.SYMTYPE, link="/tmp/escaped"),
        member("agents/link"),
    ],
    "device": [MANIFEST, member("agents/null", kind=tarfile.CHRTYPE)],
    "hard link": [MANIFEST, member("agents/link", kind=tarfile.LNKTYPE, link="/etc/passwd")],
    "damaged database": [MANIFEST, member("hive.sqlite", b"damage" * 1000)],
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_backup_is_one_line_and_leaves_nothing(
    shell: Shell, elsewhere: Path, name: str
) -> None:
    file = shell.where / "bad.tar"
    with tarfile.open(file, "w") as tar:
        for info, content in BAD[name]:
            tar.addfile(info, io.BytesIO(content))
    give(shell.where)
    shell.refusal("hive-backup", "--restore", str(file), "--dir", str(elsewhere), status=1)
    assert list(elsewhere.iterdir()) == [] and not os.path.exists("/tmp/escaped")


@pytest.mark.parametrize("content", [b"", b"no tar", os.urandom(5000)])
def test_what_is_no_tar_is_one_line(shell: Shell, elsewhere: Path, content: bytes) -> None:
    file = shell.where / "bad.tar"
    file.write_bytes(content)
    give(shell.where)
    shell.refusal("hive-backup", "--restore", str(file), "--dir", str(elsewhere), status=1)
    assert list(elsewhere.iterdir()) == []


def test_a_truncated_backup_is_one_line_and_leaves_nothing(shell: Shell, elsewhere: Path) -> None:
    shell.run("hive-backup", "copy.tar")
    whole = (shell.where / "copy.tar").read_bytes()
    (shell.where / "cut.tar").write_bytes(whole[: len(whole) // 2])
    give(shell.where)
    file = str(shell.where / "cut.tar")
    shell.refusal("hive-backup", "--restore", file, "--dir", str(elsewhere), status=1)
    assert list(elsewhere.iterdir()) == []
