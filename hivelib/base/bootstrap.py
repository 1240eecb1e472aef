"""Gives the checkout a venv of its own and runs the calling tool again under it. Standard library only.

Works with whatever `python3` started it. The venv lies in `.venv` beside this library; a stamp in it says for which
constraints.txt it is complete. A killed run leaves no stamp, so the next one repairs it: `.unfinished` in the venv
makes that a fresh build, because pip may have died between two files. Two runs at once wait for each other (flock on
the checkout itself).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence

from hivelib.base import packages
from hivelib.base.errors import HiveError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The checkout."""

OLDEST = (3, 11)
STAGE = "/opt/hyperhive"
_PROBE = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
_LEFT_OUT = {".git", ".venv", "__pycache__", "node_modules", "artifacts"}


def enter(tool: str, extra: str = "") -> None:
    """Returns when this process runs under the checkout's finished venv; else makes it and runs `tool` under it.

    `tool` is the path of the calling program, which is run again with the same arguments; `extra` names a group of
    optional dependencies in pyproject.toml (`test`). Ends the process with status 1 and a line of help on failure.
    """
    try:
        root = ROOT if os.geteuid() != 0 or reachable_by_all(ROOT) else stage(ROOT)
        if root != ROOT and not os.path.lexists(f"{ROOT}/.venv"):
            os.symlink(
                f"{root}/.venv", f"{ROOT}/.venv"
            )  # so that root's own tools run from here too
        if root == ROOT and under_venv(root) and finished(root, extra):
            compile_library(root)
            return
        if not finished(root, extra):
            make_venv(root, extra)
    except HiveError as error:
        sys.exit(f"{os.path.basename(tool)}: {error}")
    python = f"{root}/.venv/bin/python3"
    again = f"{root}/{os.path.relpath(os.path.realpath(tool), os.path.realpath(ROOT))}"
    os.execv(python, [python, again, *sys.argv[1:]])


def compile_library(root: str) -> None:
    """Brings the library's byte code up to date, when this user may write it.

    Units may run as a user who cannot, and without byte code a short tool takes twice as long.
    """
    if os.access(f"{root}/hivelib", os.W_OK):
        import compileall

        mask = os.umask(0o022)
        compileall.compile_dir(f"{root}/hivelib", quiet=2)
        os.umask(mask)


def under_venv(root: str) -> bool:
    """Whether this very process runs under the venv of the checkout `root`."""
    return os.path.realpath(sys.prefix) == os.path.realpath(f"{root}/.venv")


def finished(root: str, extra: str = "") -> bool:
    """Whether the venv is complete for today's constraints.txt, and as root also one that every user can run."""
    if not _fits_all(f"{root}/.venv/bin/python3"):
        return False
    try:
        with open(_stamp(root, extra), encoding="utf-8") as file:
            return file.read() == wanted(root)
    except OSError:
        return False


def wanted(root: str) -> str:
    """What the stamp of a complete venv says: a digest of what is to be installed, and where."""
    digest = hashlib.sha256(root.encode())
    for name in ("constraints.txt", "pyproject.toml"):
        with open(f"{root}/{name}", "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def make_venv(root: str, extra: str = "") -> None:
    """Makes or mends `.venv` in the checkout `root`; raises HiveError with what to do."""
    if not os.access(root, os.W_OK):
        raise HiveError(
            f"{root}/.venv is not there or out of date, and you may not write there",
            f"let its owner run {root}/bin/hive-up once, or clone your own",
        )
    lock = os.open(root, os.O_RDONLY)
    os.set_inheritable(
        lock, True
    )  # a pip that outlives a killed run keeps it: the next run waits for that too
    mask = os.umask(0o022)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished(root, extra):  # another run may have done it while we waited
            _build(root, extra)
    finally:
        os.umask(mask)
        os.close(lock)


def _build(root: str, extra: str) -> None:
    venv = f"{root}/.venv"
    unfinished = f"{venv}/.unfinished"
    python = f"{venv}/bin/python3"
    fresh = os.path.exists(unfinished) or not _runs(python) or not _fits_all(python)
    sys.stderr.write(f"setting up {venv} (once; about a minute)\n")
    if fresh:
        base = find_python()
        shutil.rmtree(venv, ignore_errors=True)
        os.makedirs(venv)
    with open(unfinished, "w", encoding="utf-8"):
        pass
    if fresh:
        _run([base, "-m", "venv", venv], "could not make a venv")
        # Python 3.11 adds setuptools, whose .pth file would cost each start of each tool 1 ms.
        _run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools"], "setuptools")
    _install(root, extra)
    site = _run([python, "-c", "import site; print(site.getsitepackages()[0])"], "venv").strip()
    _write(f"{site}/hyperhive.pth", f"{root}\n")
    os.unlink(unfinished)
    _write(_stamp(root, extra), wanted(root))


def add(root: str, extra: str) -> None:
    """Adds a group of optional dependencies to a finished venv that is in use; raises HiveError when pip cannot, and
    then the venv is as good as it was."""
    if not finished(root, extra):
        _install(root, extra)
        _write(_stamp(root, extra), wanted(root))


def _install(root: str, extra: str) -> None:
    python = f"{root}/.venv/bin/python3"
    names = _run([python, "-c", _NAMES, f"{root}/pyproject.toml", extra], "pyproject.toml").split()
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--constraint", f"{root}/constraints.txt", *names], "pip could not install")


_NAMES = """
import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
extra = sys.argv[2:3] and sys.argv[2]
print(*project["dependencies"], *(project["optional-dependencies"][extra] if extra else []))
"""


def find_python() -> str:
    """A Python new enough and able to make venvs; as root one that every user may run.

    Installs python3-venv as root on Debian and Ubuntu. Raises HiveError with the line to run.
    """
    fit = _first_fit()
    if not fit:
        packages.provide(["python3", "python3-venv"])
        fit = _first_fit()
    if not fit:
        raise HiveError(
            f"no Python {OLDEST[0]}.{OLDEST[1]} or newer with venv is here",
            f"run: {packages.install_line(['python3.11', 'python3.11-venv'])}",
        )
    return fit


def _first_fit() -> str:
    names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"]
    candidates = [f"/usr/bin/{name}" for name in names]
    candidates += ["/run/current-system/sw/bin/python3", *map(packages.find, names), sys.executable]
    for path in candidates:
        if path and _fits_all(path) and _runs(path, _PROBE):
            return path
    return ""


def reachable_by_all(path: str) -> bool:
    """Whether an ordinary user may come to `path`: every directory above it, links followed, has o+x."""
    path = os.path.realpath(path)
    try:
        while True:
            if not os.stat(path).st_mode & stat.S_IXOTH:
                return False
            if path == "/":
                return True
            path = os.path.dirname(path)
    except OSError:
        return False


def _fits_all(path: str) -> bool:
    return os.geteuid() != 0 or reachable_by_all(path)


def stage(root: str, below: str = STAGE) -> str:
    """Copies the checkout to a place that the hive's user can read, owned by root; gives back that place.

    The place is the same for the same checkout, so that its venv stays; each file is replaced as a whole.
    """
    mask = os.umask(0o022)
    target = f"{below}/code-{hashlib.sha256(os.path.realpath(root).encode()).hexdigest()[:8]}"
    os.makedirs(target, exist_ok=True)
    files = set(tracked(root))
    for name in sorted(files):
        _copy(f"{root}/{name}", f"{target}/{name}")
    for name in set(walked(target)) - files:
        os.unlink(f"{target}/{name}")
    os.umask(mask)
    return target


def tracked(root: str) -> list[str]:
    """The checkout's files as git sees them (ignored ones left out); without git, all but known litter."""
    git = ["git", "-c", f"safe.directory={os.path.realpath(root)}", "-C", root, "ls-files", "-z"]
    try:
        done = subprocess.run([*git, "-co", "--exclude-standard"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return walked(root)
    names = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return [name for name in names if os.path.isfile(f"{root}/{name}")]


def walked(root: str) -> list[str]:
    """Every file below `root`, as relative names, but for git's, the venv's and caches' own."""
    found = []
    for where, directories, names in os.walk(root):
        directories[:] = [d for d in directories if d not in _LEFT_OUT and not d.endswith("_cache")]
        found += [f"{where}/{name}"[len(root) + 1 :] for name in names]
    return found


def _copy(source: str, target: str) -> None:
    with open(source, "rb") as file:
        content = file.read()
    mode = 0o755 if os.stat(source).st_mode & stat.S_IXUSR else 0o644
    try:
        with open(target, "rb") as file:
            if file.read() == content and stat.S_IMODE(os.stat(target).st_mode) == mode:
                return
    except OSError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
    _write(target, content, mode)


def _write(path: str, content: str | bytes, mode: int = 0o644) -> None:
    temporary = f"{path}.{os.getpid()}.new"
    with open(temporary, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.chmod(temporary, mode)
    os.replace(temporary, path)


def _stamp(root: str, extra: str) -> str:
    return f"{root}/.venv/.complete-{extra or 'runtime'}"


def _runs(python: str, code: str = "") -> bool:
    try:
        done = subprocess.run([python, "-IS", "-c", code], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _run(argv: Sequence[str], what: str) -> str:
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        close_fds=False,
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise HiveError(f"{what}: {lines[-1]}", "is the network there? then run it again")
    return done.stdout
