"""The rig's own hive: it comes up as an ordinary user, answers, tells its operator, and is gone afterwards."""

from collections.abc import Callable
from pathlib import Path

from tests.support import owners
from tests.support.hive import LiveHive
from tests.support.people import Person
from tests.support.receiver import receiving
from tests.support.waiting import until


def test_a_live_hive_is_an_ordinary_users(
    live_hive: Callable[..., LiveHive], ordinary_user: Person, short_path: Path
) -> None:
    urls = short_path / "home/urls"
    with receiving() as service:
        urls.write_text(service.url())
        urls.chmod(0o600)
        ordinary_user.own(urls)
        notify = {"urls_file": str(urls), "group_seconds": 0}
        hive = live_hive([], mail={"pair_limit": 5}, notify=notify)
        assert hive.unit("hive.target") == "active"
        assert hive.hive.settings.mail.pair_limit == 5
        assert hive.hive.settings.api.url == hive.model.url
        assert hive.db.value("SELECT state FROM agents WHERE name = 'manager'") == "running"
        assert owners.of_processes(hive.processes()) == {hive.person.user.uid}
        hive.until_value("SELECT count(*) FROM facts WHERE name LIKE 'told:%'")
        hive.tool("hive-request-spawn", "alice")
        until(lambda: service.got, "the operator is told", explain=hive.explain)
        assert service.got[0]["title"] == "hyperhive: 1 approval"
        (found,) = [row for row in hive.rows("hive-doctor") if row["name"] == "notify"]
        assert found["verdict"] == "ok"
        urls.chmod(0o644)
        hive.systemctl("restart", "hive-notify.service")  # a warning, and no unit that failed
        hive.until_value("SELECT count(*) FROM warnings WHERE name = 'notify:settings'")
        hive.until_unit("hive-notify.service", "inactive")
