"""`BROWSER_HEADERS` stay what they are, whoever is given them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.testclient import TestClient

from segment_integrations.testing import BROWSER_HEADERS


def test_a_test_client_does_not_change_them():
    """Starlette's TestClient adds its agent to the dict that it is given."""
    before = dict(BROWSER_HEADERS)
    client = TestClient(Starlette(), headers=BROWSER_HEADERS)
    assert before == dict(BROWSER_HEADERS)
    assert client.headers["user-agent"] == before["User-Agent"]
    assert BROWSER_HEADERS.setdefault("x-other", "1") == "1"
    assert before == dict(BROWSER_HEADERS)
