"""Servers as people run them: started, visited, ended with SIGTERM."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
import urllib3
from asgi_visits import BROWSER

from segment_integrations.dev.server import running

WAIT_S = 30
VISITS = 20

UVICORN = ["uvicorn", "--port", "0", "--no-access-log"]
GUNICORN = ["gunicorn", "--bind", "127.0.0.1:0", "-w", "2", "-k"]

SERVERS = {
    "uvicorn": UVICORN,
    "uvicorn-workers": [*UVICORN, "--workers", "2"],
    "gunicorn-asgi": [*GUNICORN, "asgi"],
    "gunicorn-uvicorn": [*GUNICORN, "uvicorn.workers.UvicornWorker"],
    "gunicorn-uvicorn-worker": [*GUNICORN, "uvicorn_worker.UvicornWorker"],
}
NEEDED = {
    "gunicorn-asgi": "gunicorn.asgi",
    "gunicorn-uvicorn": "uvicorn.workers",
    "gunicorn-uvicorn-worker": "uvicorn_worker",
}


@pytest.fixture(name="collector")
def _collector():
    """What stands for Segment."""
    with running() as collector:
        yield collector


class Server:
    """A server's process, and what it writes."""

    def __init__(self, arguments, environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=Path(__file__).parent,
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


@pytest.fixture(name="serve")
def _serve():
    """Start servers; they are gone when the test is."""
    servers = []
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in ("PYTEST", "PROXY", "SEGMENT"))
    }

    def start(arguments, **variables):
        environment = {**kept, "PYTHONWARNINGS": "error", **variables}
        servers.append(Server(arguments, environment))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


def settings(host):
    """The environment of an application whose events stay queued until it ends."""
    return {
        "SEGMENT_WRITE_KEY": "k",
        "SEGMENT_HOST": host,
        "SEGMENT_FLUSH_INTERVAL": "600",
    }


@pytest.mark.parametrize(
    ("name", "app"), [*((name, "added") for name in SERVERS), ("uvicorn", "around")]
)
def test_pr_2_sigterm_loses_nothing_and_changes_no_exit_code(
    serve, collector, name, app
):
    """PR-2: what is queued in each process arrives once before it ends."""
    if name in NEEDED:
        with suppress(ModuleNotFoundError):
            if find_spec(NEEDED[name]) is None:
                pytest.skip(f"{NEEDED[name]} is not installed")
    factory = ["--factory"] if app == "around" else []
    arguments = [*SERVERS[name], *factory, f"asgi_served:{app}"]
    # A deprecated module that is still what many use.
    quiet = {"PYTHONWARNINGS": "ignore"} if name == "gunicorn-uvicorn" else {}
    server = serve(arguments, **settings(collector.url), **quiet)
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

    without = serve([*SERVERS[name], "asgi_served:plain"], **quiet)
    without.visit(1)
    assert without.stop() == code


def test_ls_4_a_silent_endpoint_holds_the_server_up_once(serve):
    """LS-4: the server ends by itself, and says once how many messages were lost."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        server = serve([*UVICORN, "asgi_served:added"], **settings(host))
        server.visit(3)
        server.stop()

    lost = [line for line in server.lines if "not sent" in line]
    assert 1 == len(lost), server.text
    assert lost[0].startswith("6 message(s) not sent")
    assert "Application shutdown complete." in server.text


@pytest.mark.parametrize(
    ("app", "variables", "text"),
    [
        ("added", {}, "ConfigurationError: the write key is missing"),
        ("wrong", {"SEGMENT_WRITE_KEY": "k"}, "ConfigurationError: flush_at must be"),
        (
            "added",
            {"SEGMENT_WRITE_KEY": "k", "SEGMENT_FLUSH_AT": "many"},
            "ConfigurationError: SEGMENT_FLUSH_AT must be",
        ),
        ("around", {}, "ConfigurationError: the write key is missing"),
    ],
)
def test_wrong_settings_end_the_server(serve, app, variables, text):
    """The server says what is wrong, and does not start to serve."""
    factory = ["--factory"] if app == "around" else []
    server = serve([*UVICORN, *factory, f"asgi_served:{app}"], **variables)

    assert 0 != server.ended()
    assert text in server.text
    assert server.url is None


def test_enabled_false_needs_no_key(serve):
    """Switched off by the environment the application runs as without us."""
    server = serve([*UVICORN, "asgi_served:added"], SEGMENT_ENABLED="0")
    server.visit(1)
    server.stop()

    assert "Application shutdown complete." in server.text
