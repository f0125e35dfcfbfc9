"""The shops behind the servers that people run, several processes included."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from visited import assert_complete, assert_visits

VISITS = 4
SHOP = "segment_integrations.demo"
UVICORN = ["uvicorn", "--port", "{port}"]
GUNICORN = ["gunicorn", "--bind", "127.0.0.1:{port}", "-w", "2"]
GUNICORN += ["--config", f"python:{SHOP}.gunicorn_conf"]
RUNSERVER = ["django", "runserver", "127.0.0.1:{port}"]
RUNSERVER += ["--settings", f"{SHOP}.django_shop.settings"]

DJANGO_ASGI = f"{SHOP}.django_shop.asgi:application"

SEVERAL_PROCESSES = {
    "fastapi-uvicorn": [*UVICORN, "--workers", "2", f"{SHOP}.fastapi_shop:app"],
    "django-uvicorn": [
        *UVICORN,
        "--workers",
        "2",
        f"{SHOP}.django_shop.asgi:application",
    ],
    "flask-preload": [*GUNICORN, "--preload", f"{SHOP}.flask_shop:app"],
    "flask": [*GUNICORN, f"{SHOP}.flask_shop:app"],
    "django-preload": [*GUNICORN, "--preload", f"{SHOP}.django_shop.wsgi:application"],
    "django": [*GUNICORN, f"{SHOP}.django_shop.wsgi:application"],
}


@pytest.mark.parametrize("name", SEVERAL_PROCESSES)
def test_no_message_is_lost_when_a_server_of_several_processes_gets_sigterm(
    name, serve, collector
):
    """Visits at once to two workers, ended with SIGTERM, leave each message once."""
    server = serve(*SEVERAL_PROCESSES[name])
    with ThreadPoolExecutor(VISITS) as visitors:
        for done in [visitors.submit(server.visit) for _ in range(VISITS)]:
            done.result()
    server.process.terminate()
    server.ended()
    assert_visits(collector.messages(), VISITS)
    assert collector.duplicates == 0


@pytest.mark.skipif(sys.platform != "linux", reason="finds the child in /proc")
def test_no_message_is_lost_when_runservers_serving_process_gets_sigterm(
    serve, collector
):
    """Under the autoreloader the serving process is a child; it sends all it has."""
    server = serve(*RUNSERVER)
    pid = server.process.pid
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    server.visit()
    os.kill(int(child), signal.SIGTERM)
    server.ended()
    assert_complete(collector.messages())
    assert collector.duplicates == 0


def test_no_message_is_lost_when_runserver_without_reloading_gets_sigterm(
    serve, collector
):
    """The one process of ``runserver --noreload`` sends all it has at SIGTERM."""
    server = serve(*RUNSERVER, "--noreload")
    server.visit()
    server.process.terminate()
    server.ended()
    assert_complete(collector.messages())
    assert collector.duplicates == 0
