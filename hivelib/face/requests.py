"""What the shell's hive-request tools have in common: the proposal's number, and what its fetch came to."""

from hivelib.base.errors import HiveError
from hivelib.face import tool
from hivelib.flow import submitting
from hivelib.flow.opening import Hive

FIELDS = {
    "id": "the approval",
    "status": "pending: to be decided; submitting: still being fetched",
    "note": "words, or empty",
}
_SECONDS = 60.0


def tell(hive: Hive, number: int) -> None:
    """Waits for the fetch and shows the number; raises HiveError with the reason when it failed."""
    told = submitting.outcome(hive, number, _SECONDS)
    if told["status"] == "failed":
        raise HiveError(f"approval {number} failed: {told['note']}")
    tool.show(str(number), **told)
    if told["status"] == "submitting":
        tool.say("it is still being fetched; `hive-pending` shows it")
