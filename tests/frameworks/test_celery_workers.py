"""Real workers of Celery, and a work horse as RQ's, in processes of their own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from celery_served import add_tasks, make_app
from flask import Flask
from redis import Redis

from segment_integrations import Analytics, bind, set_user
from segment_integrations.celery import install
from segment_integrations.dev.server import running
from segment_integrations.flask import Segment
from segment_integrations.testing import BROWSER_HEADERS

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
WAIT_S = 60
WORKER = [
    *("celery", "-A", "celery_served", "worker", "--concurrency", "1"),
    *("--without-heartbeat", "--without-gossip", "--without-mingle"),
    *("--loglevel", "INFO"),
]


@pytest.fixture(name="collector")
def _collector():
    """What stands for Segment."""
    with running() as collector:
        yield collector


@pytest.fixture(name="redis", scope="module")
def _redis(tmp_path_factory):
    """The address of a Redis of our own."""
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("no Redis server is installed (redis-server was not found)")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(
        [command, *options],
        cwd=tmp_path_factory.mktemp("redis"),
        stdout=subprocess.PIPE,
    )
    assert any(b"Ready to accept" in line for line in process.stdout)
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.communicate()


@pytest.fixture(name="broker")
def _broker(redis):
    """A broker with nothing in it."""
    with Redis.from_url(redis) as connection:
        connection.flushall()
    return redis


@pytest.fixture(name="app")
def _app(broker):
    """The app as the sender has it."""
    with make_app(broker) as app, Analytics("k") as analytics:
        install(add_tasks(app), analytics)
        yield app


def environment(collector_url, **more):
    """Of a process outside pytest, whose events stay queued unless it drains."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in ("PYTEST", "PROXY", "SEGMENT"))
    }
    return kept | {
        "PYTHONPATH": str(HERE),
        "SEGMENT_WRITE_KEY": "k",
        "SEGMENT_HOST": collector_url,
        "SEGMENT_FLUSH_INTERVAL": "600",
        **more,
    }


class Worker:
    """A worker's process, and what it writes."""

    def __init__(self, folder, arguments, variables):
        self.log = folder / "worker.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *WORKER, *arguments],
                cwd=folder,
                env=variables,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def text(self):
        return self.log.read_text()

    def wait_for(self, pattern, times):
        """Wait until the log has the *pattern* so often."""
        until = time.monotonic() + WAIT_S
        while len(re.findall(pattern, self.text)) < times:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < until, self.text
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)

    def stop(self):
        """End it as a supervisor does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def end(self):
        """Leave nothing of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WAIT_S)


@pytest.fixture(name="work")
def _work(broker, tmp_path):
    """Start workers; they are gone when the test is."""
    workers = []

    def start(url, *arguments, **variables):
        given = environment(url, SERVED_BROKER=broker, **variables)
        workers.append(Worker(tmp_path, arguments, given))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


@pytest.mark.parametrize("pool", ["prefork", "solo", "threads"])
def test_ce_1_real_workers(work, collector, app, pool):
    """CE-1, CE-3, CE-4: who it is arrives; the end of the worker loses no event."""
    site = Flask("shop")
    Segment(site, write_key="k")

    @site.post("/checkout")
    def checkout():
        set_user("u1")
        app.tasks["work"].delay("From request")
        app.tasks["again"].delay("Again")
        return "sent"

    worker = work(collector.url, "--pool", pool)
    answer = site.test_client().post("/checkout", headers=BROWSER_HEADERS)
    assert 200 == answer.status_code
    worker.wait_for("succeeded in", 2)
    app.tasks["work"].delay("From nobody")
    worker.wait_for("succeeded in", 3)
    assert [] == collector.messages()
    assert 0 == worker.stop(), worker.text

    messages = collector.messages()
    found = Counter((one["event"], one.get("userId")) for one in messages)
    assert {("From request", "u1"): 1, ("Again", "u1"): 3} == found, worker.text
    assert {"library"} == {key for one in messages for key in one["context"]}
    assert 0 == collector.duplicates


def test_a_process_that_is_replaced_loses_nothing(work, collector, app):
    """`max_tasks_per_child` ends a process after each task; its events arrive."""
    worker = work(collector.url, "--pool", "prefork", "--max-tasks-per-child", "1")
    with bind(user_id="u1"):
        for number in range(3):
            app.tasks["work"].delay(f"Task {number}")
    worker.wait_for("succeeded in", 3)
    assert 0 == worker.stop(), worker.text

    found = sorted(one["event"] for one in collector.messages())
    assert ["Task 0", "Task 1", "Task 2"] == found, worker.text


def test_flush_per_task_leaves_nothing_to_a_killed_process(work, collector, app):
    """What a task sent is delivered when it ends, whatever becomes of its process."""
    worker = work(collector.url, "--pool", "prefork", FLUSH_PER_TASK="10")
    with bind(user_id="u1"):
        app.tasks["work"].delay("Kept")
        app.tasks["killed"].delay()
    worker.wait_for("WorkerLostError", 1)

    assert ["Kept"] == [one["event"] for one in collector.messages()], worker.text


def test_flush_per_task_is_bounded(work, app):
    """Where nothing answers, the next task begins after the time that was allowed."""
    with socket.create_server(("127.0.0.1", 0)) as silent, bind(user_id="u1"):
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        worker = work(url, "--pool", "solo", FLUSH_PER_TASK="0.1")
        for number in range(3):
            app.tasks["work"].delay(f"Task {number}")
        worker.wait_for("succeeded in", 3)
        worker.stop()

    assert "not sent" in worker.text


# -- CE-5: RQ, by the recipe of the docs ---------------------------------------------

HORSE = """
import os, sys
from redis import Redis
from rq.job import Job
import jobs
from segment_integrations import bind

def run_with_no_flush(number):
    with bind(user_id="u1"):
        jobs.send_invoice.__wrapped__(number)

with bind(user_id="u1", anonymous_id="visitor-1"):
    meta = jobs.sender()
function = {"flush": jobs.send_invoice, "none": run_with_no_flush}[sys.argv[1]]
job = Job.create(function, args=(7,), meta=meta, connection=Redis())
child = os.fork()
if child == 0:
    job.perform()
    os._exit(0)  # as RQ's work horse does
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize(("way", "expected"), [("flush", 1), ("none", 0)])
def test_ce_5_a_work_horse_of_rq_delivers_its_last_event(collector, way, expected):
    """CE-5: a job's last event arrives by the recipe, and without it is lost."""
    variables = environment(collector.url)
    variables["PYTHONPATH"] = str(EXAMPLES / "rq")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", HORSE, way],
        env=variables,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert 0 == ran.returncode, ran.stderr
    messages = collector.messages()
    assert expected == len(messages)
    for one in messages:
        assert "Invoice Sent" == one["event"]
        assert ("u1", "visitor-1") == (one["userId"], one["anonymousId"])
