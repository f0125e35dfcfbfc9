"""An `Analytics` with parts of one's own: sinks, transports, processors."""

from __future__ import annotations

from typing import Any, assert_type

from segment_integrations import Analytics, DeliveryError, SegmentError
from segment_integrations.analytics_python import AnalyticsPythonSink, PythonClient
from segment_integrations.ports import (
    Answer,
    Batch,
    Message,
    Processor,
    RequestInfo,
    ResponseInfo,
    Sink,
    Transport,
)
from segment_integrations.testing import SegmentEvents, capture


class Keeping:
    """A sink in the shortest form."""

    def put(self, body: bytes, message: Message) -> None:
        """Keep it."""
        assert_type(message["userId"], str)


class Refusing:
    """A sink that may refuse, and waits."""

    def put(self, body: bytes, message: Message) -> bool:
        """Refuse what is long."""
        return len(body) < 100

    def flush(self, timeout: float) -> bool:
        """Wait."""
        return timeout > 0


class Posting:
    """A transport."""

    def send(self, batch: Batch) -> Answer:
        """Post."""
        assert_type(batch.bodies, tuple[bytes, ...])
        assert_type(batch.messages(), list[Message])
        return Answer(200)


def scrub(message: Message) -> Message | None:
    """Drop one event and change the others."""
    if message.get("event") == "Secret":
        return None
    message["context"].pop("ip", None)
    return message


def told(error: DeliveryError) -> None:
    """Hear of errors."""
    assert_type(error.messages, tuple[dict[str, Any], ...])
    root: SegmentError = error
    raise root


sink: Sink = Keeping()
sink = Refusing()
transport: Transport = Posting()
processor: Processor = scrub

assert_type(Analytics(), Analytics)
Analytics("key", sink=Keeping(), processors=[scrub])
Analytics("key", sink=Refusing(), processors=(scrub, processor))
Analytics(transport=Posting(), flush_at=10, on_error=told, pages="off")
Analytics("key", sink=Posting())  # type: ignore[arg-type]
Analytics("key", transport=Keeping())  # type: ignore[arg-type]
Analytics("key", Keeping())  # type: ignore[call-arg]

with Analytics(sink=Keeping()) as analytics:
    assert_type(analytics, Analytics)


def request(info: RequestInfo, response: ResponseInfo) -> None:
    """Ask why a page is sent."""
    decision = analytics.explain(info, response)
    assert_type(decision.sends, bool)
    reason: str = decision.reason
    assert reason
    with analytics.request(info) as context:
        assert_type(context.anonymous_id, str | None)
        context.observe(response)


class Client:
    """Has analytics-python's methods, with types of its own."""

    def track(self, user_id: str | None = None, event: str = "") -> tuple[bool, object]:
        """Take a call."""
        return bool(user_id), event

    identify = group = page = screen = alias = track

    def flush(self) -> None:
        """Wait."""

    def join(self) -> None:
        """Stop."""


client: PythonClient = Client()
delivering: Sink = AnalyticsPythonSink(client, timeout=1.0)
assert_type(AnalyticsPythonSink(Client()).flush(), bool)
assert_type(AnalyticsPythonSink(Client()).close(1.0), int)
AnalyticsPythonSink(Keeping())  # type: ignore[arg-type]


def test_events() -> None:
    """Look at what was sent, in a test."""
    with capture() as events:
        assert_type(events, SegmentEvents)
        analytics.track("E", user_id="u")
    found = events.assert_tracked("E", count=1, user_id="u", properties={"a": 1})
    assert_type(found["event"], Any)
    events.assert_not_tracked("F")
    events.assert_page("Home", path="/")
    events.clear()
