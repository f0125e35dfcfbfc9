"""The small apps of the docs: their own tests pass, and their servers send."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import urllib3

from segment_integrations.dev.server import running

EXAMPLES = Path(__file__).parents[1] / "examples"
LIMIT_S = 60
OPTIONS = {"django": ["--ds", "settings"]}
GUNICORN = ["gunicorn", "--bind", "127.0.0.1:{port}", "app:app"]
RUNSERVER = ["django", "runserver", "--noreload", "127.0.0.1:{port}"]
SERVERS = {
    "fastapi": ["uvicorn", "--port", "{port}", "app:app"],
    "flask": [*GUNICORN, "--worker-tmp-dir", "."],
    "litestar": ["uvicorn", "--port", "{port}", "app:app"],
    "aiohttp": ["aiohttp.web", "-H", "127.0.0.1", "-P", "{port}", "app:make_app"],
    "quart": ["hypercorn", "--bind", "127.0.0.1:{port}", "app:app"],
    "celery": [*GUNICORN[:-1], "app:site", "--worker-tmp-dir", "."],
    "django": [*RUNSERVER, "--settings", "settings"],
}
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101",
    "Accept": "text/html",
    "Sec-Fetch-Dest": "document",
}


def variables(framework, **more):
    """An environment outside pytest, in which the example can be imported."""
    kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return kept | {
        "PYTHONPATH": str(EXAMPLES / framework),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


@pytest.mark.parametrize("framework", sorted(SERVERS))
def test_the_examples_own_tests_pass(framework, tmp_path):
    """The tests that show how to test run as they stand, with warnings as errors."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *(EXAMPLES / framework, *OPTIONS.get(framework, [])),
        ],
        cwd=tmp_path,
        env=variables(framework),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("framework", sorted(SERVERS))
def test_the_example_sends_its_page_from_a_real_server(framework, tmp_path):
    """Behind its server one page view arrives, although SIGTERM follows at once."""
    with running(port=0) as collector, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = variables(
            framework,
            SEGMENT_WRITE_KEY="test",
            SEGMENT_HOST=collector.url,
            SECRET_KEY="the same in all processes",
            NO_PROXY="127.0.0.1",
        )
        if framework == "django":
            migrate = [sys.executable, "-m", "django", "migrate", "--settings"]
            subprocess.run(
                [*migrate, "settings"],
                cwd=tmp_path,
                env=environment,
                check=True,
                capture_output=True,
                timeout=LIMIT_S,
            )
        log = tmp_path / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m"),
                    *(part.replace("{port}", str(port)) for part in SERVERS[framework]),
                ],
                cwd=tmp_path,
                env=environment,
                stdout=output,
                stderr=output,
            )
        try:
            status = answer_of(process, f"http://127.0.0.1:{port}/products/teapot")
            process.terminate()
            process.wait(LIMIT_S)
        finally:
            process.kill()
            process.wait()
        assert status == 200, log.read_text()
        (page,) = collector.messages()
    assert (page["type"], page["name"]) == ("page", "/products/{slug}")


def answer_of(process, url):
    """The status that a browser gets at *url*, once *process* answers."""
    until = time.monotonic() + LIMIT_S
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        while process.poll() is None and time.monotonic() < until:
            with suppress(urllib3.exceptions.HTTPError):
                return pool.request("GET", url, headers=BROWSER).status
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    return None
