"""Whether a row is what its record says. sqlite keeps anything in any column, and what cannot be read must be shown as
it is: it neither ends a page nor hides another row."""

import math
from collections.abc import Hashable, Iterable
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast, get_args, get_type_hints

Record = TypeVar("Record", bound=Any)
LATEST = 253402300800.0
"""UTC seconds of the year 10000: no calendar goes further. For sqlite every text and blob is greater."""
_TIMES = ("at", "not_before", "parked_until")


class Unsound(NamedTuple):
    """A row that cannot be read: what names it, why not, and all that it holds as text."""

    name: str
    why: str
    raw: str


def why_not(row: Any) -> str:
    """Why a record (a NamedTuple) cannot be read; empty when it can."""
    columns = _columns(type(row))  # type: ignore[arg-type]  # a class can be hashed
    for (name, kinds, is_time), value in zip(columns, row, strict=True):
        if type(value) not in kinds:
            return f"{name} is no {kinds[0].__name__}"
        if isinstance(value, float) and not math.isfinite(value):
            return f"{name} is no number"
        if is_time and value is not None and not 0 <= value < LATEST:
            return f"{name} is no time"
    return ""


def unsound(row: Any, why: str) -> Unsound:
    """What is shown in the place of a record that cannot be read."""
    raw = ", ".join(f"{name}={value!r}" for name, value in row._asdict().items())
    return Unsound(str(row[0]), why, raw)


def parted(rows: Iterable[Record]) -> tuple[list[Record], list[Unsound]]:
    """The records that can be read, and the others."""
    sound: list[Record] = []
    others = []
    for row in rows:
        if why := why_not(row):
            others.append(unsound(row, why))
        else:
            sound.append(row)
    return sound, others


@cache
def _columns(record: Hashable) -> list[tuple[str, tuple[type[Any], ...], bool]]:
    """Of each field its name, the types that its value may have, and whether it is a time."""
    return [
        (name, _kinds(hint), name in _TIMES or name.endswith("_at"))
        for name, hint in get_type_hints(cast(Any, record)).items()
    ]


def _kinds(hint: Any) -> tuple[type[Any], ...]:
    kinds = get_args(hint) or (hint,)
    return (*kinds, int) if float in kinds else (*kinds, bool) if int in kinds else kinds
