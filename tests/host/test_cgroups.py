"""Where a unit's control group is, from where another's is."""

import pytest

from hivelib.host.cgroups import beside

SLICE = r"/user.slice/user@1000.service/app.slice/app-hive\x2d%s.slice"


@pytest.mark.parametrize("above", ["", "/lxc/hive-turn"])
def test_the_box_lies_beside_its_turn(above: str) -> None:
    own = f"{above}{SLICE % 'turn'}/hive-turn@alice.service"
    box = f"{above}{SLICE % 'exec'}/hive-exec@alice.service"
    assert beside(own, "hive-turn@alice.service", "hive-exec") == box


@pytest.mark.parametrize("own", ["/", "", "/hive-turn@bob.service", "/x/session-1.scope"])
def test_beside_a_group_that_is_not_the_units_there_is_nothing(own: str) -> None:
    assert beside(own, "hive-turn@alice.service", "hive-exec") == ""
