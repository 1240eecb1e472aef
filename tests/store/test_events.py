"""The log of events: numbers that mean one thing only."""

from hivelib.flow.opening import Hive
from hivelib.model.events import Redelivered
from hivelib.store import events


def test_an_epoch_lasts_as_long_as_the_machine_is_on(private_state: Hive) -> None:
    db = private_state.db
    with db.write():
        assert not events.note_boot(db, "monday")
    first = events.epoch(db)

    with db.write():
        assert not events.note_boot(db, "monday")
    assert events.epoch(db) == first

    with db.write():
        assert events.note_boot(db, "tuesday")
    assert events.epoch(db) != first


def test_the_newest_number_is_never_given_twice(private_state: Hive) -> None:
    db = private_state.db
    with db.write():
        last = [events.record(db, Redelivered("alice", id=number)) for number in range(3)][-1]
        db.execute("DELETE FROM events WHERE seq < ?", (last,))
    with db.write():
        assert events.record(db, Redelivered("alice", id=4)) == last + 1
    assert [row.seq for row in events.after(db, 0)] == [last, last + 1]
