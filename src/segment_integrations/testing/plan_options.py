"""What ``--segment-plan`` and its kin say, and the start of a run with a plan."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from segment_integrations.errors import ConfigurationError
from segment_integrations.testing.gate import GATE
from segment_integrations.testing.plan_coverage import Coverage
from segment_integrations.testing.plan_recorder import CARRIED, Recorder
from segment_integrations.testing.plan_reporter import Reporter
from segment_integrations.testing.plan_watch import Watch

if TYPE_CHECKING:
    from segment_integrations.plan.tracking import TrackingPlan

PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Options:
    """
    What the user asked for.

    Args:
        source: The plan as the user named it.
        path: Where it is.
        minimum: The percentage of planned events that must be fired, or None.
        json_path: Where the figures go as JSON, or None.
    """

    source: str
    path: Path
    minimum: float | None
    json_path: Path | None


def install(config: pytest.Config, plan: str) -> None:
    """
    Check the events of this run against a plan.

    Args:
        config: Pytest's.
        plan: The option's or the ini file's word.

    Raises:
        pytest.UsageError: There is no such plan, it is wrong, or an option is.
    """
    options = _options(config, plan)
    loaded = _loaded(options)
    above = _carried(config).get("folder")
    if above is not None and not os.path.isdir(above):  # noqa: PTH112 - xdist's text
        above = None  # a worker on another machine
    folder = tempfile.mkdtemp(prefix="segment-plan-", dir=above)
    pid = os.getpid()

    def remove() -> None:
        if os.getpid() == pid:  # a forked child that ends as pytest does
            shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(remove)
    watch = Watch(loaded, folder)
    watching = ExitStack()
    watching.enter_context(GATE.watched(watch))
    config.add_cleanup(watching.close)
    recorder = Recorder(config, watch, options.source)
    config.pluginmanager.register(recorder, "segment_plan_recorder")
    if not hasattr(config, "workerinput"):
        coverage = Coverage(loaded, options.source)
        reporter = Reporter(config, options, coverage, recorder)
        config.pluginmanager.register(reporter, "segment_plan_reporter")


def _options(config: pytest.Config, plan: str) -> Options:
    written = config.getoption("segment_plan_json")
    here = config.invocation_params.dir
    return Options(
        source=plan,
        path=_path(config, plan),
        minimum=_minimum(config),
        json_path=None if written is None else here / written,
    )


def _carried(config: pytest.Config) -> dict[str, str]:
    """What the controller tells a worker of xdist; nothing elsewhere."""
    found: dict[str, str] = getattr(config, "workerinput", {}).get(CARRIED, {})
    return found


def _path(config: pytest.Config, plan: str) -> Path:
    """From where pytest was called, else from the root: where the ini file is."""
    carried = _carried(config).get("path")
    if carried is not None:
        return Path(carried)
    here = config.invocation_params.dir / plan
    if config.getoption("segment_plan") is not None and here.exists():
        return here
    return config.rootpath / plan


def _minimum(config: pytest.Config) -> float | None:
    text = config.getoption("segment_plan_min")
    text = config.getini("segment_plan_min") if text is None else text
    if not text:
        return None
    try:
        minimum = float(text)
    except ValueError:
        minimum = -1.0
    if not 0 <= minimum <= PERCENT:
        raise pytest.UsageError(
            "--segment-plan-min (segment_plan_min) is a percentage from 0 to 100,"
            f" got {text!r}"
        )
    return minimum


def _loaded(options: Options) -> TrackingPlan:
    try:
        from segment_integrations.plan.tracking import TrackingPlan

        return TrackingPlan.load(options.path)
    except ConfigurationError as error:  # a wrong plan, or the extra is missing
        raise pytest.UsageError(f"--segment-plan: {error}") from error
