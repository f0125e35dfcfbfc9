"""One fixture: `site`, an app of each framework in turn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from behaviours import NOT_OF_PLAIN_APPS
from driving import DRIVERS, Driver
from neutral import Routes, Site, plain

from segment_integrations.testing import SegmentEvents, capture


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Driver:
    driver = DRIVERS[request.param]
    row = request.node.callspec.params.get("row")
    name = request.node.originalname if row is None else row.id
    if driver.is_plain and name in NOT_OF_PLAIN_APPS:
        reason = NOT_OF_PLAIN_APPS[name]
        request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    return driver


@pytest.fixture
def events() -> Iterator[SegmentEvents]:
    with capture() as captured:
        yield captured


MakeSite = Callable[..., Site]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What the sites of a test have opened; closed in reverse, for Django's sake."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def make_site(driver: Driver, events: SegmentEvents, stack: ExitStack) -> MakeSite:
    """Makes a site: of routes, with settings as for `Analytics`."""

    def make(
        routes: Routes | None = None,
        *,
        more: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Site:
        given = {"write_key": "key", "strict": False, **settings}
        app = driver.open(stack, routes or {"/": plain}, given, **(more or {}))
        return Site(app, events)

    return make


@pytest.fixture
def bare_site(driver: Driver, events: SegmentEvents, stack: ExitStack) -> MakeSite:
    """Makes a site without us."""
    return lambda routes: Site(driver.open(stack, routes, {}), events)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What our logger said at warning and above."""
    caplog.set_level(logging.WARNING, logger="segment_integrations")

    def lines() -> list[str]:
        return [
            record.getMessage()
            for record in caplog.records
            if record.name == "segment_integrations"
        ]

    return lines
