"""Processes of the tests in this folder: started, waited for, and ended, by id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

import pytest
import urllib3

from segment_integrations.demo.visit import VisitFailed, visit

START_S = 60
STOP_S = 30


class Served:
    """A server process of a test; *log* is where it writes."""

    def __init__(self, process, url, log):
        self.process = process
        self.url = url
        self.log = log

    def wait_ready(self):
        until = time.monotonic() + START_S
        with urllib3.PoolManager(retries=False, timeout=5) as pool:
            while time.monotonic() < until:
                assert self.process.poll() is None, self.log.read_text()
                with suppress(urllib3.exceptions.HTTPError):
                    pool.request("GET", f"{self.url}/favicon.ico")
                    return
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.05)
        pytest.fail(f"not ready in {START_S} s:\n{self.log.read_text()}")

    def visit(self):
        """One scripted visit; what the server says of a failed one is shown."""
        try:
            visit(self.url)
        except VisitFailed as failed:
            pytest.fail(f"{failed}\n{self.log.read_text()}")

    def ended(self):
        """The exit code, when it has ended."""
        return self.process.wait(STOP_S)


def outside_pytest(variables):
    """*variables* without what tells a process that it runs in a test."""
    return {
        name: value for name, value in variables.items() if "PYTEST" not in name
    } | {"PYTHONWARNINGS": "error"}


def end(process):
    """End *process* and whatever is left of the session that it leads."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_S)
