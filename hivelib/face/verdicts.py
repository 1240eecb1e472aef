"""What hive-approve and hive-deny have in common: several approvals, a line for each, the worst exit status."""

from collections.abc import Callable, Sequence

from hivelib.base.errors import HiveError
from hivelib.face import tool
from hivelib.flow import resolving, spawning
from hivelib.flow.mailing import SHELL as SHELL
from hivelib.flow.opening import Hive


def give(
    hive: Hive,
    numbers: Sequence[int],
    decide: Callable[[int], bool],
    word: str,
    *,
    follow: bool = False,
) -> None:
    """Decides each of these and shows a line about it; `follow` shows its deploy until it is over.

    One that is refused does not keep the others from being decided; its error is raised once all are done.
    """
    errors = [
        error for one in dict.fromkeys(numbers) if (error := _one(hive, one, decide, word, follow))
    ]
    for error in sorted(errors, key=lambda error: error.exit_code)[:-1]:
        tool.say(str(error))
    if errors:
        raise max(errors, key=lambda error: error.exit_code)


def _one(
    hive: Hive, number: int, decide: Callable[[int], bool], word: str, follow: bool
) -> HiveError | None:
    try:
        already = not decide(number)
        if follow:
            for step in spawning.follow(hive, number):
                tool.say(f"{number}: {step}")
    except HiveError as error:
        return error
    found = resolving.known(hive, number)
    text = "already" if already else f"{number} {found.status if follow else word}"
    tool.show(text, id=number, already=already, status=found.status, note=found.note)
    if follow and found.status != "deployed":
        return HiveError(f"approval {number} is {found.status}", found.note)
    return None
