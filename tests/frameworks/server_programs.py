"""Servers in processes of their own: started, visited, ended with SIGTERM."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import urllib3
from asgi_visits import BROWSER

HERE = Path(__file__).parent
WAIT_S = 30
VISITS = 20
UVICORN = ["uvicorn", "--port", "0", "--no-access-log"]


def environment(**more):
    """Of a process outside pytest, with the variables *more*."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in ("PYTEST", "PROXY", "SEGMENT"))
    }
    return kept | more


def settings(host):
    """The environment of an application whose events stay queued until it ends."""
    return {
        "SEGMENT_WRITE_KEY": "k",
        "SEGMENT_HOST": host,
        "SEGMENT_FLUSH_INTERVAL": "600",
    }


class Server:
    """A server's process, and what it writes."""

    def __init__(self, arguments, environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=HERE,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        self.url = None
        self.is_known = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found and self.url is None:
                self.url = found[0]
                self.is_known.set()
        self.is_known.set()

    def _wait_ready(self):
        """Wait for a worker: the address is told before one listens."""
        assert self.is_known.wait(WAIT_S)
        assert self.url, self.text
        until = time.monotonic() + WAIT_S
        with urllib3.PoolManager(retries=False, timeout=WAIT_S) as pool:
            while time.monotonic() < until:
                with suppress(urllib3.exceptions.NewConnectionError):
                    pool.request("GET", f"{self.url}/favicon.ico")
                    return
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.05)
        pytest.fail(self.text)

    def visit(self, times):
        """Visit so many pages at once."""
        self._wait_ready()

        def one(number):
            response = pool.request(
                "GET",
                f"{self.url}/items/{number}",
                headers=BROWSER,
                timeout=WAIT_S,
                retries=False,
            )
            return response.status

        with urllib3.PoolManager(maxsize=8) as pool, ThreadPoolExecutor(8) as visitors:
            assert [200] * times == list(visitors.map(one, range(times)))

    def stop(self):
        """End it as a supervisor does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self):
        """The exit code, when it has ended."""
        code = self.process.wait(WAIT_S)
        self.reader.join(WAIT_S)
        return code

    @property
    def text(self):
        return "".join(self.lines)

    def end(self):
        """Leave nothing of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WAIT_S)
        self.reader.join(WAIT_S)
        self.process.stdout.close()


_codes: dict[tuple[str, ...], int] = {}
"""With which code each server ends without us, as far as it was asked."""


def loses_nothing(serve, collector, arguments, *, without, **variables):
    """
    Visit a server whose events stay queued, end it, and look at what arrives.

    *arguments* start it, and those of *without* the same one without us, which is to
    end with the same code. The visits' events arrive once each, of the one route.
    """
    server = serve(arguments, **settings(collector.url), **variables)
    server.visit(VISITS)
    assert [] == collector.messages()
    code = server.stop()

    messages = collector.messages()
    assert 2 * VISITS == len(messages), server.text
    assert 0 == collector.duplicates
    for call in ("page", "track"):
        items = {
            one["context"]["page"]["path"] for one in messages if one["type"] == call
        }
        assert {f"/items/{number}" for number in range(VISITS)} == items
    names = {one["name"] for one in messages if one["type"] == "page"}
    assert {"/items/{item_id}"} == names

    key = tuple(without)
    if key not in _codes:
        bare = serve(without, **settings(collector.url), **variables)
        bare.visit(1)
        _codes[key] = bare.stop()
    assert _codes[key] == code
