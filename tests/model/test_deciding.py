"""Who may decide: by kernel-known numbers alone."""

import pytest

from hivelib.model.deciding import Decider, why_not_decider

HIVE, GIT, WEB, OPERATOR = 900, 901, 902, 1000


def decider(uid: int, group: str = "hive-operators", *, member: bool = False) -> Decider:
    return Decider(uid, group, member, WEB, HIVE, GIT)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (decider(HIVE, ""), True),
        (decider(OPERATOR, ""), False),
        (decider(0, ""), False),
        (decider(OPERATOR, member=True), True),
        (decider(OPERATOR), False),
        (decider(WEB), True),
        (decider(0), True),
        (decider(HIVE), False),
        (decider(HIVE, member=True), False),
        (decider(GIT, member=True), False),
        (decider(WEB)._replace(web_uid=None), False),
    ],
)
def test_who_may_decide(who: Decider, may: bool) -> None:
    assert (why_not_decider(who) is None) is may
