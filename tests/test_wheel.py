"""What pyproject.toml says of a wheel is true of the files that are there."""

import fnmatch
import tomllib

from tests.support.source import ROOT, tracked_files


def test_every_file_of_the_library_goes_into_a_wheel() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    wanted = {
        f"{package.replace('.', '/')}/{pattern}"
        for package, patterns in build["package-data"].items()
        for pattern in patterns
    }
    library = [name for name in tracked_files() if name.startswith("hivelib/")]
    packages = {name.removesuffix("/__init__.py") for name in library if "__init__" in name}
    left_out = [
        name
        for name in library
        if not (name.endswith(".py") and name.rpartition("/")[0] in packages)
        and not any(fnmatch.fnmatch(name, pattern) for pattern in wanted)
    ]
    assert left_out == []
