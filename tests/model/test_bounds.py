"""In what two settings differ, and what is too much for one."""

from hivelib.model.bounds import differing, out_of_bounds
from hivelib.model.settings import Mail, Settings


def test_settings_that_differ_are_named_by_table() -> None:
    one = Settings(state_dir="/a", mail=Mail(body_limit=5, pair_limit=6))
    assert differing(one, Settings(state_dir="/a")) == ["mail.body_limit", "mail.pair_limit"]
    assert differing(one, one._replace(state_dir="/b")) == ["state_dir"]
    assert differing(one, one) == []


def test_what_is_no_number_is_out_of_bounds_too() -> None:
    assert list(out_of_bounds({"mail": {"pause_first": 1.0}})) == []
    assert len(list(out_of_bounds({"mail": {"pause_first": float("nan"), "pair_limit": 0}}))) == 2
