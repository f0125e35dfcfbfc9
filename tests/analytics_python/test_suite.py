"""
segment-analytics-python's own tests, run against our `Client`.

Theirs are tests of `unittest` that name their client by the global `Client`, and by
`segment.analytics.Client` where the module makes the default one. Both are ours here.
Nothing but a collector on this machine is connected to.
"""

import ast
import importlib
import inspect
import socket
import textwrap
import unittest

import pytest

from segment_integrations.analytics_python import Client

PACKAGE = "segment.analytics.test"
MODULES = [
    *["test_client", "test_consumer", "test_init", "test_module", "test_oauth"],
    *["test_request", "test_utils"],
]

OAUTH = "our delivery has no OAuth: the options raise ConfigurationError"

INSIDE = {
    "test_client.TestClient.test_user_defined_upload_size": (
        "replaces the consumer's function `post`"
    ),
    "test_client.TestClient.test_proxies": (
        "replaces `post` of the session of requests below the consumer"
    ),
    "test_consumer.TestConsumer"
    ".test_client_defaults_to_the_documented_rate_limit_budget": (
        "reads a setting of the first consumer thread"
    ),
    "test_oauth.TestOauthIntegration.test_oauth_integration_success": OAUTH,
    "test_oauth.TestOauthIntegration.test_oauth_integration_failure": OAUTH,
    "test_oauth.TestOauthIntegration.test_oauth_integration_recovery": OAUTH,
    "test_oauth.TestOauthIntegration.test_oauth_integration_fail_bad_key": OAUTH,
}
"""Their tests that reach into the consumer thread or its HTTP, each with the reason."""


def uses_the_client(function):
    """Whether *function* names a client, or calls of the module."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(
        isinstance(node, ast.Name) and node.id in {"Client", "analytics"}
        for node in ast.walk(tree)
    )


def all_tests():
    """Every test of theirs by name, and whether it concerns the client."""
    for module in MODULES:
        loaded = importlib.import_module(f"{PACKAGE}.{module}")
        for case in vars(loaded).values():
            if not (isinstance(case, type) and issubclass(case, unittest.TestCase)):
                continue
            is_set_up = "setUp" in vars(case) and uses_the_client(case.setUp)
            for name in unittest.defaultTestLoader.getTestCaseNames(case):
                is_ours = is_set_up or uses_the_client(getattr(case, name))
                yield f"{module}.{case.__name__}.{name}", is_ours


TESTS = [name for name, concerns_the_client in all_tests() if concerns_the_client]


@pytest.fixture
def run(theirs, monkeypatch, collector):
    """Run one of their tests against our client; gives the result."""
    made, away = [], []

    class Made(Client):
        """Ours; those that a test leaves open are closed behind it."""

        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setenv("SEGMENT_HOST", collector.url)  # theirs give none
    monkeypatch.setattr("segment.analytics.Client", Made)
    monkeypatch.setattr("segment.analytics.client.Client", Made)
    for module in MODULES:
        loaded = importlib.import_module(f"{PACKAGE}.{module}")
        if hasattr(loaded, "Client"):
            monkeypatch.setattr(loaded, "Client", Made)
    connect = socket.socket.connect

    def connect_here(self, address):
        if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "::1"}:
            away.append(address)
            raise ConnectionRefusedError
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)

    def run(name):
        result = unittest.TestResult()
        test = unittest.defaultTestLoader.loadTestsFromName(f"{PACKAGE}.{name}")
        test.run(result)
        assert 1 == result.testsRun
        assert not result.skipped
        for client in made:
            client.join()
        assert [] == away
        return result

    handlers = list(Client.log.handlers)
    yield run
    for handler in [one for one in Client.log.handlers if one not in handlers]:
        Client.log.removeHandler(handler)


@pytest.mark.segment_live
@pytest.mark.parametrize("name", [name for name in TESTS if name not in INSIDE])
def test_what_concerns_the_client_passes(run, name):
    """A test of theirs passes against our client, which really delivers."""
    result = run(name)
    assert not result.errors + result.failures, result.errors + result.failures


@pytest.mark.parametrize("name", INSIDE)
def test_what_reaches_inside_does_not_pass(run, name):
    """The list of exceptions has no test that would pass."""
    result = run(name)
    assert result.errors + result.failures


def test_the_list_names_tests():
    """Each exception is a test of theirs that concerns the client, with a reason."""
    assert set(INSIDE) <= set(TESTS)
    assert all(INSIDE.values())


def test_whole_modules_are_about_the_client():
    """All tests of their client and of the module's calls are among those that run."""
    whole = {"test_client", "test_init", "test_module"}
    names = {name for name, _ in all_tests() if name.partition(".")[0] in whole}
    assert len(names) > 40
    assert names <= set(TESTS)


@pytest.mark.segment_live
def test_what_they_send_arrives(run, collector):
    """The thousand messages of one of their tests are delivered."""
    run("test_client.TestClient.test_shutdown")
    assert 1_000 == len(collector.messages)
