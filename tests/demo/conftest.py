"""A collector, and real servers in front of the shops that send to it."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest
from demo_processes import Served, end, outside_pytest

from segment_integrations.demo.server import HOST, environment
from segment_integrations.dev.server import running


@pytest.fixture
def collector():
    with running(port=0) as started:
        yield started


@pytest.fixture
def serve(collector, tmp_path):
    """Start ``python -m ...`` with ``{port}`` filled in; every one is ended."""
    with ExitStack() as stack:

        def start(*arguments):
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                port = probe.getsockname()[1]
            log = tmp_path / f"server-{port}.log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        *(each.replace("{port}", str(port)) for each in arguments),
                    ],
                    cwd=tmp_path,
                    env=outside_pytest(environment(collector.url, tmp_path)),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            stack.callback(end, process)
            served = Served(process, f"http://{HOST}:{port}", log)
            served.wait_ready()
            return served

        yield start
