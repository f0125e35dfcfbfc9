"""Servers of these tests, and the collector that they send to."""

import pytest
from server_processes import Process

from segment_integrations.dev.server import running


@pytest.fixture
def collector():
    """What stands for Segment."""
    with running() as collector:
        yield collector


@pytest.fixture
def serve(collector, tmp_path, request):
    """Start a server whose events stay queued until it ends; none is left."""
    started = []
    # Old frameworks warn on new Pythons: what a test run allows them is theirs too.
    allowed = request.config.getoption("pythonwarnings") or []

    def start(command, warnings):
        process = Process(
            command,
            tmp_path,
            PYTHONWARNINGS=",".join([warnings, *allowed]),
            SEGMENT_WRITE_KEY="key",
            SEGMENT_HOST=collector.url,
            SEGMENT_FLUSH_INTERVAL="600",
            SERVED_RELEASE=str(tmp_path / "release"),
        )
        started.append(process)
        process.wait_ready()
        return process

    yield start
    for process in started:
        process.end()
