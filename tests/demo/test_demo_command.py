"""``segment-integrations demo`` as its user starts it: in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from demo_processes import end, outside_pytest
from visited import EXPECTED, assert_complete, label

from segment_integrations.demo.server import environment
from segment_integrations.demo.visit import visit

LIMIT_S = 90
FRAMEWORKS = ["fastapi", "flask", "django"]
COMMAND = [sys.executable, "-m", "segment_integrations", "demo"]
ANY_PORTS = ["--port", "0", "--collector-port", "0"]


@pytest.fixture
def start(tmp_path):
    """Start the command; its temporary files go below *tmp_path*."""
    with ExitStack() as stack:

        def started(*arguments):
            process = subprocess.Popen(
                [*COMMAND, *arguments],
                cwd=tmp_path,
                env=outside_pytest(os.environ) | {"TMPDIR": str(tmp_path)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            stack.callback(end, process)
            stack.enter_context(process.stdout)
            stack.enter_context(process.stderr)
            return process

        yield started


@pytest.fixture
def run(start):
    """Run the command to its end: the code, and both outputs."""

    def ran(*arguments):
        process = start(*arguments)
        out, err = process.communicate(timeout=LIMIT_S)
        return process.returncode, out, err

    return ran


def alive(pattern):
    """The command lines of running processes that contain *pattern*."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "args"], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if pattern in line]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_one_visit_prints_each_of_its_messages_as_a_line_of_json(framework, run):
    """With --once --json standard output has the visit's messages and nothing else."""
    code, out, err = run("--framework", framework, "--once", "--json", *ANY_PORTS)
    assert code == 0, err
    messages = [json.loads(line) for line in out.splitlines()]
    assert_complete(messages)
    assert re.search(r"http://127\.0\.0\.1:\d+ \(" + framework, err)


def test_one_visit_is_shown_to_a_person_line_by_line(run, tmp_path):
    """With --once alone both addresses and a line for each message are printed."""
    code, out, err = run("--once", *ANY_PORTS)
    assert code == 0, err
    assert not err
    shop, collector, *lines = out.splitlines()
    assert shop.startswith("Shop:")
    assert collector.startswith("Collector:")
    assert [line.split()[1] for line in lines] == [kind for kind, _ in EXPECTED]
    assert "Checkout Started" in out
    assert "\x1b" not in out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_running_demo_and_leaves_nothing_behind(
    number, start, tmp_path
):
    """Events stream while it runs; then the server is gone, and so are its files."""
    demo = start("--framework", "flask", "--json", *ANY_PORTS)
    address = demo.stderr.readline().split()[1]
    visit(address)
    messages = [json.loads(demo.stdout.readline()) for _ in EXPECTED]
    assert [label(message) for message in messages] == EXPECTED
    port = address.rpartition(":")[2]
    assert alive(f"127.0.0.1:{port}")
    demo.send_signal(number)
    assert demo.wait(LIMIT_S) == 0
    assert not alive(f"127.0.0.1:{port}")
    assert not list(tmp_path.iterdir())
    assert "Traceback" not in demo.stderr.read()


def test_an_interrupted_visit_exits_as_the_shell_expects(start, tmp_path):
    """Ctrl-C during --once gives 130, and leaves no process and no file."""
    demo = start("--once", *ANY_PORTS)
    until = time.monotonic() + LIMIT_S
    while not list(tmp_path.glob("segment-demo-*/server.log")):
        assert time.monotonic() < until
        assert demo.poll() is None
    demo.send_signal(signal.SIGINT)
    assert demo.wait(LIMIT_S) == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--port", "--collector-port"])
def test_a_port_that_was_asked_for_and_is_taken_is_told_in_one_line(option, run):
    """The line names the port and the option; the exit code is 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, err = run("--once", option, port)
    assert code == 2
    assert not out
    (line,) = err.splitlines()
    assert port in line
    assert option in line


def test_usual_ports_that_are_taken_are_replaced(run):
    """Where nobody asked for a port, any free one does."""
    with ExitStack() as stack:
        for port in (8000, 8765):
            try:
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue  # taken already, which does as well
        code, out, err = run("--once")
    assert code == 0, err
    assert not re.search(r":(8000|8765)\b", out)


@pytest.mark.parametrize(
    ("framework", "module"),
    [("flask", "flask"), ("fastapi", "python_multipart"), ("fastapi", "itsdangerous")],
)
def test_a_missing_framework_is_told_with_the_command_that_installs_it(
    run, tmp_path, monkeypatch, framework, module
):
    """Without what the shop is made of, a line names the extra, and the code is 2."""
    hide = tmp_path / "sitecustomize.py"
    # Starlette tries python-multipart's old name too, which warns.
    hide.write_text(
        f"import sys; sys.modules |= dict.fromkeys([{module!r}, 'multipart'])"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    code, out, err = run("--once", "--framework", framework, *ANY_PORTS)
    assert code == 2
    assert not out
    (line,) = err.splitlines()
    assert "pip install 'segment-integrations[demo]'" in line


def test_the_shop_hears_of_no_setting_that_is_another_applications(
    monkeypatch, tmp_path
):
    """Variables of servers, of Django and of Segment are not handed on."""
    for name in ("SEGMENT_PAGES", "WEB_CONCURRENCY", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "other")
    monkeypatch.setenv("NO_PROXY", "example.org")
    variables = environment("http://127.0.0.1:1", tmp_path)
    assert "other" not in variables.values()
    assert variables["SEGMENT_HOST"] == "http://127.0.0.1:1"
    assert variables["NO_PROXY"] == "example.org,127.0.0.1"
