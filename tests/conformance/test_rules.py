"""What holds everywhere: RULE-1 to RULE-4."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from neutral import ANONYMOUS, HTML, Reply, browser

from segment_integrations import Analytics, track
from segment_integrations.core.request import RequestInfo, ResponseInfo

SECRET = "ada@example.com"


def failing(*_):
    raise LookupError(SECRET)


# -- RULE-1: fail open ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "hook"),
    [
        ({"user": failing}, "user"),
        ({"group": failing}, "group"),
        ({"consent": failing}, "consent"),
        ({"exclude": [failing]}, "exclude"),
        ({"processors": [failing]}, "processor"),
        ({"user": lambda _: {"id": SECRET}}, "user"),
    ],
    ids=["user", "group", "consent", "exclude", "processor", "user of a wrong type"],
)
def test_rule_1_a_hook_that_raises(make_site, log, settings, hook):
    """A raising hook never reaches the response, and is logged once, with no data."""
    site = make_site({"/": lambda _: (track("Seen"), Reply())[1]}, **settings)
    for _ in range(3):
        answer = site.visit()
        assert answer.status == 200
        assert answer.body == b"<h1>Hello</h1>"
    lines = [line for line in log() if "not sent" not in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"{hook} failed with ")
    assert "the request is not affected" in lines[0]
    assert SECRET not in " ".join(log())


@pytest.mark.parametrize("hook", ["user", "group"])
def test_rule_1_an_event_survives_its_hooks(make_site, hook):
    """Where `user` or `group` raises, the event is sent without the answer."""
    site = make_site(**{hook: failing})
    site.visit()
    (page,) = site.events.pages
    assert page["anonymousId"] == ANONYMOUS
    assert "userId" not in page
    assert "groupId" not in page["context"]


class _Sink:
    def __init__(self, error=None):
        self.error = error
        self.bodies = []

    def put(self, body, message):
        if self.error is not None:
            raise self.error
        self.bodies.append(json.loads(body))


def test_rule_1_a_sink_that_raises(log):
    """A raising sink costs the message, which is counted, and one line each."""
    with Analytics("key", sink=_Sink(LookupError(SECRET))) as analytics:
        assert analytics.track("Seen", user_id="u-1") is None
        assert analytics.track("Seen", user_id="u-1") is None
        assert dict(analytics.stats().dropped) == {"failed": 2}
    assert len(log()) == 2
    assert SECRET not in " ".join(log())


def test_rule_1_an_on_drop_that_raises(log):
    """A raising `on_drop` is logged once, and the next drop is told again."""
    told = []

    def on_drop(reason, count):
        told.append((reason, count))
        raise LookupError(SECRET)

    with Analytics("key", sink=_Sink(), on_drop=on_drop) as analytics:
        assert analytics.track("Seen") is None
        assert analytics.track("Seen") is None
    assert [("no_identity", 1)] * 2 == told
    assert [line for line in log() if line.startswith("on_drop failed with Lookup")]
    assert SECRET not in " ".join(log())


class Stop(BaseException):
    """As a cancellation or an exit."""


def stopping(*_):
    raise Stop


@pytest.mark.parametrize(
    "settings",
    [
        {"user": stopping},
        {"group": stopping},
        {"consent": stopping},
        {"processors": [stopping]},
        {"sink": _Sink(Stop())},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_rule_1_what_is_no_exception_passes(settings):
    """A cancellation or an exit is never swallowed on the way."""
    with (
        Analytics("key", **{"sink": _Sink(), **settings}) as analytics,
        analytics.request(RequestInfo(headers=browser())),
        pytest.raises(Stop),
    ):
        analytics.track("Seen")


def test_rule_1_what_is_no_exception_passes_the_policy():
    """The same in `exclude`, which the automatic page call asks."""
    with (
        Analytics("key", sink=_Sink(), exclude=[stopping]) as analytics,
        analytics.request(RequestInfo(headers=browser())) as context,
        pytest.raises(Stop),
    ):
        context.observe(ResponseInfo(200, dict([HTML])))


def test_rule_1_a_view_that_raises(make_site, bare_site, log):
    """The client of a failing view sees what it would see without us."""

    def view(_):
        raise LookupError(SECRET)

    without = bare_site({"/": view}).visit()
    site = make_site({"/": view})
    answer = site.visit()
    assert (without.status, without.headers) == (answer.status, answer.headers)
    assert without.body == answer.body
    assert answer.status == 500
    assert [] == site.events.messages
    assert [] == log()


# -- RULE-2: nothing of the response changes ------------------------------------------

REPLIES = {
    "plain": Reply(),
    "empty": Reply(body=b""),
    "no content": Reply(204, [], b""),
    "not modified": Reply(304, [("ETag", '"1"')], b""),
    "redirect": Reply(302, [HTML, ("Location", "/x?a=b")], b""),
    "error": Reply(503, [HTML, ("Retry-After", "7")], b"<p>later</p>"),
    "teapot": Reply(418, [("Content-Type", "text/plain")], b"short and stout"),
    "cookies": Reply(
        headers=[HTML, ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/")]
    ),
    "our cookie": Reply(headers=[HTML, ("Set-Cookie", "ajs_anonymous_id=own; Path=/")]),
    "vary": Reply(headers=[HTML, ("Vary", "Accept"), ("Cache-Control", "private")]),
    "latin-1": Reply(headers=[HTML, ("X-Name", "caf\xe9")]),
    "big": Reply(body=b"x" * 1_000_000),
    "gzip": Reply(
        headers=[HTML, ("Content-Encoding", "gzip")],
        body=gzip.compress(b"<p>", mtime=0),
    ),
    "stream": Reply(chunks=[b"<p>", b"", b"one</p>", b"x" * 70_000]),
    "empty stream": Reply(chunks=[]),
    "event stream": Reply(
        headers=[("Content-Type", "text/event-stream")], chunks=[b"data: 1\n\n"] * 3
    ),
    "no type": Reply(headers=[], body=b"\x00\xff"),
    "download": Reply(
        headers=[
            ("Content-Type", "text/csv"),
            ("Content-Disposition", "attachment; filename*=UTF-8''%e2%82%ac.csv"),
        ],
        body=b"a,b\n",
    ),
    "strange type": Reply(headers=[("Content-Type", ";;=,")]),
    "odd status": Reply(299, [HTML]),
}


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_rule_2_the_response_is_as_without_us(make_site, bare_site, name, method):
    """Status, headers, their order and the body are the same with and without us."""
    routes = {"/": lambda _: REPLIES[name]}
    headers = browser()
    without = bare_site(routes).send("/", method, headers=headers)
    site = make_site(routes)
    answer = site.send("/", method, headers=headers)
    assert without == answer


def test_rule_2_the_framework_s_own_answers(make_site, bare_site):
    """A 404 and a refused method look as without us."""
    for path, method in [("/nowhere", "GET"), ("/nowhere", "POST"), ("//", "GET")]:
        without = bare_site({"/": lambda _: Reply()}).send(path, method)
        assert without == make_site().send(path, method)


# -- RULE-3 and RULE-4: no patches, no imports ----------------------------------------

SHOW_LOADED = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
WITHOUT = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
try:
    importlib.import_module(f"segment_integrations.{sys.argv[2]}")
except ImportError as error:
    print(error)
"""

HERE = str(Path(__file__).parent)
QUIET = ("-W", "ignore:It is recommended to use web.RequestKey")  # aiohttp-session

FRAMEWORKS = {
    "starlette": {"starlette"},
    "fastapi": {"starlette", "fastapi"},
    "flask": {"flask", "werkzeug"},
    "quart": {"quart", "flask", "werkzeug"},  # it is built on parts of Flask
    "litestar": {"litestar"},
    "aiohttp": {"aiohttp"},
    "django.middleware": {"django"},
    "asgi": set(),
    "wsgi": set(),
}
ALL = {
    *["starlette", "fastapi", "flask", "werkzeug", "django", "litestar", "quart"],
    "aiohttp",
}


def in_a_fresh_interpreter(*arguments):
    done = subprocess.run(
        [sys.executable, "-W", "error", *QUIET, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": HERE},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "framework",
    ["starlette", "fastapi", "flask", "quart", "litestar", "aiohttp", "django"],
)
def test_rule_3_nothing_is_patched(framework):
    """No class or function of a framework is another one after we were used."""
    in_a_fresh_interpreter("-m", "unpatched", framework)


def test_rule_4_the_package_imports_no_framework():
    """`import segment_integrations` loads no framework, no client, no pytest."""
    loaded = in_a_fresh_interpreter("-c", f"import segment_integrations; {SHOW_LOADED}")
    assert not set(loaded.split()) & {
        *ALL,
        "asgiref",
        "celery",
        "click",
        "httpx",
        "pytest",
        "requests",
        "rich",
        "segment",
        "uvicorn",
    }


@pytest.mark.parametrize("module", FRAMEWORKS)
def test_rule_4_a_framework_s_module_imports_only_it(module):
    """`segment_integrations.<framework>` loads that framework and no other."""
    loaded = in_a_fresh_interpreter(
        "-c", f"import segment_integrations.{module}; {SHOW_LOADED}"
    )
    assert FRAMEWORKS[module] == set(loaded.split()) & ALL


@pytest.mark.parametrize(
    "framework",
    ["starlette", "fastapi", "flask", "quart", "litestar", "aiohttp", "django"],
)
def test_rule_4_a_missing_extra(framework):
    """Without the framework the import fails with an error that names it."""
    module = "django.middleware" if framework == "django" else framework
    said = in_a_fresh_interpreter("-c", WITHOUT, framework, module)
    assert framework in said
