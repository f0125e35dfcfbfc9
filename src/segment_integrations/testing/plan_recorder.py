"""
The hooks of a process that runs tests with a plan: a test that breaks it fails.

What was fired while a fixture was set up counts to the call of the test, so that the
test still runs; what its teardown fires is an error at teardown, as pytest has it.
"""

from __future__ import annotations

import unittest
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import pytest

from segment_integrations.core.tap import SEAT
from segment_integrations.testing.gate import settle

if TYPE_CHECKING:
    from segment_integrations.testing.plan_watch import Watch

MARKER: Final = "segment_plan"

CARRIED: Final = "segment_plan"
"""Under this name xdist's reports and workers carry what was seen."""

SKIPS: Final = (pytest.skip.Exception, unittest.SkipTest)


class Recorder:
    """
    Attributes to each test what it fired; pytest calls it.

    Args:
        config: Pytest's.
        watch: What sees the events.
        source: How the user named the plan, for texts.
    """

    def __init__(self, config: pytest.Config, watch: Watch, source: str) -> None:
        self.outside: dict[str, None] = {}
        """What was against the plan where no test ran, each with its place."""
        self._config = config
        self._watch = watch
        self._title = f"against the plan {source}"
        self._place = "before the tests"
        self._is_worker = hasattr(config, "workerinput")

    @property
    def folder(self) -> str:
        """Where children leave what they fire."""
        return self._watch.folder

    def finish(self) -> dict[str, Any]:
        """All that this process has seen, in plain lists."""
        self._set_aside()
        facts = [list(fact) for fact in self._watch.facts]
        return {"facts": facts, "outside": list(self.outside)}

    def _set_aside(self) -> None:
        """What came where no test ran is nobody's failure, but the run's."""
        for text in self._watch.take():
            self.outside[f"{self._place}: {text}"] = None

    # -- hooks ------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Tell which file fires events when it is imported."""
        self._set_aside()
        before, self._place = self._place, f"collecting {collector.nodeid or '.'}"
        try:
            return (yield)
        finally:
            self._set_aside()
            self._place = before

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse a marker that says nothing, before a test hides behind a typo."""
        for item in items:
            is_left_out(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item
    ) -> Generator[None, object, object]:
        """Leave a marked test out, its fixtures included."""
        self._set_aside()
        self._watch.is_on = not is_left_out(item)
        SEAT.epoch += 1  # an identify that another test made does not stand in this one
        try:
            return (yield)
        finally:
            self._place = f"after {item.nodeid}"
            self._set_aside()
            self._watch.is_on = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Let Django's `TestCase` hand on what waits, before it rolls all back."""
        instance = getattr(item, "instance", None)
        if isinstance(instance, unittest.TestCase):
            instance.addCleanup(settle)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the phase fail as if its last line had raised."""
        texts = []
        if call.when != "setup" or call.excinfo is not None:
            texts = self._watch.take()
        text = "\n".join(f"{self._title}: {one}" for one in texts)
        is_failing = bool(texts) and _is_failing(item, call)
        if texts and not is_failing:
            call.excinfo = _failure(text)
        report = yield
        if is_failing:
            _add(report, text)
        if self._is_worker:  # at once: a worker that crashes later has no last word
            news = [list(fact) for fact in self._watch.news()]
            setattr(report, CARRIED, news)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Give the controller what this worker has seen."""
        if self._is_worker:
            output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined]
            output[CARRIED] = self.finish()


def is_left_out(item: pytest.Item) -> bool:
    """
    Whether the test has the marker.

    Raises:
        pytest.UsageError: It has, with other words than ``off=True`` or ``off=False``.
    """
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return False
    off = marker.kwargs.get("off")
    if marker.args or set(marker.kwargs) != {"off"} or not isinstance(off, bool):
        raise pytest.UsageError(
            f"{item.nodeid}: the marker is written {MARKER}(off=True), or off=False"
        )
    return off


def _is_failing(item: pytest.Item, call: pytest.CallInfo[None]) -> bool:
    """
    Whether the phase has failed by itself, an expected failure included.

    A skip is no failure: what it fired before was fired.
    """
    if call.excinfo is not None:
        return not isinstance(call.excinfo.value, SKIPS)
    # Pytest's own hook takes what unittest has caught out of here, after this one.
    caught = getattr(item, "_excinfo", None)
    if caught and isinstance(caught[0].value, SKIPS):
        caught.clear()
    return bool(caught)


def _failure(text: str) -> pytest.ExceptionInfo[BaseException]:
    try:
        pytest.fail(text, pytrace=False)
    except pytest.fail.Exception:
        return pytest.ExceptionInfo.from_current()


def _add(report: pytest.TestReport, text: str) -> None:
    """Say it below the failure that the test has already, in JUnit's file as well."""
    add = getattr(report.longrepr, "addsection", None)
    if add is None:
        report.sections.append(("segment plan", text))
    else:
        add("segment plan", text)
