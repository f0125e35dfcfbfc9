"""What all tests share."""

import logging

import pytest

from segment_integrations import defaults

pytest_plugins = ["acceptance", "pytester"]


@pytest.fixture(autouse=True)
def no_default_of_another_test(monkeypatch):
    """The first `Analytics` that a test makes is its default one."""
    monkeypatch.setattr(defaults._registry, "first", None)
    monkeypatch.setattr(defaults._registry, "open", [])


@pytest.fixture(autouse=True)
def root_logger_as_it_was():
    """Workers of Celery and applications of Litestar set the root logger's level."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
