"""The plain WSGI middleware: what is peculiar to WSGI."""

import threading
import traceback
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from asgi_visits import Recorder

from segment_integrations import (
    Analytics,
    ConfigurationError,
    bind,
    current,
    propagate,
    set_user,
    track,
)
from segment_integrations.testing import BROWSER_HEADERS
from segment_integrations.wsgi import KEY, SegmentMiddleware, analytics_from

HTML = [("Content-Type", "text/html"), ("Cache-Control", "no-cache")]


def environ_of(path="/", cookie="ajs_anonymous_id=anon-1", **more):
    environ = {"PATH_INFO": path, "SCRIPT_NAME": "", "REMOTE_ADDR": "192.0.2.7"}
    setup_testing_defaults(environ)
    for name, value in BROWSER_HEADERS.items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    if cookie:
        environ["HTTP_COOKIE"] = cookie
    return {**environ, **more}


class Started:
    """A server's start_response that notes its calls."""

    def __init__(self):
        self.calls = []
        self.written = []

    def __call__(self, status, headers, exc_info=None):
        self.calls.append((status, list(headers), exc_info))
        return self.written.append


def page(environ, start_response):
    start_response("200 OK", HTML)
    return [b"<p>"]


def call(app, environ=None):
    started = Started()
    body = app(environ_of() if environ is None else environ, started)
    return started, b"".join(body)


def test_page_call_of_a_plain_page(analytics, recorder):
    """A browser's navigation to an HTML page is one page call, with its facts."""
    app = SegmentMiddleware(page, analytics)
    environ = environ_of("/caf\xc3\xa9", QUERY_STRING="utm_source=x&email=a@b.c")
    call(app, environ)
    (message,) = recorder
    assert message["type"] == "page"
    assert message["anonymousId"] == "anon-1"
    assert message["properties"] == {
        "path": "/café",
        "referrer": "",
        "search": "?utm_source=x",
        "url": "http://127.0.0.1/caf%C3%A9?utm_source=x",
        "method": "GET",
        "status": 200,
    }
    assert message["context"]["ip"] == "192.0.2.7"


def test_ctx_3_a_reused_environ_and_thread_start_anew(analytics, recorder):
    """Of two requests with one environ dict, the second knows nothing of the first."""

    def view(environ, start_response):
        if environ["PATH_INFO"] == "/login":
            set_user("a")
        track("Seen")
        return page(environ, start_response)

    app = SegmentMiddleware(view, analytics)
    environ = environ_of("/login")
    call(app, environ)
    assert KEY not in environ
    environ["PATH_INFO"] = "/"
    call(app, environ)
    assert ["a", "a", None, None] == [one.get("userId") for one in recorder]
    assert ["/login", "/login", "/", "/"] == [
        one["context"]["page"]["path"] for one in recorder
    ]


def test_ctx_3_a_copied_environ_of_an_ended_request_is_a_new_request(
    analytics, recorder
):
    """A copy that an inner layer made and kept does not bring the old holder back."""
    kept = []

    def copying(environ, start_response):
        kept.append(dict(environ))
        set_user("a")
        return page(kept[-1], start_response)

    app = SegmentMiddleware(copying, analytics)
    call(app)
    assert KEY in kept[0]
    call(SegmentMiddleware(page, analytics), kept[0])
    assert ["a", None] == [one.get("userId") for one in recorder]


@pytest.mark.parametrize("is_copied", [False, True])
def test_ctx_5_installed_twice_is_one_page_and_one_holder(
    analytics, recorder, is_copied
):
    """Two middlewares around one another make one holder and one page call."""
    holders = []

    def outer(app):
        def layer(environ, start_response):
            holders.append(current())
            return app(dict(environ) if is_copied else environ, start_response)

        return layer

    def view(environ, start_response):
        holders.append(current())
        return page(environ, start_response)

    twice = SegmentMiddleware(view, analytics)
    call(SegmentMiddleware(outer(twice), analytics))
    assert ["page"] == recorder.names()
    assert holders[0] is holders[1] is not None


def test_ctx_6_an_inner_app_in_process_has_its_own_holder(analytics, recorder):
    """A request made inside a request has its own holder; the outer one is back."""
    inner_sent = Recorder()

    def inner_view(environ, start_response):
        set_user("inner")
        track("Inner")
        return page(environ, start_response)

    with Analytics("other", sink=inner_sent) as other:
        inner = SegmentMiddleware(inner_view, other)

        def outer_view(environ, start_response):
            set_user("outer")
            call(inner)
            track("Outer")
            return page(environ, start_response)

        call(SegmentMiddleware(outer_view, analytics))
    assert ["Inner", "page"] == inner_sent.names()
    assert {"inner"} == {one["userId"] for one in inner_sent}
    assert ["Outer", "page"] == recorder.names()
    assert {"outer"} == {one["userId"] for one in recorder}


def test_ctx_7_nothing_is_bound_afterwards_and_an_outer_block_is_back(
    analytics, recorder
):
    """The previous holder is back by value, after an exception too."""

    def failing(environ, start_response):
        set_user("x")
        raise KeyError("view")

    app = SegmentMiddleware(failing, analytics)
    with bind(user_id="job") as outer:
        with pytest.raises(KeyError):
            call(app)
        assert current() is outer
    assert current() is None
    assert [] == recorder


def test_ctx_7_a_body_closed_by_another_thread_is_silent(recorder, caplog):
    """A streamed body may be begun here, and be ended and closed twice elsewhere."""
    with Analytics("key", sink=recorder, stream_context=True) as analytics:

        def view(environ, start_response):
            start_response("200 OK", HTML)

            def parts():
                try:
                    track("One")
                    yield b"1"
                finally:
                    track("Closed")

            return parts()

        body = SegmentMiddleware(view, analytics)(environ_of(), Started())
        assert b"1" == next(body)
        assert current() is None
        thread = threading.Thread(target=lambda: (body.close(), body.close()))
        thread.start()
        thread.join()
    assert ["page", "One", "Closed"] == recorder.names()
    assert {"anon-1"} == {one["anonymousId"] for one in recorder}
    assert [] == caplog.records


def test_ctx_9_threads_see_nothing_unless_propagated(analytics, recorder):
    """A plain thread has no holder; `propagate` carries it."""
    seen = []

    def view(environ, start_response):
        for work in (
            lambda: seen.append(current()),
            propagate(lambda: seen.append(current())),
        ):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        seen.append(current())
        return page(environ, start_response)

    call(SegmentMiddleware(view, analytics))
    assert seen[0] is None
    assert seen[1] is seen[2] is not None


def test_ctx_10_a_holder_outlives_its_request(analytics):
    """What still runs after the response keeps the identity as it was."""
    kept = []

    def view(environ, start_response):
        set_user("u")
        kept.append(current())
        return page(environ, start_response)

    call(SegmentMiddleware(view, analytics))
    assert "u" == kept[0].user_id


@pytest.mark.parametrize(
    "make", [lambda: [b"a"], lambda: iter([b"a"]), lambda: (one for one in [b"a"])]
)
def test_rule_2_the_very_body_is_returned(analytics, make):
    """The iterable that the application made is handed on, not a wrapper of it."""
    body = make()

    def view(environ, start_response):
        start_response("200 OK", HTML)
        return body

    assert SegmentMiddleware(view, analytics)(environ_of(), Started()) is body


@pytest.mark.parametrize("kind", ["file", "list"])
def test_rule_2_files_and_lists_are_never_wrapped(recorder, kind, tmp_path):
    """Even with `stream_context`, a server recognises its own file wrapper."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with (
        Analytics("key", sink=recorder, stream_context=True) as analytics,
        path.open("rb") as file,
    ):
        body = FileWrapper(file) if kind == "file" else [b"x"]

        def view(environ, start_response):
            start_response("200 OK", HTML)
            return body

        app = SegmentMiddleware(view, analytics)
        environ = environ_of(**{"wsgi.file_wrapper": FileWrapper})
        assert app(environ, Started()) is body


def test_stream_context_binds_the_holder_in_each_step(recorder):
    """With the setting, a streamed body's events are the request's own."""
    with Analytics("key", sink=recorder, stream_context=True) as analytics:

        def view(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])

            def parts():
                track("Streamed")
                yield b"1"

            return parts()

        app = SegmentMiddleware(view, analytics)
        with bind(user_id="somebody else") as outer:
            _, body = call(app)
            assert current() is outer
    assert b"1" == body
    (message,) = recorder
    assert "anon-1" == message["anonymousId"]
    assert "userId" not in message


def test_stream_context_lets_exceptions_through(recorder):
    """A body that raises, raises; one without `close` may be closed."""

    class Body:
        def __iter__(self):
            return self

        def __next__(self):
            raise KeyError("body")

    with Analytics("key", sink=recorder, stream_context=True) as analytics:

        def view(environ, start_response):
            start_response("200 OK", HTML)
            return Body()

        body = SegmentMiddleware(view, analytics)(environ_of(), Started())
        with pytest.raises(KeyError):
            next(iter(body))
        body.close()
    assert current() is None


def test_an_app_that_is_a_generator_has_its_page_call(analytics, recorder):
    """Where start_response comes with the first step of the body, so does the page."""

    def view(environ, start_response):
        start_response("200 OK", HTML)
        yield b"1"

    _, body = call(SegmentMiddleware(view, analytics))
    assert b"1" == body
    assert ["page"] == recorder.names()


def test_start_response_twice_passes_through(analytics, recorder):
    """An error after the start reaches the server as it was, and counts no page."""
    error = (ValueError, ValueError("x"), None)

    def view(environ, start_response):
        write = start_response("200 OK", HTML)
        write(b"early")
        start_response("500 Oops", [("Content-Type", "text/html")], error)
        start_response("500 Oops", [], exc_info=error)
        return [b"late"]

    started, body = call(SegmentMiddleware(view, analytics))
    assert b"late" == body
    assert [b"early"] == started.written
    assert [
        ("200 OK", HTML, None),
        ("500 Oops", [("Content-Type", "text/html")], error),
        ("500 Oops", [], error),
    ] == started.calls
    assert ["page"] == recorder.names()


def test_a_junk_status_reaches_the_server(analytics, recorder):
    """What we can not read is the server's to judge."""

    def view(environ, start_response):
        start_response("fine", HTML)
        return []

    started, _ = call(SegmentMiddleware(view, analytics))
    assert "fine" == started.calls[0][0]
    assert [] == recorder


def test_rule_1_exceptions_pass_with_one_frame_of_ours(analytics):
    """The same exception object comes out, its traceback longer by one frame."""
    error = KeyError("view")

    def view(environ, start_response):
        raise error

    with pytest.raises(KeyError) as caught:
        SegmentMiddleware(view, analytics)(environ_of(), Started())
    assert caught.value is error
    frames = [one.filename for one in traceback.extract_tb(error.__traceback__)]
    assert 1 == sum("segment_integrations" in name for name in frames)


def test_pg_7_no_header_changes(analytics, recorder):
    """A cacheable page's headers are the same objects with and without us."""
    headers = [("Content-Type", "text/html"), ("Cache-Control", "public, max-age=60")]

    def view(environ, start_response):
        start_response("200 OK", headers)
        return [b""]

    plain, _ = call(view)
    ours, _ = call(SegmentMiddleware(view, analytics))
    assert plain.calls == ours.calls
    assert ["page"] == recorder.names()


def test_an_anonymous_id_is_minted_where_it_is_asked_for(recorder):
    """With `anonymous_cookie` the new visitor's page carries the id of the cookie."""
    with Analytics("key", sink=recorder, anonymous_cookie=True) as analytics:
        started, _ = call(SegmentMiddleware(page, analytics), environ_of(cookie=""))
        again, _ = call(SegmentMiddleware(page, analytics))
    (name, value) = started.calls[0][1][-1]
    assert "Set-Cookie" == name
    assert value.startswith(f"ajs_anonymous_id={recorder[0]['anonymousId']}; ")
    assert HTML == started.calls[0][1][:-1]
    assert HTML == again.calls[0][1]


def test_an_error_page_repeats_the_cookie(recorder):
    """The second call's headers replace the first one's, so they have it too."""

    def view(environ, start_response):
        start_response("200 OK", HTML)
        start_response("500 Oops", HTML, (ValueError, ValueError(), None))
        return []

    with Analytics("key", sink=recorder, anonymous_cookie=True) as analytics:
        started, _ = call(SegmentMiddleware(view, analytics), environ_of(cookie=""))
    first, second = (dict(headers)["Set-Cookie"] for _, headers, _ in started.calls)
    assert first == second


def test_a_proxy_inside_or_outside_is_believed(analytics, recorder):
    """Scheme, host and peer are read late, so a proxy layer below us counts too."""

    def proxy(app):
        def layer(environ, start_response):
            environ["wsgi.url_scheme"] = "https"
            environ["HTTP_HOST"] = "shop.example"
            environ["REMOTE_ADDR"] = "203.0.113.9"
            return app(environ, start_response)

        return layer

    call(SegmentMiddleware(proxy(page), analytics))
    call(proxy(SegmentMiddleware(page, analytics)))
    assert ["https://shop.example/"] * 2 == [
        one["properties"]["url"] for one in recorder
    ]
    assert ["203.0.113.9"] * 2 == [one["context"]["ip"] for one in recorder]


def test_user_and_consent_callables_are_given_the_environ(recorder):
    """Under plain WSGI the native request is the environ."""

    def user(environ):
        return environ["HTTP_X_USER"]

    with Analytics("key", sink=recorder, user=user) as analytics:
        call(SegmentMiddleware(page, analytics), environ_of(HTTP_X_USER="jwt-1"))
    assert "jwt-1" == recorder[0]["userId"]


def test_pv_1_a_referrer_of_this_site_is_cleaned(analytics, recorder):
    """Without a router, a same-site referrer keeps its path and loses its query."""
    referrer = "http://127.0.0.1/a?email=a@b.c"
    call(SegmentMiddleware(page, analytics), environ_of(HTTP_REFERER=referrer))
    assert "http://127.0.0.1/a" == recorder[0]["properties"]["referrer"]


def test_rule_1_an_environ_that_we_can_not_read_is_served(analytics, recorder, caplog):
    """Where our own part fails, the application answers as it would without us."""
    environ = environ_of(PATH_INFO=None)
    started, body = call(SegmentMiddleware(page, analytics), environ)
    assert ("200 OK", b"<p>") == (started.calls[0][0], body)
    assert [] == recorder
    assert KEY not in environ
    assert "request failed with TypeError" in caplog.text


def test_analytics_from_environ(analytics):
    """The request's own comes first, then the default one."""
    seen = []

    def view(environ, start_response):
        seen.append(analytics_from(environ))
        return page(environ, start_response)

    with Analytics("second", sink=Recorder()) as second:
        call(SegmentMiddleware(view, second))
        assert [second] == seen
    assert analytics_from({KEY: "junk"}) is not None


@pytest.mark.parametrize("stream_context", [False, True])
def test_analytics_from_environ_in_a_body_that_is_made_later(analytics, stream_context):
    """A generator is asked when its application has returned: the same answer."""
    seen = []

    def view(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        yield b"<p>"
        seen.append(analytics_from(environ))

    with Analytics("b", sink=Recorder(), stream_context=stream_context) as second:
        call(SegmentMiddleware(view, second))
        assert [second] == seen


def test_analytics_from_without_any(monkeypatch):
    """Without a middleware and a key it says so."""
    monkeypatch.setattr("segment_integrations.wsgi.analytics_now", lambda: None)
    with pytest.raises(ConfigurationError, match="no SegmentMiddleware"):
        analytics_from({})


def test_settings_are_checked_at_construction(monkeypatch):
    """Wrong settings fail where the application is put together."""
    with pytest.raises(ConfigurationError, match="flush_at"):
        SegmentMiddleware(page, write_key="key", flush_at=0)
    with pytest.raises(ConfigurationError, match="not both"):
        SegmentMiddleware(page, Analytics("key", sink=Recorder()), flush_at=1)
    monkeypatch.setenv("SEGMENT_WRITE_KEY", "from the environment")
    with SegmentMiddleware(page).analytics as made:
        assert "from the environment" == made.settings.write_key


def test_no_identity_is_no_page(analytics, recorder):
    """A visitor of whom nothing is known sends nothing."""
    call(SegmentMiddleware(page, analytics), environ_of(cookie=""))
    assert [] == recorder
    assert {"no_identity": 1} == analytics.stats().pages
