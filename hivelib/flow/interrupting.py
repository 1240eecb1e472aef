"""Stops a running turn: the wish is a row and an event; hive-turn, once rung, carries it out."""

from hivelib.base import bell, clock
from hivelib.base.errors import Refused
from hivelib.flow.mailing import no_agent
from hivelib.flow.opening import Hive
from hivelib.model.events import TurnCancelled
from hivelib.model.records import Caller
from hivelib.store import agents, events, turns


def interrupt(hive: Hive, caller: Caller, name: str) -> tuple[int, bool]:
    """Asks the turn that an agent runs now to stop; gives back its number, and whether that was asked before.

    Raises Refused when there is no such agent, or it runs none.
    """
    with hive.db.write(durable=False) as db:
        if not agents.is_live(db, name):
            raise no_agent(hive, name)
        running = turns.running(db, name)
        if not running:
            raise Refused(f"{name} runs no turn", "there is nothing to interrupt")
        turn = running[-1].id
        news = turns.request_cancel(db, turn, clock.now())
        if news:
            events.record(db, TurnCancelled(name, turn=turn, by=caller.name))
    bell.ring(hive.paths.bell, f"turn.{name}", "events")
    return turn, not news
