"""The command line: the collector in the foreground, and what may go wrong first."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys

import httpx
import pytest

from segment_integrations.cli import dev, main
from segment_integrations.dev.server import _bind, _url, running, serve
from segment_integrations.dev.wire import RequestError
from segment_integrations.errors import ConfigurationError

COMMAND = [sys.executable, "-m", "segment_integrations"]
# Root may write anything, unless this one right is given up before the command runs.
WITHOUT_OVERRIDE = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
os.execv(sys.argv[1], sys.argv[1:])
"""
BLOCKED = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
from segment_integrations.cli import main
main(sys.argv[2:])
"""


def run(*command):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False
    )


def track(event="Order Completed", **fields):
    return {"type": "track", "event": event, "userId": "user-1", **fields}


@contextlib.contextmanager
def started(*options):
    command = [*COMMAND, "dev", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = re.search(r"http://[\d.:]+", process.stdout.readline())[0]
            yield process, url
        finally:
            process.kill()


def post(url, body):
    answer = httpx.post(f"{url}/v1/batch", json=body, trust_env=False)
    return answer.status_code


def called(*argv):
    """Run the command line here; the code it exits with."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    return caught.value.code or 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_prints_messages_until_it_is_told_to_end(tmp_path, number):
    """The address comes first, then a line per message; a signal is no failure."""
    database = tmp_path / "messages.sqlite3"
    with started("--database", str(database)) as (process, url):
        assert str(database) in process.stdout.readline()
        assert f"SEGMENT_HOST={url} SEGMENT_WRITE_KEY=dev" in process.stdout.readline()

        batch = [track(), {"type": "page", "anonymousId": "a-1"}]
        assert post(url, {"writeKey": "dev", "batch": batch}) == 200
        assert process.stdout.readline() == "track    Order Completed  userId=user-1\n"
        assert process.stdout.readline() == "page     -  anonymousId=a-1\n"
        assert post(url, {"writeKey": "dev", "batch": [{"type": "page"}]}) == 400
        assert process.stdout.readline().startswith("refused  400 no_user_anon_id: ")

        process.send_signal(number)
        assert process.wait(timeout=30) == 0
        assert not process.stdout.read()

    with contextlib.closing(sqlite3.connect(database)) as kept:
        assert kept.execute("SELECT count(*) FROM messages").fetchone() == (2,)


def test_quiet_prints_the_address_alone():
    """With --quiet no line follows for a message, and none for a mistake."""
    with started("--database", ":memory:", "--quiet") as (process, url):
        post(url, {"writeKey": "dev", "batch": [track()]})
        post(url, {"batch": []})
        process.terminate()

        assert len(process.stdout.read().splitlines()) == 2


def test_a_port_in_use_is_one_line_and_code_2():
    """Whoever starts a second collector is told which port to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(*COMMAND, "dev", "--port", str(port), "--database", ":memory:")

    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert f"port {port} on 127.0.0.1" in line
    assert "in use" in line


def test_an_address_that_is_not_here_is_one_line_and_code_2():
    """A host of another machine can't be bound."""
    result = run(*COMMAND, "dev", "--host", "192.0.2.1", "--port", "0")

    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "192.0.2.1" in line


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX's")
def test_a_database_without_write_permission_is_one_line_and_code_2(tmp_path):
    """A file that may only be read can't take messages."""
    database = tmp_path / "messages.sqlite3"
    with running(database=database):
        pass
    database.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        arguments = ["dev", "--port", "0", "--database", str(database)]
        result = run(sys.executable, "-c", WITHOUT_OVERRIDE, *COMMAND, *arguments)
    finally:
        tmp_path.chmod(0o700)

    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert str(database) in line
    assert "readonly" in line


def test_a_file_that_is_no_database_is_one_line_and_code_2(tmp_path):
    """A file of another kind is left alone."""
    path = tmp_path / "notes.txt"
    path.write_text("notes " * 500)

    result = run(*COMMAND, "dev", "--port", "0", "--database", str(path))

    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert "not a database" in line


@pytest.fixture(name="foreground")
def _foreground(monkeypatch):
    """Run `serve` here, with *use* called when it is up; then it is told to end."""

    def foreground(use):
        def patched(*args, on_ready, **kwargs):
            def ready(collector):
                on_ready(collector)
                use(collector, **kwargs)
                signal.raise_signal(signal.SIGTERM)

            serve(*args, on_ready=ready, **kwargs)

        monkeypatch.setattr(dev, "serve", patched)

    return foreground


def test_keeps_messages_in_the_state_directory(
    foreground, monkeypatch, tmp_path, capsys
):
    """Without --database the file is where the user's state is, and is named."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    databases = []
    foreground(lambda collector, **_: databases.append(collector.database))
    before = signal.getsignal(signal.SIGTERM)

    assert called("dev", "--port", "0") == 0

    assert databases[0].is_relative_to(tmp_path)
    assert str(databases[0]) in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_message_cannot_drive_the_terminal(foreground, capsys):
    """Control characters in names are shown as replaced, and long names are cut."""

    def use(collector, on_messages, on_refused, **_):
        on_messages([track("\x1b[31mred\n" + "x" * 200)])
        on_refused(RequestError(400, "invalid_id", "bad \x07.", 3))

    foreground(use)

    assert called("dev", "--port", "0", "--database", ":memory:") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("track    \N{REPLACEMENT CHARACTER}[31mred")
    assert lines[-2].endswith("x…  userId=user-1")
    assert (
        lines[-1]
        == "refused  400 invalid_id: bad \N{REPLACEMENT CHARACTER}. (message 3)"
    )


def test_a_port_in_use_is_told_without_a_traceback(capsys):
    """A setting to mend is an error of the command line, not of the program."""
    with running() as collector:
        port = collector.url.rpartition(":")[2]
        assert called("dev", "--port", port, "--database", ":memory:") == 2

    assert capsys.readouterr().err.startswith("Error: port ")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("desk.example", "desk.example"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
    ],
)
def test_the_url_is_one_that_can_be_opened(host, name):
    """A wildcard is no address to send to, and IPv6 stands in brackets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert _url(host, listener) == f"http://{name}:{listener.getsockname()[1]}"


def test_answers_do_not_wait_for_acknowledgements():
    """Without the protocol's number each answer came 40 ms late."""
    with _bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_ipv6_has_an_address_too():
    """An IPv6 address stands in brackets in the URL, and may read."""
    try:
        with running(host="::1") as collector:
            answer = httpx.get(f"{collector.url}/api/messages", trust_env=False)
    except ConfigurationError:
        pytest.skip("this machine has no IPv6")

    assert collector.url.startswith("http://[::1]:")
    assert json.loads(answer.text) == []


def test_a_host_that_is_not_here_is_refused():
    """An address of another machine is a setting to mend."""
    with (
        pytest.raises(ConfigurationError, match=r"192\.0\.2\.1"),
        running(host="192.0.2.1"),
    ):
        pass


def test_a_port_that_is_none_is_refused():
    """A number that is no port is a setting to mend."""
    with pytest.raises(ConfigurationError, match="port") as caught, running(70_000):
        pass

    assert caught.value.setting == "port"
