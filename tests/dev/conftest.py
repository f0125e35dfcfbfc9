"""A collector that really listens, and a client for it."""

import base64

import httpx
import pytest

from segment_integrations.dev.server import running


@pytest.fixture(scope="session", name="shared")
def _shared():
    """One server for all tests, and one client, for both take time to start."""
    with (
        running() as collector,
        httpx.Client(base_url=collector.url, trust_env=False) as web,
    ):
        yield collector, web


@pytest.fixture(name="collector")
def _collector(shared):
    """A collector that is empty."""
    collector, _ = shared
    collector.clear()
    return collector


@pytest.fixture(name="web")
def _web(shared, collector):
    """An HTTP client that knows the collector's address, and nothing of Segment."""
    return shared[1]


@pytest.fixture(name="basic")
def _basic():
    """The header that a server-side client sends."""

    def basic(write_key="dev"):
        encoded = base64.b64encode(f"{write_key}:".encode()).decode()
        return {"Authorization": f"Basic {encoded}"}

    return basic
