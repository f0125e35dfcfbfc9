"""`adopt`: the module-level calls of segment-analytics-python on our engine."""

import logging
import threading

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from segment_integrations import Analytics, ConfigurationError, bind
from segment_integrations.analytics_python import adopt
from segment_integrations.fastapi import SegmentMiddleware
from segment_integrations.testing import BROWSER_HEADERS


@pytest.fixture
def analytics():
    """The application's own."""
    with Analytics("key") as analytics:
        yield analytics


def test_calls_are_on_our_engine(theirs, analytics, segment_events):
    """All calls of the module go to our engine; their answers are as before."""
    with adopt(analytics):
        success, message = theirs.track("u", "A", {"x": 1})
        assert success
        assert {"x": 1} == message["properties"]
        assert theirs.identify("u", {"plan": "pro"})[0]
        assert theirs.group("u", "g")[0]
        assert theirs.page("u", name="Home")[0]
        assert theirs.screen("u", name="Start")[0]
        assert theirs.alias("old", "u")[0]
        assert theirs.flush() is None
        assert theirs.join() is None
        assert theirs.shutdown() is None
        assert theirs.track("u", "After")[0]
    assert 7 == len(segment_events)
    assert theirs.default_client is None


def test_calls_join_the_request(theirs, analytics, segment_events):
    """In a request they carry its visitor, address and page; a page call replaces."""
    app = FastAPI()
    app.add_middleware(SegmentMiddleware, analytics=analytics)

    @app.get("/plans/{plan}")
    def plans(plan: str):
        theirs.track(event="A")
        theirs.track("u2", "B")
        theirs.page(name="Plans")

    headers = {**BROWSER_HEADERS, "cookie": "ajs_anonymous_id=visitor-0001"}
    with adopt(analytics), TestClient(app, headers=headers) as client:
        assert 200 == client.get("/plans/pro").status_code
    found = segment_events.assert_tracked("A", anonymous_id="visitor-0001")
    assert "/plans/pro" == found["context"]["page"]["path"]
    assert "userAgent" in found["context"]
    assert "anonymousId" in segment_events.assert_tracked("B", user_id="u2")
    segment_events.assert_page("Plans", count=1, path="/plans/pro")
    assert 1 == len(segment_events.pages)


def test_nobody_in_a_request(theirs, analytics):
    """An unknown visitor is no error in a request; outside one it is, as before."""
    with adopt(analytics):
        with bind():
            assert not theirs.track(event="A")[0]
        with pytest.raises(AssertionError):
            theirs.track(event="A")


def test_without_one_it_is_the_module_s(theirs, segment_events):
    """Without an argument the calls go where `track` of ours would go."""
    with adopt(), Analytics("one") as one:
        theirs.track("u", "A")
        assert one is theirs.default_client.analytics
        with Analytics("two") as two, two.bind(user_id="u"):
            theirs.track(event="B")
            assert two is theirs.default_client.analytics
    segment_events.assert_tracked("A")
    segment_events.assert_tracked("B", user_id="u")


def test_without_a_key_it_does_nothing(theirs, monkeypatch):
    """Where no `Analytics` can be made, a call says no."""
    monkeypatch.setattr(
        "segment_integrations.analytics_python.adopted.analytics_now", lambda: None
    )
    with adopt():
        assert (False, "A") == (theirs.track("u", "A")[0], "A")
        theirs.shutdown()
        assert theirs.default_client.queue.empty()


def test_twice_and_undone_in_any_order(theirs, analytics):
    """Adopting twice is fine; each is undone by itself, in whichever order."""
    theirs.default_client = former = theirs.Client("key", send=False)
    one = adopt(analytics)
    first = theirs.default_client
    two = adopt(analytics)
    two.close()
    assert first is theirs.default_client
    two = adopt(analytics)
    second = theirs.default_client
    one.close()
    assert second is theirs.default_client
    two.close()
    two.close()
    assert former is theirs.default_client
    one = adopt(analytics)
    theirs.default_client = None  # somebody else's doing, which stays
    one.close()
    assert theirs.default_client is None
    former.join()


def test_nothing_else_is_changed(theirs, analytics):
    """Of the package nothing but `default_client` is set, and no thread is started."""
    before, threads = dict(vars(theirs)), set(threading.enumerate())
    with adopt(analytics):
        theirs.track("u", "A")
        after = dict(vars(theirs))
        assert {"default_client"} == {
            name for name in after if after[name] is not before.get(name)
        }
        assert threads == set(threading.enumerate())


@pytest.mark.segment_live
def test_send_is_still_obeyed(theirs, collector):
    """`segment.analytics.send = False` keeps the module's calls from being sent."""
    with Analytics("key", host=collector.url) as analytics, adopt(analytics):
        theirs.send = False
        assert theirs.track("u", "A")[0]
        theirs.send = True
        assert theirs.track("u", "B")[0]
        theirs.shutdown()
        assert ["B"] == [one["event"] for one in collector.messages]
        theirs.track("u", "C")
        assert analytics.flush()
    assert ["B", "C"] == [one["event"] for one in collector.messages]


def test_settings_that_have_no_effect_are_told(theirs, analytics, caplog):
    """What the module was set to and is not used is named, without values."""
    with adopt(analytics):
        assert not caplog.records
    theirs.write_key, theirs.on_error = "another-key", print
    with caplog.at_level(logging.WARNING), adopt(analytics):
        (record,) = caplog.records
    assert "on_error, write_key" in record.getMessage()
    assert "another-key" not in record.getMessage()


def test_what_can_not_be_adopted(theirs):
    """Their module is not what is to be given."""
    with pytest.raises(ConfigurationError, match="adopt takes an Analytics"):
        adopt(theirs)
