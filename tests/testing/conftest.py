"""A client that is closed again, and a place that notes what really arrives."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from plan_running import OURS, PLAN

from segment_integrations import Analytics


@pytest.fixture(name="analytics")
def _analytics():
    """An ordinary client, with a key that looks real."""
    with Analytics("real-looking-key", host="http://127.0.0.1:9") as analytics:
        yield analytics


class _Endpoint(ThreadingHTTPServer):
    """Takes batches and knows the names of the events in them."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        batch = json.loads(gzip.decompress(body))["batch"]
        self.server.events += [one["event"] for one in batch]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(name="endpoint")
def _endpoint():
    """A server where events arrive that leave a process."""
    with _Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(name="project")
def _project(pytester, endpoint, monkeypatch):
    """An empty project whose configured key and host are real: those of *endpoint*."""
    monkeypatch.setenv("SEGMENT_WRITE_KEY", "a-real-key")
    monkeypatch.setenv("SEGMENT_HOST", endpoint.url)
    monkeypatch.setenv("SEGMENT_FLUSH_INTERVAL", "0.01")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)
    return pytester


@pytest.fixture(name="run")
def _run(project, monkeypatch):
    """
    Run pytest on the project, in this process or in one of its own.

    Of all plugins that are installed it loads ours and those that are named: a run with
    the others takes five times as long.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(*arguments, plugins=(OURS,), apart=False):
        chosen = [part for name in plugins for part in ("-p", name)]
        start = project.runpytest_subprocess if apart else project.runpytest_inprocess
        return start(*chosen, "-W", "error", *arguments)

    return run


@pytest.fixture(name="shop")
def _shop(pytester, monkeypatch):
    """A project with a plan, and a module whose events are wrong and right."""
    # Of the plugins of the environment none is needed, and a run takes half as long.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makefile(".json", plan=json.dumps(PLAN))
    pytester.makepyfile(
        shop="""
        from segment_integrations import track

        def wrong(revenue="a secret"):
            assert track("Order Completed", {"revenue": revenue}, user_id=1)

        def right():
            assert track("Order Completed", {"revenue": 1.5}, user_id=1)
        """
    )
    pytester.syspathinsert()
    return pytester
