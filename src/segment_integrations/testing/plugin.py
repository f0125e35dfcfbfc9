"""
The pytest plugin; on as soon as the package is installed.

It is loaded in every run of everyone who has the package, so it imports the rest only
when a test asks for it.
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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini option."""
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
    close_gate()
    live = ExitStack()
    live.enter_context(GATE.live(is_live=bool(config.getini(LIVE))))
    config.add_cleanup(live.close)


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
