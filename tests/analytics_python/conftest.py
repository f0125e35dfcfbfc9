"""A collector on this machine, and the package of segment-analytics-python as new."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Collector(ThreadingHTTPServer):
    """Takes batches; keeps each one's messages, headers and encoding."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.batches = []
        self.headers = []
        self.status = 200

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def messages(self):
        return [message for batch in self.batches for message in batch]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.headers.append(dict(self.headers.items()))
        if self.server.status == 200:
            self.server.batches.append(json.loads(body)["batch"])
        self.send_response(self.server.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    """A collector that runs."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join(30)


@pytest.fixture
def theirs(monkeypatch):
    """`segment.analytics` with its settings as they are after its import."""
    from segment import analytics

    for name, value in vars(analytics.Client.DefaultConfig).items():
        if not name.startswith("_") and hasattr(analytics, name):
            monkeypatch.setattr(analytics, name, value)
    monkeypatch.setattr(analytics, "default_client", None)
    return analytics
