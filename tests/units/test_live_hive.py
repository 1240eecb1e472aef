"""The rig's own hive: it comes up as an ordinary user, answers, and is gone afterwards."""

from collections.abc import Callable

from tests.support.hive import LiveHive


def test_a_live_hive_is_an_ordinary_users(live_hive: Callable[..., LiveHive]) -> None:
    hive = live_hive([], mail={"pair_limit": 5})
    assert hive.unit("hive.target") == "active"
    assert hive.hive.settings.mail.pair_limit == 5
    assert hive.hive.settings.api.url == hive.model.url
    assert hive.db.value("SELECT state FROM agents WHERE name = 'manager'") == "running"
    owners = {
        hive.directory.joinpath(f"../../../proc/{pid}").stat().st_uid for pid in hive.processes()
    }
    assert owners == {hive.person.user.uid}
