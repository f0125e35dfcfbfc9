"""One fixture: `site`, an app of each framework in turn."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from neutral import Routes, Site, plain

from segment_integrations.client import Analytics
from segment_integrations.testing import SegmentEvents, capture


@dataclass(frozen=True)
class Driver:
    """A framework, and the kind of its views."""

    framework: str
    is_async: bool

    @property
    def module(self) -> Any:
        return importlib.import_module(f"drivers.{self.framework}")

    def open(
        self, stack: ExitStack, routes: Routes, settings: dict[str, Any], **more: Any
    ) -> Any:
        """The app; with *settings* None one without us."""
        if self.framework == "django":
            is_ours = bool(settings)
            stack.enter_context(
                self.module.options(settings, routes, is_async=self.is_async, **more)
            )
            analytics = None
            if is_ours:
                from segment_integrations.django import config

                analytics = config.analytics()
            return self.module.App(analytics, is_async=self.is_async)
        analytics = Analytics(**settings) if settings else None
        if analytics is not None:
            stack.callback(analytics.close)
        return self.module.App(
            routes, is_async=self.is_async, analytics=analytics, **more
        )


DRIVERS = {
    "starlette-async": Driver("starlette", is_async=True),
    "starlette-sync": Driver("starlette", is_async=False),
    "fastapi-async": Driver("fastapi", is_async=True),
    "fastapi-sync": Driver("fastapi", is_async=False),
    "flask": Driver("flask", is_async=False),
    "django-wsgi": Driver("django", is_async=False),
    "django-asgi": Driver("django", is_async=True),
}


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Driver:
    return DRIVERS[request.param]


@pytest.fixture
def events() -> Iterator[SegmentEvents]:
    with capture() as captured:
        yield captured


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(driver: Driver, events: SegmentEvents) -> Iterator[MakeSite]:
    """Makes a site: of routes, with settings as for `Analytics`."""
    with ExitStack() as stack:

        def make(
            routes: Routes | None = None,
            *,
            more: dict[str, Any] | None = None,
            **settings: Any,
        ) -> Site:
            given = {"write_key": "key", "strict": False, **settings}
            app = driver.open(stack, routes or {"/": plain}, given, **(more or {}))
            return Site(app, events)

        yield make


@pytest.fixture
def bare_site(driver: Driver, events: SegmentEvents) -> Iterator[MakeSite]:
    """Makes a site without us."""
    with ExitStack() as stack:
        yield lambda routes: Site(driver.open(stack, routes, {}), events)


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
