"""The trace on each event, with OpenTelemetry's own SDK and instrumentations."""

import asyncio
import subprocess
import sys
import threading
from contextvars import copy_context
from functools import partial
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path as url
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_integrations import Analytics, asgi, bind, propagate, track, wsgi
from segment_integrations.flask import Segment
from segment_integrations.starlette import SegmentMiddleware
from segment_integrations.testing import BROWSER_HEADERS, capture

pytest.importorskip("opentelemetry.sdk")
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as OtelAsgi
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as OtelWsgi
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"traceparent": f"00-{PARENT}-00f067aa0ba902b7-01"}
CALLED = {**BROWSER_HEADERS, **TRACED, "Cookie": "ajs_anonymous_id=visitor-0001"}


@pytest.fixture(name="otel")
def _otel():
    """A provider of this test's own, for the global one can be set only once."""
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    yield SimpleNamespace(provider=provider, spans=exported.get_finished_spans)
    provider.shutdown()


@pytest.fixture(name="tracer")
def _tracer(otel):
    return otel.provider.get_tracer("tests")


@pytest.fixture(name="events")
def _events():
    with capture() as events:
        yield events


@pytest.fixture(name="analytics")
def _analytics(events):
    with Analytics("key") as analytics:
        yield analytics


def ids(span):
    """As OpenTelemetry itself writes them."""
    found = span.get_span_context()
    return {
        "traceId": trace.format_trace_id(found.trace_id),
        "spanId": trace.format_span_id(found.span_id),
    }


# -- any code -----------------------------------------------------------------------


def test_each_call_has_the_active_span(analytics, events, tracer):
    """All six calls carry the ids of the span that they are made in."""
    with tracer.start_as_current_span("outer") as outer:
        analytics.track("Seen", user_id="u-1")
        with tracer.start_as_current_span("inner") as inner, bind(user_id="u-1"):
            analytics.identify("u-1")
            analytics.group("g-1")
            analytics.page("Home")
            analytics.screen("Home")
            analytics.alias("u-1", previous_id="u-0")
    analytics.track("Seen", user_id="u-1")
    traces = [one["context"].get("trace") for one in events.messages]
    assert [ids(outer), *[ids(inner)] * 5, None] == traces
    assert len(traces[0]["traceId"]) == 32
    assert len(traces[0]["spanId"]) == 16


def test_ids_keep_their_zeros_in_front(analytics, events):
    """An id that is a small number has all its digits."""
    span = trace.NonRecordingSpan(trace.SpanContext(0xAB, 0xC, is_remote=True))
    with trace.use_span(span):
        analytics.track("Seen", user_id="u-1")
    (one,) = events.tracks
    assert {"traceId": "ab".zfill(32), "spanId": "c".zfill(16)} == one["context"][
        "trace"
    ]


@pytest.mark.parametrize(
    "span",
    [
        trace.INVALID_SPAN,
        trace.NonRecordingSpan(trace.SpanContext(0, 1, is_remote=False)),
        trace.NonRecordingSpan(trace.SpanContext(1, 0, is_remote=False)),
    ],
    ids=["invalid", "no trace", "no span"],
)
def test_a_span_without_ids_leaves_none(analytics, events, span):
    """An invalid span, or one with an id of zero, stamps nothing."""
    with trace.use_span(span):
        analytics.track("Seen", user_id="u-1")
    (one,) = events.tracks
    assert "trace" not in one["context"]


def test_an_unsampled_span_has_ids_too(analytics, events):
    """A span that is not exported is named all the same, as it is in logs."""
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("tests")
    with tracer.start_as_current_span("unsampled") as span:
        assert not span.is_recording()
        analytics.track("Seen", user_id="u-1")
    (one,) = events.tracks
    assert ids(span) == one["context"]["trace"]


def test_what_the_caller_says_of_the_trace_wins(analytics, events, tracer):
    """A `context` of the call or of `bind` with a trace of its own is left alone."""
    with tracer.start_as_current_span("outer"):
        analytics.track("Seen", user_id="u-1", context={"trace": {"traceId": "mine"}})
        with bind(user_id="u-1", context={"trace": "bound"}):
            analytics.track("Seen")
    assert [{"traceId": "mine"}, "bound"] == [
        one["context"]["trace"] for one in events.tracks
    ]


def test_a_thread_has_the_trace_with_a_copied_context(analytics, events, tracer):
    """A thread sees the span where OpenTelemetry does: in a copied context only."""

    def work():
        track("Worked")

    with tracer.start_as_current_span("outer") as span, bind(user_id="u-1"):
        for target in (propagate(work), partial(copy_context().run, work)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join(10)
    assert [None, ids(span)] == [one["context"].get("trace") for one in events.tracks]


def test_a_task_has_the_trace_unaided(analytics, events, tracer):
    """`create_task` and `to_thread` copy the context, and the span with it."""

    async def work():
        analytics.track("Worked", user_id="u-1")

    async def main():
        with tracer.start_as_current_span("outer") as span:
            await asyncio.create_task(work())
            await asyncio.to_thread(analytics.track, "Worked", user_id="u-1")
        return span

    span = asyncio.run(main())
    assert [ids(span)] * 2 == [one["context"]["trace"] for one in events.tracks]


def test_an_api_that_fails_costs_the_trace_only(analytics, events, monkeypatch, caplog):
    """What a foreign module of that name raises does not reach the call."""

    class Broken:
        def get_current_span(self):
            raise RuntimeError("ada@example.com")

    monkeypatch.setitem(sys.modules, "opentelemetry.trace", Broken())
    assert analytics.track("Seen", user_id="u-1") is not None
    (one,) = events.tracks
    assert "trace" not in one["context"]
    assert ["trace failed with RuntimeError"] == [
        record.getMessage().partition(" at ")[0] for record in caplog.records
    ]


def test_we_do_not_import_the_api():
    """An application without OpenTelemetry does not get it from us."""
    code = (
        "import sys\n"
        "from segment_integrations import Analytics\n"
        "class Sink:\n"
        "    def put(self, body, message):\n"
        "        assert 'trace' not in message['context']\n"
        "with Analytics('key', sink=Sink()) as analytics:\n"
        "    assert analytics.track('Seen', user_id='u-1')\n"
        "assert not [one for one in sys.modules if one.startswith('opentelemetry')]\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (0, "") == (ran.returncode, ran.stderr)


# -- middlewares: theirs outside ours, and inside --------------------------------------


def of_one_trace(events, otel):
    """Hold the track and the page to be of the caller's trace, by exported spans."""
    kinds = [one["type"] for one in events.messages]
    assert ["track", "page"] == kinds
    found = {one["context"]["trace"]["traceId"] for one in events.messages}
    spans = {trace.format_span_id(one.context.span_id) for one in otel.spans()}
    assert {one["context"]["trace"]["spanId"] for one in events.messages} <= spans
    assert {PARENT} == found


@pytest.mark.parametrize("is_inside", [True, False], ids=["inside", "outside"])
@pytest.mark.parametrize("kind", ["asgi", "starlette"])
def test_asgi(analytics, events, otel, kind, is_inside):
    """Under ASGI the view's events and the page are of the request's trace."""

    async def view(_):
        track("Seen")
        return HTMLResponse("<p>hello")

    app = Starlette(routes=[Route("/", view)])
    ours = asgi.SegmentMiddleware if kind == "asgi" else SegmentMiddleware
    if is_inside:
        app = OtelAsgi(ours(app, analytics), tracer_provider=otel.provider)
    else:
        app = ours(OtelAsgi(app, tracer_provider=otel.provider), analytics)
    assert TestClient(app).get("/", headers=CALLED).status_code == 200
    of_one_trace(events, otel)


@pytest.mark.parametrize("is_inside", [True, False], ids=["inside", "outside"])
def test_wsgi(analytics, events, otel, is_inside):
    """The same under WSGI."""

    def app(_, start_response):
        track("Seen")
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<p>hello"]

    if is_inside:
        served = OtelWsgi(
            wsgi.SegmentMiddleware(app, analytics), tracer_provider=otel.provider
        )
    else:
        served = wsgi.SegmentMiddleware(
            OtelWsgi(app, tracer_provider=otel.provider), analytics
        )
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        **{f"HTTP_{n.upper().replace('-', '_')}": v for n, v in CALLED.items()},
    }
    body = served(environ, lambda *_: lambda _: None)
    assert b"<p>hello" == b"".join(body)
    if hasattr(body, "close"):
        body.close()
    of_one_trace(events, otel)


@pytest.mark.parametrize("is_inside", [True, False], ids=["inside", "outside"])
def test_flask(analytics, events, otel, is_inside):
    """The same with the instrumentation of a Flask app."""
    app = Flask("traced")

    @app.route("/")
    def view():
        track("Seen")
        return "<p>hello"

    instrumentor = FlaskInstrumentor()
    if not is_inside:
        instrumentor.instrument_app(app, tracer_provider=otel.provider)
    Segment(app, analytics=analytics)
    if is_inside:
        instrumentor.instrument_app(app, tracer_provider=otel.provider)
    try:
        assert (
            app.test_client(use_cookies=False).get("/", headers=CALLED).status_code
            == 200
        )
    finally:
        instrumentor.uninstrument_app(app)
    of_one_trace(events, otel)


def seen(_):
    track("Seen")
    return HttpResponse("<p>hello")


async def aseen(_):
    track("Seen")
    return HttpResponse("<p>hello")


@pytest.mark.parametrize("path", ["/seen", "/aseen"])
@pytest.mark.parametrize("is_inside", [True, False], ids=["inside", "outside"])
def test_django(browser, segment_events, otel, path, is_inside):
    """
    The same with the instrumentation of Django, by default around all middleware.

    Where ours is around theirs, the page call is made when their span has ended.
    """
    instrumentor = DjangoInstrumentor()
    with override_settings(
        MIDDLEWARE=list(settings.MIDDLEWARE),
        ROOT_URLCONF=(url("seen", seen), url("aseen", aseen)),
    ):
        position = 0 if is_inside else len(settings.MIDDLEWARE)
        instrumentor.instrument(
            tracer_provider=otel.provider, middleware_position=position
        )
        try:
            assert browser.get(path, headers=TRACED).status_code == 200
        finally:
            instrumentor.uninstrument()
    if is_inside:
        of_one_trace(segment_events, otel)
    else:
        (seen_event,), (page,) = segment_events.tracks, segment_events.pages
        assert PARENT == seen_event["context"]["trace"]["traceId"]
        assert "trace" not in page["context"]
