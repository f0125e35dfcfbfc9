"""The hooks that end a run with a plan: the figures, the files, the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from segment_integrations.testing.plan_recorder import CARRIED

if TYPE_CHECKING:
    from segment_integrations.testing.plan_coverage import Coverage
    from segment_integrations.testing.plan_options import Options
    from segment_integrations.testing.plan_recorder import Recorder

PROPERTY: Final = "segment_plan_coverage"
"""The property of JUnit's test suite that has the percentage."""


class Reporter:
    """
    Adds up what the tests of all processes fired; pytest calls it, once in a run.

    Args:
        config: Pytest's.
        options: What the user asked for.
        coverage: What adds up.
        recorder: That of this process.
    """

    def __init__(
        self,
        config: pytest.Config,
        options: Options,
        coverage: Coverage,
        recorder: Recorder,
    ) -> None:
        self._config = config
        self._options = options
        self._coverage = coverage
        self._recorder = recorder
        self._has_run = False
        self._complaints: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """
        Let xdist's workers read the same file, wherever they start.

        And let this process clean up after them: they are ended before they can.
        """
        node.workerinput[CARRIED] = {
            "path": str(self._options.path),
            "folder": self._recorder.folder,
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what one of xdist's workers has seen; one that crashed has sent less."""
        carried = getattr(node, "workeroutput", {}).get(CARRIED)
        if carried is not None:
            self._coverage.add(**carried)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test on a worker has seen."""
        self._has_run = True
        self._coverage.add(getattr(report, CARRIED, ()))

    @pytest.hookimpl(tryfirst=True)  # before JUnit's file is written
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files; below the bound a run that was fine is not."""
        self._coverage.add(**self._recorder.finish())
        if not self._has_run:
            return
        self._complaints = list(self._complain())
        has_failed = bool(self._complaints or self._coverage.outside)
        if has_failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for plugin in self._config.pluginmanager.get_plugins():
            add = getattr(plugin, "add_global_property", None)  # JUnit's, if it is on
            if callable(add):
                add(PROPERTY, str(self._coverage.percent))

    def _complain(self) -> list[str]:
        minimum = self._options.minimum
        complaints = []
        if minimum is not None and self._coverage.is_below(minimum):
            complaints.append(
                f"{self._coverage.percent}% of the planned events were fired,"
                f" and --segment-plan-min asks for {minimum:g}%"
            )
        if self._options.json_path is not None:
            try:
                _write(self._options.json_path, self._coverage.document(minimum))
            except OSError as error:
                complaints.append(
                    f"--segment-plan-json: {self._options.json_path}: {error.strerror}"
                )
        return complaints

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Show it: with -q the first line, with -qq only what made the run fail."""
        is_silent = self._config.getoption("no_summary", default=False)
        verbosity = -2 if is_silent else self._config.get_verbosity()
        lines = []
        if self._has_run and verbosity >= -1:
            lines.append(self._coverage.head())
        if self._has_run and verbosity >= 0:
            lines += self._coverage.lines(is_whole=verbosity > 0)
        elif self._has_run:
            lines += [f"against the plan, {one}" for one in self._coverage.outside]
        if lines or self._complaints:
            terminalreporter.write_sep("=", "segment plan coverage")
        for line in lines:
            terminalreporter.write_line(line)
        for line in self._complaints:
            terminalreporter.write_line(f"ERROR: {line}", red=True)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
