"""Settings, checks and start-up of the Django app."""

import os
import signal
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command

from segment_integrations import defaults, track
from segment_integrations.django import config, serving
from segment_integrations.errors import ConfigurationError
from segment_integrations.sigterm import DrainFirst

HERE = Path(__file__).parent
SESSION, COMMON, AUTH, OURS, MESSAGES = django_settings.MIDDLEWARE
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"


def found():
    return [
        one.id.rpartition(".")[2]
        for one in run_checks()
        if one.id.startswith("segment_integrations")
    ]


def python(code, **environ):
    """Run *code* in a process of its own that is no test run."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "SEGMENT", "DJANGO"))
    }
    return subprocess.run(  # noqa: PLW1510 - the tests look at the status
        [sys.executable, "-c", code],
        env={**clean, "DJANGO_SETTINGS_MODULE": "django_project", **environ},
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def alone(monkeypatch):
    """No other framework's test has made an `Analytics` first."""
    monkeypatch.setattr(defaults._registry, "first", None)
    monkeypatch.setattr(defaults._registry, "factories", [config.analytics])


def test_w001_missing_key(settings):
    """W001: A missing key is a warning, and one from the environment is none."""
    assert [] == found()
    settings.SEGMENT = {}
    assert ["W001"] == found()
    del settings.SEGMENT
    assert ["W001"] == found()


def test_w001_key_in_the_environment(settings, monkeypatch):
    """W001: The environment's key is as good."""
    monkeypatch.setenv("SEGMENT_WRITE_KEY", "k")
    del settings.SEGMENT
    assert [] == found()


def test_dj12_switched_off(settings, segment_events, wsgi):
    """DJ-12: `ENABLED=False` needs no key and sends nothing."""
    settings.SEGMENT = {"ENABLED": False}
    assert [] == found()
    call_command("check", stdout=StringIO())
    assert b"tracked" == wsgi.get("/tracked").content
    assert [] == segment_events.messages


@pytest.mark.parametrize("code", ["settings.SEGMENT = {}", "del settings.SEGMENT"])
def test_dj12_missing_key_sends_nothing_outside_tests(code):
    """DJ-12: Without a key everything works, nothing is sent, and one line says so."""
    result = python(
        "import django; from django.conf import settings; settings.SEGMENT\n"
        f"{code}\n"
        "django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('check'); call_command('migrate', verbosity=0)\n"
        "import threading; assert threading.active_count() == 1\n"
        "from segment_integrations.django import config; assert not config._made\n"
        "from django.test import Client; Client().get('/tracked')\n"
        "from segment_integrations import track\n"
        "assert track('A', user_id='u') is None\n"
        "assert threading.active_count() == 1\n"
    )
    assert 0 == result.returncode, result.stderr
    assert "W001" in result.stderr
    assert 1 == result.stderr.count(f"{config.MISSING_KEY}\n")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"FLUSHAT": 1}, 'SEGMENT["FLUSH_AT"]'),
        ({"FLUSH_AT": "many"}, 'SEGMENT["FLUSH_AT"] must be a positive whole number'),
        ({"write_key": "k"}, 'in capitals, as in SEGMENT["WRITE_KEY"]'),
        ({"USER": "no.such:thing"}, 'SEGMENT["USER"] can not be imported'),
        ([], "SEGMENT must be a dict, got list"),
    ],
)
def test_e001_wrong_setting_fails_at_the_start(settings, given, text):
    """E001: A wrong setting is a check's error and stops every server."""
    settings.SEGMENT = given
    (error,) = (one for one in run_checks() if "E001" in str(one.id))
    assert text in error.msg
    with pytest.raises(ConfigurationError) as caught:
        WSGIHandler()
    assert text in str(caught.value)


def test_e001_wrong_setting_never_raises_from_a_call(alone, settings, caplog):
    """E001: In code that runs without checks, calls do nothing and a line says why."""
    settings.SEGMENT = {"FLUSHAT": 1}
    assert track("A", user_id="u") is None
    assert 'SEGMENT["FLUSHAT"] is no setting' in caplog.text


@pytest.mark.parametrize(
    ("content", "given", "text"),
    [
        ("{", {}, "plan.json: is no JSON: line 1, column 2"),
        ("[]", {"PLAN_MODE": "omitt"}, 'SEGMENT["PLAN_MODE"] has no word'),
        ("[]", {"PLAN": None, "PLAN_MODE": "omit"}, 'set SEGMENT["PLAN"]'),
    ],
)
@pytest.mark.usefixtures("alone")
def test_e001_plan_that_can_not_be_used_fails_at_the_start(
    settings, tmp_path, content, given, text
):
    """E001: Not at the first request, whose code would not be reached."""
    pytest.importorskip("jsonschema_rs")
    path = tmp_path / "plan.json"
    path.write_text(content)
    settings.SEGMENT = {"WRITE_KEY": "k", "PLAN": path, **given}
    (error,) = (one for one in run_checks() if "E001" in str(one.id))
    assert text in error.msg
    with pytest.raises(ConfigurationError) as caught:
        WSGIHandler()
    assert text in str(caught.value)
    assert config.analytics().track("A", user_id="u") is None


def test_a_plan_is_loaded_at_the_start_and_not_in_the_first_request(
    alone, settings, tmp_path
):
    """What was in the file when the server started counts, and is read once."""
    pytest.importorskip("jsonschema_rs")
    path = tmp_path / "plan.json"
    path.write_text("[]")
    settings.SEGMENT = {"WRITE_KEY": "k", "PLAN": path}
    WSGIHandler()
    path.unlink()
    path.write_text("{")
    analytics = config.analytics()
    assert () == analytics.settings.plan.rules


def test_app_is_needed(settings):
    """The middleware without the app stops the start, and says what is missing."""
    settings.INSTALLED_APPS = settings.INSTALLED_APPS[:-1]
    with pytest.raises(ConfigurationError, match="INSTALLED_APPS"):
        WSGIHandler()


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([SESSION, AUTH, OURS], []),
        ([SESSION, AUTH], []),
        ([SESSION, OURS, AUTH], ["W002"]),
        ([OURS, SESSION, AUTH], ["W002"]),
        ([SESSION, OURS], ["W002"]),
        ([OURS], ["W002"]),
        (["no.such.Middleware", SESSION, AUTH, OURS, FETCH], []),
        ([SESSION, AUTH, FETCH, OURS], ["W003"]),
        (["django.middleware.cache.CacheMiddleware", SESSION, AUTH, OURS], ["W003"]),
        ([SESSION, "django_neighbours.OwnAuthentication", OURS], []),
    ],
)
def test_w002_w003_order(settings, middleware, expected):
    """W002, W003: The place of the middleware is checked."""
    settings.MIDDLEWARE = middleware
    assert expected == found()


def test_w002_without_users_at_all():
    """W002: A project without Django's users can be checked too."""
    result = python(
        "import django; from django.conf import settings\n"
        "settings.INSTALLED_APPS = ['segment_integrations.django']\n"
        f"settings.MIDDLEWARE = ['no.such', {OURS!r}]; settings.DATABASES = {{}}\n"
        "settings.ROOT_URLCONF = 'django_neighbours'\n"
        "django.setup()\n"
        "from segment_integrations.django.checks import check_middleware\n"
        "print([one.id for one in check_middleware()])"
    )
    assert "['segment_integrations.W002']\n" == result.stdout, result.stderr


def test_w002_not_where_the_application_says_who(settings):
    """W002: Where a `USER` callable tells, no place is wrong."""
    settings.MIDDLEWARE = [OURS]
    settings.SEGMENT = {"WRITE_KEY": "k", "USER": str}
    assert [] == found()
    settings.SEGMENT = {"WRONG": 1}
    assert ["E001", "W002"] == sorted(found())


def test_pr5_override_settings(wsgi, settings, segment_events):
    """PR-5: A changed setting is in force at the next request, and afterwards."""
    wsgi.get("/plain")
    former = config.analytics()
    settings.SEGMENT = {"PAGES": "off", "IP": "drop"}
    wsgi.get("/tracked")
    first, second, third = segment_events.messages
    assert ["page", "track", "track"] == [one["type"] for one in (first, second, third)]
    assert "ip" in first["context"]
    assert "ip" not in second["context"]
    assert former.is_closed
    assert former not in defaults.opened()
    assert config.analytics() is config.analytics()


def test_module_level_calls_use_the_settings(alone, settings, segment_events):
    """`track()` in a command or a shell goes by `SEGMENT`."""
    settings.SEGMENT = {"PROCESSORS": ["django_neighbours:stamp"]}
    track("A", user_id="u")
    segment_events.assert_tracked("A", properties={"stamped": True})


def test_closed_analytics_is_replaced(wsgi, segment_events):
    """LS-5: After somebody has closed it, the next request works again."""
    config.analytics().close()
    wsgi.get("/plain")
    segment_events.assert_page("/plain")


def test_one_analytics_under_a_race():
    """Two threads that come first at once get the same one."""
    config.on_setting_changed(setting="SEGMENT")
    barrier = threading.Barrier(8)
    got = []

    def ask():
        barrier.wait()
        got.append(config.analytics())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len({id(one) for one in got})
    assert not got[0].is_closed


@pytest.mark.parametrize(
    ("argv", "installs"),
    [(["manage.py", "runserver"], True), (["manage.py", "migrate"], False)],
)
def test_sigterm_handler_only_for_runserver(monkeypatch, argv, installs):
    """Only `runserver` gets a handler, and only where nobody has set one."""
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(serving, "_SERVERS", frozenset())  # other tests import some
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        serving.drain_at_sigterm()
        assert installs is isinstance(signal.getsignal(signal.SIGTERM), DrainFirst)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        serving.drain_at_sigterm()
        assert signal.SIG_IGN is signal.getsignal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


PROCESS = """
import sys, os, signal, time
sys.argv = {argv!r}
{before}
import django
from django.conf import settings
settings.SEGMENT = {{"WRITE_KEY": "k"}}
django.setup()
from segment_integrations import Analytics
from segment_integrations.core.ports import Answer
class Transport:
    def send(self, batch):
        with open({log!r}, "a") as file:
            file.write(str(len(batch.bodies)))
        return Answer(200)
analytics = Analytics("k", transport=Transport(), flush_interval=60)
analytics.track("A", user_id="u")
{after}
"""
KILL = "os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)"
UVICORN = """
import uvicorn
async def app(scope, receive, send): ...
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
"""
RUN = """
import asyncio
async def serve():
    asyncio.get_running_loop().call_later(
        0.5, os.kill, os.getpid(), signal.SIGTERM
    )
    await server.serve()
asyncio.run(serve())
"""
SETUP = """
from segment_integrations.django import serving
with server.capture_signals():
    serving.drain_at_sigterm()
    os.kill(os.getpid(), signal.SIGTERM)
time.sleep(30)
"""


@pytest.mark.parametrize(
    ("argv", "before", "after"),
    [
        (["manage.py", "runserver"], "", KILL),
        (["uvicorn"], UVICORN, RUN),
        (["uvicorn"], f"import uvicorn.server{UVICORN}", SETUP),
    ],
    ids=["runserver", "uvicorn", "uvicorn-loads-the-app-late"],
)
def test_pr2_sigterm_loses_nothing_and_keeps_the_status(tmp_path, argv, before, after):
    """PR-2: A server that ends by SIGTERM itself has sent what was queued."""
    log = tmp_path / "sent"
    code = PROCESS.format(argv=argv, before=before, after=after, log=str(log))
    result = python(code)
    assert -signal.SIGTERM == result.returncode, result.stderr
    assert "1" == log.read_text()
