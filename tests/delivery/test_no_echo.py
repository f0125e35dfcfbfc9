"""Nobody who watches this program sees our own requests: case 24."""

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import urllib3
from delivery_bench import KEY
from delivery_peers import batch, posted

from segment_integrations.delivery.echo import quiet
from segment_integrations.delivery.transport import HttpTransport

TRACING = {"traceparent", "tracestate", "baggage", "sentry-trace"}


def tracing_headers(request):
    return TRACING & set(request.headers)


def ours(collector):
    return [request for request in collector.requests if request.path == "/v1/batch"]


def theirs(collector):
    return [request for request in collector.requests if request.path == "/theirs"]


@pytest.fixture
def spans():
    """The spans of urllib3's instrumentation for OpenTelemetry, which is on."""
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
        InMemorySpanExporter,
    )

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = URLLib3Instrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield lambda: [span.name for span in exporter.get_finished_spans()], provider
    instrumentor.uninstrument()
    provider.shutdown()


def test_case_24_opentelemetry_sees_no_request_of_ours(collector, spans):
    """No span and no header, while the program's own requests have both."""
    names, provider = spans
    target = collector()
    with provider.get_tracer("app").start_as_current_span("view"):
        posted(target)
        with urllib3.PoolManager() as pool:
            pool.request("POST", target.host + "/theirs", body=b"")
        posted(target)
    assert ["POST", "view"] == names()
    assert [set(), set()] == [tracing_headers(request) for request in ours(target)]
    assert {"traceparent"} == tracing_headers(theirs(target)[0])


def test_case_24_opentelemetry_sees_no_fault_of_ours(spans):
    """A request that gets no answer leaves no span, and tracing goes on after it."""
    names, provider = spans
    with pytest.raises(Exception, match="ConnectionRefusedError"):
        posted("http://127.0.0.1:1")
    with provider.get_tracer("app").start_as_current_span("view"):
        pass
    assert ["view"] == names()


SENTRY = """
import json, logging, sys, threading
import sentry_sdk, urllib3
from sentry_sdk.transport import Transport
from delivery_peers import posted
from segment_integrations.delivery.echo import quiet

class Kept(Transport):
    events = []
    def capture_envelope(self, envelope):
        self.events += [i.payload.json for i in envelope.items if i.payload.json]

sentry_sdk.init(
    dsn="http://key@127.0.0.1:1/1", transport=Kept, traces_sample_rate=1.0,
    trace_propagation_targets=[".*"], release="theirs", environment="theirs",
)
logging.getLogger("urllib3").setLevel(logging.DEBUG)
host, other = sys.argv[1:]

def ours():
    posted(host)

def through(library):
    if library in ("httpx", "requests"):
        with quiet():
            __import__(library).post(host + "/v1/batch", data="{}")

with sentry_sdk.start_transaction(op="view", name="view"):
    ours()
    thread = threading.Thread(target=ours)  # as the worker is: made in a request
    thread.start()
    thread.join()
    with urllib3.PoolManager() as pool:
        pool.request("POST", other + "/theirs", body=b"")
    through("httpx")
    through("requests")
    sentry_sdk.capture_message("told")
sentry_sdk.flush(2)
message, = [e for e in Kept.events if e.get("message") == "told"]
transaction, = [e for e in Kept.events if e.get("type") == "transaction"]
print(json.dumps({
    "spans": [s["description"] for s in transaction["spans"]],
    "crumbs": [
        c["data"]["url"] for c in message["breadcrumbs"]["values"] if c.get("data")
        and "url" in c["data"]
    ],
    "program": [message["release"], message["environment"]],
}))
"""


def run(code, *args):
    """What *code* prints, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def test_case_24_sentry_sees_no_request_of_ours(collector):
    """No span, breadcrumb or header, with whatever library, on whatever thread."""
    pytest.importorskip("sentry_sdk")
    pytest.importorskip("requests")
    target, other = collector(default=answer_to_any), collector(default=answer_to_any)
    seen = run(SENTRY, target.host, other.host)
    assert [f"POST {other.host}/theirs"] == seen["spans"]
    assert [f"{other.host}/theirs"] == seen["crumbs"]
    assert ["theirs", "theirs"] == seen["program"]
    assert [set()] * 4 == [tracing_headers(request) for request in ours(target)]
    assert {"sentry-trace", "baggage"} == tracing_headers(theirs(other)[0])


def answer_to_any(_request):
    return 200


NONE_IMPORTED = """
import json, sys
from delivery_peers import posted
posted(sys.argv[1])
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_case_24_no_tool_is_imported_by_us(collector):
    """What the program has not imported is not looked for."""
    loaded = run(NONE_IMPORTED, collector().host)
    assert "segment_integrations" in loaded
    assert set() == {"opentelemetry", "sentry_sdk"} & set(loaded)


class Broken:
    """A tool that has become another: whatever is asked of it raises."""

    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("tool", [Broken, object, type(None)])
@pytest.mark.parametrize("module", ["opentelemetry.context", "sentry_sdk.scope"])
def test_case_24_a_tool_that_has_changed_does_not_hinder(
    collector, monkeypatch, module, tool
):
    """Muting fails in silence: the events are what matters."""
    monkeypatch.setitem(sys.modules, module, tool())
    assert 200 == posted(collector()).status


def test_case_24_muting_ends_with_the_request(spans):
    """An error inside goes through, and the tools see again what follows."""
    names, provider = spans
    with pytest.raises(KeyError), quiet():
        raise KeyError
    with quiet(), quiet():
        pass
    with provider.get_tracer("app").start_as_current_span("after"):
        pass
    assert ["after"] == names()


def test_case_24_our_middleware_counts_no_request_of_ours(served):
    """A server that is the collector, and sends its own events to itself."""
    host, documents = served
    browser = {
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
        "Accept": "text/html",
        "Cookie": "ajs_anonymous_id=1c3a6f0e-0000-4000-8000-000000000001",
    }
    with urllib3.PoolManager() as pool:
        page = pool.request("GET", host + "/", headers=browser)
    assert 200 == page.status
    posted(host)
    sent = [message for each in documents() for message in each["batch"]]
    assert ["a", "page", "viewed"] == sorted(
        message.get("event") or message["type"] for message in sent
    )


@pytest.fixture
def served():
    """An application behind uvicorn and our middleware; it is its own collector."""
    uvicorn = pytest.importorskip("uvicorn")
    import gzip
    import socket

    from segment_integrations import Analytics
    from segment_integrations.asgi import SegmentMiddleware

    listener = socket.create_server(("127.0.0.1", 0))
    host = f"http://127.0.0.1:{listener.getsockname()[1]}"
    received = []
    # A transport given by hand is used under pytest too.
    transport = HttpTransport(KEY, host)
    analytics = Analytics(KEY, transport=transport, flush_interval=0.01)

    async def app(scope, receive, send):
        body = b""
        if scope["type"] == "http":
            while (message := await receive())["type"] == "http.request":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
            if scope["path"] == "/v1/batch":
                received.append(json.loads(gzip.decompress(body)))
            else:
                analytics.track("viewed", user_id="user")
            headers = [(b"content-type", b"text/html"), (b"content-length", b"2")]
            await send(
                {"type": "http.response.start", "status": 200, "headers": headers}
            )
            await send({"type": "http.response.body", "body": b"{}"})

    config = uvicorn.Config(
        SegmentMiddleware(app, analytics), lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=asyncio.run, args=(server.serve(sockets=[listener]),)
    )
    thread.start()

    def documents():
        for _ in range(3):  # were our requests counted, each round would add some
            assert analytics.flush(10)
        return received

    try:
        yield host, documents
    finally:
        analytics.close(1)
        server.should_exit = True
        thread.join(20)
        listener.close()


def test_case_24_a_request_with_tools_around_costs_little(collector, spans):
    """Many requests in a row leave nothing behind in the tool's context."""
    from opentelemetry import context

    target = collector()
    before = context.get_current()
    with closing(HttpTransport(KEY, target.host)) as transport:
        for name in "abc":
            transport.send(batch(name))
    assert before == context.get_current()
