"""Servers as people run them: started, visited, ended with SIGTERM."""

import socket
from contextlib import suppress
from importlib.util import find_spec

import pytest
from server_programs import UVICORN, loses_nothing, settings

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
    plain = [*SERVERS[name], "asgi_served:plain"]
    loses_nothing(serve, collector, arguments, without=plain, **quiet)


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
