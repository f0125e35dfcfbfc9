"""
The pytest plugin; on as soon as the package is installed.

It is loaded in every run of everyone who has the package, so it imports the rest only
when a test asks for it, or the command line for a plan.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from segment_integrations.testing.gate import GATE, close_gate

if TYPE_CHECKING:
    from collections.abc import Generator

    from segment_integrations.testing import SegmentEvents

LIVE = "segment_live"
PLAN = "segment_plan"
PLAN_OPTIONS = {
    PLAN: "check all events against this tracking plan, a JSON file or a folder",
    f"{PLAN}_min": "fail when fewer percent of the planned events were fired",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("segment", "tracking plan (segment-integrations)")
    for name, text in PLAN_OPTIONS.items():
        metavar = "PERCENT" if name != PLAN else "PLAN"
        switch = f"--{name.replace('_', '-')}"
        group.addoption(switch, dest=name, metavar=metavar, help=text)
        parser.addini(name, f"{text} (segment-integrations)", default="")
    group.addoption(
        "--segment-plan-json",
        dest=f"{PLAN}_json",
        metavar="FILE",
        help="write the coverage of the plan to this file",
    )
    parser.addini(
        LIVE,
        "let the events of all tests leave the process (segment-integrations)",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and let nothing out of this process from now on."""
    config.addinivalue_line(
        "markers", f"{LIVE}: let this test's events leave the process"
    )
    config.addinivalue_line(
        "markers",
        f"{PLAN}(off=True): do not check this test's events against the tracking plan",
    )
    close_gate()
    live = ExitStack()
    live.enter_context(GATE.live(is_live=bool(config.getini(LIVE))))
    config.add_cleanup(live.close)
    plan = config.getoption(PLAN)
    plan = config.getini(PLAN) if plan is None else plan
    if plan:
        from segment_integrations.testing.plan_options import install

        install(config, plan)
    elif config.getoption(f"{PLAN}_min") or config.getoption(f"{PLAN}_json"):
        raise pytest.UsageError(
            "--segment-plan-min and --segment-plan-json need --segment-plan"
        )


@pytest.hookimpl(hookwrapper=True, tryfirst=True)  # the form that old pluggy knows too
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None]:
    """Open the gate for a marked test, its fixtures included."""
    is_marked = item.get_closest_marker(LIVE) is not None
    with GATE.live(is_live=is_marked or bool(item.config.getini(LIVE))):
        yield


@pytest.fixture
def segment_events() -> Generator[SegmentEvents]:
    """Capture this test's Segment events instead of sending them."""
    from segment_integrations.testing import capture

    with capture() as events:
        yield events
