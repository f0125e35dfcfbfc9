"""Fakes for the core's tests: a sink that keeps, a clock that stands."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from segment_integrations import Analytics

# A busy machine is no failure.
settings.register_profile(
    "ours", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ours")


class Kept:
    """A sink that keeps what it takes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def put(self, body: bytes, message: Any) -> None:
        self.bodies.append(body)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]


@pytest.fixture
def sink() -> Kept:
    """The sink of `analytics`."""
    return Kept()


@pytest.fixture
def make(sink: Kept) -> Iterator[Callable[..., Analytics]]:
    """Makes an `Analytics` on the sink."""
    made: list[Analytics] = []

    def one(**settings: Any) -> Analytics:
        made.append(Analytics("key", sink=sink, **settings))
        return made[-1]

    yield one
    for analytics in made:
        analytics.close()


@pytest.fixture
def analytics(make: Callable[..., Analytics]) -> Analytics:
    """An `Analytics` with the default settings."""
    return make()


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
