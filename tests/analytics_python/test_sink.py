"""Delivery through real clients of other people, to a small server."""

import gzip
import json
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from uuid import UUID

import pytest

from segment_integrations import Analytics, ConfigurationError
from segment_integrations.analytics_python import AnalyticsPythonSink
from segment_integrations.core.encode import encode
from segment_integrations.ports import Sink

live = pytest.mark.segment_live


class Server(ThreadingHTTPServer):
    """Takes batches; hangs while `is_open` is not set."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.messages = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.has_request = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.has_request.set()
        self.server.is_open.wait(30)
        self.server.messages += json.loads(body)["batch"]
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.is_open.set()
        server.shutdown()
        thread.join()


@pytest.fixture(params=["segment", "rudderstack"])
def client(request, server):
    """A client of each make, as its users have it."""
    if request.param == "segment":
        from segment.analytics import request as requests
        from segment.analytics.client import Client
    else:
        from rudderstack.analytics import request as requests
        from rudderstack.analytics.client import Client
    client = Client("key", host=server.url, upload_interval=0.02)
    yield client
    server.is_open.set()
    client.join()
    requests._session.close()


@live
def test_every_call_arrives_as_it_was_made(client, server):
    """All six calls arrive with our own id, time, library and context."""
    sink = AnalyticsPythonSink(client)
    assert isinstance(sink, Sink)
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    with Analytics(sink=sink) as analytics:
        with analytics.bind(user_id="u", anonymous_id="a", context={"app": {"v": 1}}):
            options = {"timestamp": at, "integrations": {"X": False}}
            ids = [
                analytics.track("Ordered", {"total": 9.5}, message_id="own", **options),
                analytics.identify("u", {"plan": "pro"}, **options),
                analytics.group("g", {"seats": 3}, **options),
                analytics.page("Home", {"path": "/"}, category="Docs", **options),
                analytics.screen("Start", {"x": 1}, **options),
                analytics.alias("u2", previous_id="u", **options),
            ]
        assert analytics.flush()
    assert "own" == ids[0]
    assert ids == [message["messageId"] for message in server.messages]
    track, identify, group, page, screen, alias = server.messages
    for message in server.messages:
        assert at == datetime.fromisoformat(message["timestamp"])
        assert "segment-integrations" == message["context"]["library"]["name"]
        assert {"v": 1} == message["context"]["app"]
        assert {"X": False} == message["integrations"]
        assert ("u2" if message is alias else "u") == message["userId"]
        assert message is alias or "a" == message["anonymousId"]
    assert ("Ordered", {"total": 9.5}) == (track["event"], track["properties"])
    # RudderStack's client moves them there.
    traits = identify.get("traits") or identify["context"]["traits"]
    assert {"plan": "pro"} == traits
    assert ("g", {"seats": 3}) == (group["groupId"], group["traits"])
    assert ("Home", "Docs") == (page["name"], page["category"])
    assert {"path": "/", "category": "Docs"} == page["properties"]
    assert ("Start", {"x": 1}) == (screen["name"], screen["properties"])
    assert "u" == alias["previousId"]


@live
def test_odd_values_go_as_our_own_engine_writes_them(client, server):
    """What the client itself would drop arrives: it gets plain JSON from us."""
    values = {"id": UUID(int=1), "price": Decimal("2.50"), "raw": b"\x00", "set": {1}}
    values |= {"nan": float("nan"), "odd": object(), "lone": "\ud800", "none": None}
    with Analytics(sink=AnalyticsPythonSink(client), strict=False) as analytics:
        assert analytics.track("Odd", values, anonymous_id="a")
        assert analytics.flush()
    body = encode(values)
    assert json.loads(body) == server.messages[0]["properties"]


@live
def test_a_hanging_server_costs_the_deadline_and_no_more(client, server):
    """`flush` and `close` return at their deadline and say what is left."""
    server.is_open.clear()
    sink = AnalyticsPythonSink(client, timeout=0.05)
    analytics = Analytics(sink=sink)
    analytics.track("Stuck", user_id="u")
    assert server.has_request.wait(10)
    began = time.monotonic()
    threads = threading.active_count()
    assert not analytics.flush(0.05)
    assert not sink.flush()
    assert threading.active_count() <= threads + 1
    assert 1 == analytics.close(0.05)
    assert time.monotonic() - began < 5
    server.is_open.set()
    assert sink.flush(10)


@live
def test_what_the_client_refuses_is_refused_and_counted(client, caplog):
    """An event over the client's own limit is refused, with no data in our log."""
    # Under our limit as UTF-8; Segment's client measures it as ASCII with escapes.
    large = {"x": "é" * 16_000}
    sink = AnalyticsPythonSink(client)
    with Analytics(sink=sink, strict=False) as analytics:
        accepted = analytics.track("Large", large, user_id="secret")
    is_segment = client.log.name == "segment"
    assert is_segment == (accepted is None) == (sink.refused == 1)
    assert is_segment == ("refused by Client: RuntimeError" in caplog.text)
    ours = [one for one in caplog.records if one.name == "segment_integrations"]
    assert not [one for one in ours if "secret" in one.getMessage()]


@live
def test_a_full_queue_is_a_refusal(client, server):
    """What does not fit into the client's queue is refused, not lost in silence."""
    server.is_open.clear()
    client.queue.maxsize = 1
    sink = AnalyticsPythonSink(client)
    with Analytics(sink=sink) as analytics:
        made = [analytics.track("E", user_id="u") for _ in range(300)]
        assert 0 < made.count(None) == sink.refused
        server.is_open.set()


class Fake:
    """A client that keeps what it gets and answers as told."""

    consumers = None

    def __init__(self, answer=None):
        self.calls = []
        self.answer = answer

    def take(self, **arguments):
        self.calls.append(arguments)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    track = identify = group = page = screen = alias = take

    def flush(self):
        if isinstance(self.answer, BaseException):
            raise self.answer

    def join(self):
        raise AssertionError("called in sync mode")


BODY = (
    b'{"type":"track","messageId":"m","timestamp":"2026-01-02T03:04:05.678Z",'
    b'"userId":"u","event":"E"}'
)
TRACK = {"type": "track"}


@live
@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (None, True),
        ((True, {}), True),
        ((False, {}), False),
        (AssertionError("secret"), False),
        (RuntimeError("secret"), False),
        (OSError("secret"), False),
    ],
)
def test_put_never_raises(answer, accepted, caplog):
    """A client's error or a full queue is False, told without data."""
    sink = AnalyticsPythonSink(Fake(answer))
    assert accepted == sink.put(BODY, TRACK)
    assert accepted == (not caplog.records) == (not sink.refused)
    assert "secret" not in caplog.text
    sink.close()


@live
@pytest.mark.parametrize("body", [b"[]", b"{", b'{"timestamp":"never"}', b"{}"])
def test_a_message_that_a_processor_broke_is_refused(body):
    """A message without a time, or no message at all, is refused."""
    sink = AnalyticsPythonSink(Fake())
    assert not sink.put(body, TRACK)
    sink.close()


def test_in_a_test_run_nothing_reaches_the_client():
    """Without ``segment_live`` the client is not called, whoever calls the sink."""
    sink = AnalyticsPythonSink(fake := Fake())
    assert sink.put(BODY, TRACK)
    with Analytics(sink=sink) as analytics:
        assert analytics.track("E", user_id="u")
    assert [] == fake.calls


@live
def test_after_close_nothing_is_taken():
    """A closed sink refuses; closing a client in its sync mode stops no threads."""
    sink = AnalyticsPythonSink(fake := Fake())
    assert 0 == sink.close()
    assert not sink.put(BODY, TRACK)
    assert [] == fake.calls
    assert "AnalyticsPythonSink(Fake)" == repr(sink)


def test_a_flush_that_fails_is_false(caplog):
    """A client whose flush raises has not delivered; the error stays with us."""
    sink = AnalyticsPythonSink(Fake(OSError("secret")))
    assert not sink.flush()
    assert 0 == sink.close()
    assert "OSError" in caplog.text
    assert "secret" not in caplog.text


def test_at_the_end_of_the_process_it_waits_without_a_new_thread(monkeypatch):
    """Where Python starts no thread any more, the client's queue is watched instead."""

    def refuse(_):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    fake = Fake()
    sink = AnalyticsPythonSink(fake, timeout=0.03)
    fake.queue = SimpleNamespace(unfinished_tasks=2)
    sink._at_exit()
    assert not sink.flush(0)
    fake.queue.unfinished_tasks = 0
    assert sink.flush()
    sink._at_exit()
    sink.close()
    sink._pid = -1
    sink.flush = None  # would be called in the process that made it
    sink._at_exit()


@pytest.mark.parametrize("wrong", [object(), Fake, SimpleNamespace(track=print)])
def test_what_is_no_client_is_refused(wrong):
    """A class, or an object without the methods, is told at the start."""
    with pytest.raises(ConfigurationError, match="client must be an instance"):
        AnalyticsPythonSink(wrong)
