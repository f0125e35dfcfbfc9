"""
A pytest plugin of the strangers' own runs: keeps every exchange, and writes them down.

It knows nothing of the applications. With `STRANGER_EVENTS` it looks at what our
middleware has sent as well, so that a run in which it did nothing is found out.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BROWSER = {
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "de-DE,de;q=0.9,en;q=0.5",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
}
"""What each client sends unless a test says otherwise."""

VISITOR = os.environ.get("STRANGER_VISITOR", "")
COOKIES = {"theme": "dark", **({"ajs_anonymous_id": VISITOR} if VISITOR else {})}
"""What is in each client's jar."""

APP = os.environ.get("STRANGER_APP", "")
"""The module that makes the application, with or without us."""


@dataclass
class Visit:
    """A response as a client has it; *chunks* of a stream as they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    chunks: list[bytes] = field(default_factory=list)

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        return next(iter(self.all(name)), None)


class Records:
    """What one run has seen."""

    def __init__(self):
        self.exchanges = {}
        self.outcomes = {}
        self.lines = []
        self.messages = []

    def write(self, path):
        """Write all as JSON; a byte of a body is a character."""
        kept = {**vars(self)}
        Path(path).write_text(json.dumps(kept))


class _Listening(logging.Handler):
    def __init__(self, lines):
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record):
        self.lines.append(record.getMessage())


def pytest_configure(config):
    config.stash[RECORDS] = records = Records()
    # Not to the root logger, which pytest and frameworks set up again.
    logging.getLogger("segment_integrations").addHandler(_Listening(records.lines))


RECORDS = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    records = item.config.stash[RECORDS]
    if report.when == "call" or not report.passed:
        records.outcomes[item.nodeid] = report.outcome
    return report


def pytest_sessionfinish(session):
    session.config.stash[RECORDS].write(os.environ["STRANGER_RECORD"])


@pytest.fixture(autouse=True, scope="session")
def _events(request):
    if not os.environ.get("STRANGER_EVENTS"):
        yield
        return
    from segment_integrations.testing import capture

    with ExitStack() as stack:
        events = stack.enter_context(capture())
        yield
        kept = request.config.stash[RECORDS].messages
        for message in events.messages:
            name = message.get("event") or message.get("name")
            kept.append([message["type"], name, message.get("userId")])


@pytest.fixture
def record(request):
    """Keeps one exchange of the running test."""
    kept = request.config.stash[RECORDS].exchanges.setdefault(request.node.nodeid, [])

    def keep(method, path, visit, *, cookies=(), headers=None, **more):
        kept.append(
            {
                "request": [method, path],
                "request_headers": {**(headers or {})},
                "cookies": sorted(cookies),
                "status": visit.status,
                "headers": [list(pair) for pair in visit.headers],
                "body": visit.body.decode("latin-1"),
                "chunks": [chunk.decode("latin-1") for chunk in visit.chunks],
                **more,
            }
        )
        return visit

    return keep
