"""The checkout as the tests of the house see it: which files there are, and which of them are Python."""

from collections.abc import Iterator
from pathlib import Path

from hivelib.base import bootstrap

ROOT = Path(__file__).resolve().parents[2]


def python_files(*folders: str) -> Iterator[str]:
    """Every Python file below the folders of the checkout: *.py, and in bin/ what its first line says."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and is_python(path):
                yield str(path.relative_to(ROOT))


def is_python(path: Path) -> bool:
    """Whether a file is Python: by its name, or, when it has no ending, by its shebang."""
    if path.suffix:
        return path.suffix == ".py"
    with path.open("rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first


def tracked_files() -> list[str]:
    """What git would put into a commit; in a copy without git, every file but known litter."""
    return sorted(bootstrap.tracked(str(ROOT)))
