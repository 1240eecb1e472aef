"""What agents have spent: each turn counts once, whatever runs meanwhile."""

from hivelib.base import clock
from hivelib.flow import viewing
from hivelib.flow.opening import Hive
from hivelib.flow.spending import Spending
from hivelib.store import agents, turns
from tests.support.residents import settle_in


def turn(hive: Hive, name: str, cost: float | None = None, incarnation: int = 1) -> int:
    """A turn, ended when it has a cost."""
    with hive.db.write() as db:
        number = turns.begin(db, name, incarnation, "sonnet", clock.now())
    if cost is not None:
        end(hive, number, cost)
    return number


def end(hive: Hive, number: int, cost: float) -> None:
    with hive.db.write() as db:
        assert turns.end(db, number, "ok", "", clock.now(), cost_usd=cost)


def shown(hive: Hive, spending: Spending) -> dict[str, tuple[float, int | None]]:
    """What each agent has spent, and its newest turn that ended."""
    return {
        view.agent.name: (round(view.spent, 3), view.last.id if view.last else None)
        for view in viewing.all_agents(hive, spending)[0]
    }


def test_turns_are_added_as_they_end_also_before_one_that_began_earlier(
    private_state: Hive,
) -> None:
    hive = private_state
    settle_in(hive, "alice", "bob")
    spending = Spending()
    bobs = 2  # incarnations are counted over all agents
    assert shown(hive, spending) == {"alice": (0.0, None), "bob": (0.0, None)}
    long = turn(hive, "alice")
    first = turn(hive, "bob", 0.5, bobs)
    assert shown(hive, spending) == {"alice": (0.0, None), "bob": (0.5, first)}
    second = turn(hive, "bob", 0.25, bobs)
    for _ in range(2):
        assert shown(hive, spending) == {"alice": (0.0, None), "bob": (0.75, second)}
    end(hive, long, 1.0)
    for known in (spending, Spending()):
        assert shown(hive, known) == {"alice": (1.0, long), "bob": (0.75, second)}


def test_an_agent_does_not_pay_for_who_had_its_name_before(private_state: Hive) -> None:
    hive = private_state
    settle_in(hive, "alice")
    turn(hive, "alice", 1.0)
    with hive.db.write() as db:
        db.execute("DELETE FROM agents")
        again = agents.add(db, "alice", "agent", "bwrap", "{}", clock.now())
    spending = Spending()
    assert shown(hive, spending) == {"alice": (0.0, None)}
    mine = turn(hive, "alice", 0.5, again)
    assert shown(hive, spending) == {"alice": (0.5, mine)}
