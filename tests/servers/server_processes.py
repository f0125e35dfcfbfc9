"""A server of these tests: started, visited, ended, by its own process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import urllib3

HERE = Path(__file__).parent
WAIT_S = 60
_FOREIGN = ("PYTEST", "PROXY", "SEGMENT", "DJANGO", "GUNICORN", "CONCURRENCY")


class Process:
    """
    A server's process, which leads a session of its own.

    Args:
        command: What ``python -m`` is given; ``{port}`` is filled in.
        folder: Where it runs, and writes its log.
        variables: More of its environment.
    """

    def __init__(self, command, folder, **variables):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "log.txt"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not any(word in name.upper() for word in _FOREIGN)
        }
        own = {
            "HOME": str(folder),  # where gunicorn has a socket of its own
            "PYTHONPATH": str(HERE),
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    *(part.replace("{port}", str(self.port)) for part in command),
                ],
                cwd=folder,
                env={**kept, **own, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self):
        """What it has written."""
        return self._log.read_text()

    def wait_ready(self):
        """Wait until it answers."""
        until = time.monotonic() + WAIT_S
        with urllib3.PoolManager(retries=False, timeout=WAIT_S) as pool:
            while time.monotonic() < until:
                assert self.process.poll() is None, self.text
                with suppress(urllib3.exceptions.HTTPError):
                    pool.request("GET", f"{self.url}/favicon.ico")
                    return
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.02)
        pytest.fail(self.text)

    def terminate(self):
        """Ask it to end, as a supervisor does."""
        self.process.send_signal(signal.SIGTERM)

    def ended(self):
        """Its exit code, when it has ended."""
        try:
            return self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it hangs:\n{self.text}")

    def end(self):
        """Leave nothing of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WAIT_S)
