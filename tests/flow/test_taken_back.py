"""What is taken back by a call that is asked again, because its answer was lost, is taken back once."""

import pytest

from hivelib.base import clock
from hivelib.flow import loose_ends, reminding, settling
from hivelib.flow.opening import Hive
from hivelib.flow.settling import Outcome
from tests.support.residents import asked, begin_turn, in_turn, settle_in


@pytest.fixture
def hive(private_state: Hive) -> Hive:
    """Alice runs."""
    settle_in(private_state, "alice")
    return private_state


def test_a_reminders_cancel_is_answered_again_also_when_its_turn_is_over(hive: Hive) -> None:
    turn = begin_turn(hive, "alice")
    caller, request = in_turn(turn), asked(turn)
    made = reminding.remind(hive, caller, "alice", "tea", due_at=clock.now() + 600)
    assert loose_ends.cancel(hive, caller, "reminder", made.id, request=request)
    settling.end_turn(hive, turn, Outcome("ok", ""))
    assert not loose_ends.cancel(hive, caller, "reminder", made.id, request=request)
    assert reminding.get(hive, made.id).state == "cancelled"
