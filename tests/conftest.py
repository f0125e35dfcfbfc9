"""What all tests share."""

import pytest

from segment_integrations import defaults

pytest_plugins = ["acceptance", "pytester"]


@pytest.fixture(autouse=True)
def no_default_of_another_test(monkeypatch):
    """The first `Analytics` that a test makes is its default one."""
    monkeypatch.setattr(defaults._registry, "first", None)
    monkeypatch.setattr(defaults._registry, "open", [])
