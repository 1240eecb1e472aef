"""Lets no test be skipped for a reason that nobody wrote down: a plugin of tests/conftest.py."""

from pathlib import Path

import pytest

FORESEEN = Path(__file__).resolve().parents[1] / "skips.txt"


def foreseen(text: str) -> set[str]:
    """The reasons in the text of skips.txt."""
    lines = (line.strip() for line in text.splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def reasons(config: pytest.Config) -> list[str]:
    """Why tests of this run were skipped, one entry for each."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return [report.longrepr[2].removeprefix("Skipped: ") for report in reports]


def unforeseen(config: pytest.Config) -> set[str]:
    """The reasons of this run that skips.txt does not know."""
    return set(reasons(config)) - foreseen(FORESEEN.read_text())


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.exitstatus == pytest.ExitCode.OK and unforeseen(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if reasons(config):
        terminalreporter.section("skips")
        terminalreporter.write_line(f"{len(reasons(config))} skipped")
    for reason in sorted(unforeseen(config)):
        terminalreporter.write_line(f"not in tests/skips.txt, so the run fails: {reason}", red=True)
