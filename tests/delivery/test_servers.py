"""Servers that fork what was used before: all that they accept arrives once."""

import json
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import urllib3
from process_programs import WAIT_S, Server

REQUESTS = 200
ENDS = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}

GUNICORN = [sys.executable, "-m", "gunicorn", "-w", "2"]
GUNICORN += ["--bind", "127.0.0.1:{port}", "process_wsgi:application"]

UWSGI = [str(Path(sys.executable).parent / "uwsgi"), "--master", "-p", "2"]
UWSGI += ["--http-socket", "127.0.0.1:{port}", "--module", "process_wsgi"]
UWSGI += ["--stats", "stats.sock"]
# On in 2.0.30 whatever is said; before, our thread would not run without it.
UWSGI += ["--enable-threads"]

SERVERS = {
    "gunicorn-preload": ([*GUNICORN, "--preload"], "SIGTERM"),
    "gunicorn-threads": ([*GUNICORN, "--preload", "--threads", "4"], "SIGTERM"),
    "gunicorn-gevent-preload": ([*GUNICORN, "--preload", "-k", "gevent"], "SIGTERM"),
    "uwsgi": ([*UWSGI, "--die-on-term"], "SIGTERM"),
    "uwsgi-sigint": (UWSGI, "SIGINT"),
    "uwsgi-threads": ([*UWSGI, "--die-on-term", "--threads", "4"], "SIGTERM"),
    "uwsgi-lazy-apps": ([*UWSGI, "--die-on-term", "--lazy-apps"], "SIGTERM"),
    "uwsgi-fork-hooks": (
        [*UWSGI, "--die-on-term", "--py-call-uwsgi-fork-hooks"],
        "SIGTERM",
    ),
}


@pytest.fixture
def serve(tmp_path):
    """Start one server and wait until it serves; it is gone when the test is."""
    started = []

    def start(command, target, **variables):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = {
            "SEGMENT_WRITE_KEY": "k",
            "SEGMENT_HOST": target.host,
            "HOME": str(tmp_path),  # where gunicorn has a socket of its own
        }
        server = Server(
            tmp_path,
            [part.replace("{port}", str(port)) for part in command],
            **settings,
            **variables,
        )
        started.append(server)
        url = f"http://127.0.0.1:{port}"
        _wait_ready(server, url)
        return server, url

    yield start
    for server in started:
        server.end()


def _wait_ready(server, url):
    """Wait for both workers: one that is stopped before it serves has its own ways."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        assert server.process.poll() is None, server.errors
        with suppress(urllib3.exceptions.HTTPError):
            if 2 == len(visit(url, ["ready"] * 8)):
                return
        time.sleep(0.02)
    pytest.fail(server.errors)


def visit(url, paths, visitors=8):
    """Ask for the *paths*, so many at once; which processes answered."""

    def one(path):
        response = pool.request("GET", f"{url}/{path}", timeout=WAIT_S, retries=False)
        assert 200 == response.status
        return int(response.data)

    with (
        urllib3.PoolManager(maxsize=visitors) as pool,
        ThreadPoolExecutor(visitors) as executor,
    ):
        return set(executor.map(one, paths))


def wait_idle(folder):
    """
    Wait until uWSGI says that no worker is at a request any more.

    One that is stopped within a request does not run Python's exit: its queue is lost.
    """
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as stats:
            stats.connect(str(folder / "stats.sock"))
            document = json.loads(b"".join(iter(lambda: stats.recv(65_536), b"")))
        if {"idle"} == {worker["status"] for worker in document["workers"]}:
            return
        time.sleep(0.01)
    pytest.fail("a worker stays busy")


def visited(target):
    return [event for event in target.events if event not in {"Imported", "/ready"}]


@pytest.mark.parametrize("name", SERVERS)
def test_case_11_no_request_of_a_forked_worker_is_lost(
    serve, collector, tmp_path, name
):
    """200 requests over two workers, all queued at the stop: each arrives once."""
    command, end = SERVERS[name]
    target = collector()
    # Queued until the end: what arrives has been through the end of the worker.
    server, url = serve(command, target, SEGMENT_FLUSH_INTERVAL="600")
    visit(url, range(REQUESTS))
    assert [] == target.events
    if name.startswith("uwsgi"):
        wait_idle(tmp_path)
    server.send(ENDS[end])
    assert 0 == server.ended(), server.errors
    assert sorted(f"/{n}" for n in range(REQUESTS)) == sorted(visited(target))
    assert "Traceback" not in server.errors


@pytest.mark.parametrize("name", ["gunicorn-preload", "uwsgi"])
def test_case_11_events_go_while_the_server_idles(serve, collector, eventually, name):
    """What the workers and their parent tracked is sent without a stop or a request."""
    target = collector()
    _, url = serve(SERVERS[name][0], target, SEGMENT_FLUSH_INTERVAL="0.1")
    visit(url, range(20))
    wanted = ["Imported", *(f"/{n}" for n in range(20))]
    eventually(lambda: len(wanted) <= len(set(target.events) - {"/ready"}))
    assert sorted(wanted) == sorted(set(target.events) - {"/ready"})
