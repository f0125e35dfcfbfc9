"""`Client`: the options and the answers of segment-analytics-python on our engine."""

import inspect
import logging
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

import pytest
from segment import analytics as package

from segment_integrations import ConfigurationError, bind
from segment_integrations.analytics_python import Client
from segment_integrations.analytics_python.options import OPTION_NAMES

live = pytest.mark.segment_live
Theirs = package.Client


class Plan(Enum):
    PRO = "pro"


@pytest.fixture
def client():
    """A client that nothing has been told."""
    client = Client("key")
    yield client
    client.join()


def test_the_calls_have_their_arguments():
    """Each method has the arguments of theirs, in their order, with their defaults."""
    for name in ["track", "identify", "group", "page", "screen", "alias", "shutdown"]:
        own = inspect.signature(getattr(Client, name)).parameters
        theirs = inspect.signature(getattr(Theirs, name)).parameters
        assert [(one.name, one.default) for one in theirs.values()] == [
            (one.name, one.default) for one in own.values()
        ]


def test_every_option_is_taken():
    """Each option of theirs is taken by position and by name, and kept as they do."""
    defaults = [
        "key" if name == "write_key" else getattr(Theirs.DefaultConfig, name)
        for name in OPTION_NAMES
    ]
    by_name = dict(zip(OPTION_NAMES, defaults, strict=True))
    one, other, theirs = Client(*defaults), Client(**by_name), Theirs(**by_name)
    for name in set(vars(theirs)) - {"queue", "consumers"}:
        assert getattr(theirs, name) == getattr(one, name) == getattr(other, name)
    for each in (one, other, theirs):
        each.join()


def test_no_thread_is_started():
    """Neither a client nor a call that is not sent starts a thread."""
    before = set(threading.enumerate())
    client = Client("key", thread=4)
    client.track("u", "A")
    assert before == set(threading.enumerate())
    client.shutdown()


@pytest.mark.parametrize(
    ("option", "value", "setting", "expected"),
    [
        ("gzip", True, "gzip", True),
        ("gzip", False, "gzip", False),
        ("timeout", 3, "timeout", 3.0),
        ("upload_size", 7, "flush_at", 7),
        ("upload_interval", 0.25, "flush_interval", 0.25),
        ("max_total_backoff_duration", 60, "max_age", 60.0),
        ("host", "http://127.0.0.1:9/", "host", "http://127.0.0.1:9"),
        ("proxies", {"https": "127.0.0.1:80"}, "proxy", "http://127.0.0.1:80"),
        ("proxies", {"all": "http://127.0.0.1:81"}, "proxy", "http://127.0.0.1:81"),
        ("proxies", {"http": "http://127.0.0.1:82"}, "proxy", None),
        ("proxies", {}, "proxy", None),
    ],
)
def test_an_option_is_a_setting(option, value, setting, expected):
    """What has a counterpart among our settings is that."""
    client = Client("key", **{option: value})
    assert expected == getattr(client.analytics.settings, setting)
    client.join()


def test_our_settings_beside_theirs(tmp_path):
    """A setting of ours may be given by name, and wins."""
    client = Client("key", upload_size=7, flush_at=8, spool_dir=tmp_path)
    assert 8 == client.analytics.settings.flush_at
    assert tmp_path == client.analytics.settings.spool_dir
    client.join()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"upload_size": 0}, "upload_size: flush_at must be a positive"),
        ({"upload_interval": 0}, "upload_interval: flush_interval must be"),
        ({"timeout": (1, 2)}, "timeout must be a positive number"),
        ({"proxies": "http://p"}, "proxies must be a dict"),
        ({"proxies": {"https": "socks5://p"}}, "proxies: proxy must be an address"),
        ({"on_error": "f"}, "on_error must be callable"),
        ({"max_total_backoff_duration": 0}, "max_total_backoff_duration=0"),
        ({"host": "nowhere"}, "host must be an address"),
        (
            dict.fromkeys(["oauth_client_id", "oauth_client_key", "oauth_key_id"], "x"),
            "oauth_client_id: our delivery has no OAuth",
        ),
        ({"max_quue_size": 1}, "max_quue_size is no setting"),
    ],
)
def test_what_has_no_meaning_is_refused(options, text):
    """An option that our engine can not follow is an error that names it."""
    with pytest.raises(ConfigurationError, match=text):
        Client("key", **options)


def test_wrong_arguments_of_the_constructor():
    """Too many, or one twice, is what Python calls it; no key is what they call it."""
    with pytest.raises(TypeError):
        Client("key", write_key="key")
    with pytest.raises(TypeError):
        Client(*range(40))
    with pytest.raises(AssertionError):
        Client(5)


def test_options_without_effect_are_told(caplog):
    """One line names the options that do nothing here, and nothing is said else."""
    client = Client("key", max_retries=3, thread=2, max_rate_limit_duration=5)
    (record,) = caplog.records
    for name in ["max_retries", "thread", "max_rate_limit_duration"]:
        assert name in record.getMessage()
    caplog.clear()
    client.join()
    Client("key").join()
    assert not caplog.records


def test_log_handler():
    """A handler gets what is logged here as well, once for two clients."""
    records = []

    class Keeps(logging.Handler):
        def emit(self, record):
            records.append(record)

    handler = Keeps()
    for _ in range(2):
        Client("key", log_handler=handler).join()
    try:
        client = Client("key")
        client.join()
        assert (False, "A") == (client.track("secret", "A")[0], "A")
        assert any("closed" in record.getMessage() for record in records)
        assert not any("secret" in record.getMessage() for record in records)
    finally:
        for name in ["segment", "segment_integrations"]:
            logging.getLogger(name).removeHandler(handler)


def test_the_answer_has_plain_values(client):
    """The message is a copy in plain types; dates stay, as with theirs."""
    properties = {
        "price": Decimal("1.5"),
        "plan": Plan.PRO,
        "tags": ("a",),
        "day": date(2026, 1, 2),
        "deep": {"x": [1]},
    }
    success, message = client.track("u", "A", properties)
    assert success
    properties["deep"]["x"].append(2)
    assert {
        "price": 1.5,
        "plan": "pro",
        "tags": ["a"],
        "day": date(2026, 1, 2),
        "deep": {"x": [1]},
    } == message["properties"]


def test_odd_values_do_no_harm(client):
    """A circle and an object of any class go through, and the call returns."""
    circle = {}
    circle["self"] = circle
    success, message = client.track("u", "A", circle)
    assert success
    assert "A" == message["event"]
    assert client.track("u", "A", {"x": object()})[0]


def test_what_is_on_the_wire(client, segment_events):
    """The wire has the call's own fields, and the library is ours."""
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    success, message = client.track(
        7, "A", {"x": 1}, {"ip": "1.2.3.4", "library": 1}, at, "anon", {"All": 1}, 9
    )
    assert success
    sent = segment_events.assert_tracked("A", user_id="7", anonymous_id="anon")
    assert ("9", "9") == (sent["messageId"], message["messageId"])
    assert "2026-01-02T03:04:05.000Z" == sent["timestamp"]
    assert "2026-01-02T03:04:05.000+00:00" == message["timestamp"]
    assert "segment-integrations" == sent["context"].pop("library")["name"]
    assert {"ip": "1.2.3.4"} == sent["context"]
    assert {"All": 1} == sent["integrations"]


def test_every_call_is_sent(client, segment_events):
    """All six calls arrive; an identify that says the same again does too."""
    client.identify("u", {"plan": "pro"})
    client.identify("u", {"plan": "pro"})
    client.group("u", 5, {"seats": 3})
    client.page("u", "Docs", "Home", {"path": "/"})
    client.screen("u", name="")
    client.alias(1, "u")
    types = ["identify", "identify", "group", "page", "screen", "alias"]
    assert types == [one["type"] for one in segment_events.messages]
    _, _, group, page, screen, alias = segment_events.messages
    assert ("5", {"seats": 3}) == (group["groupId"], group["traits"])
    assert ("Docs", "Home") == (page["category"], page["name"])
    assert "name" not in screen
    assert ("1", "u") == (alias["previousId"], alias["userId"])


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.track(None, "A"),
        lambda client: client.track("secret", 5),
        lambda client: client.track(["secret"], "A"),
        lambda client: client.track("u", "A", "secret"),
        lambda client: client.track("u", "A", context="secret"),
        lambda client: client.track("u", "A", integrations="secret"),
        lambda client: client.track("u", "A", timestamp="secret"),
        lambda client: client.identify("u", "secret"),
        lambda client: client.group("u"),
        lambda client: client.group("u", "g", "secret"),
        lambda client: client.page("u", name=5),
        lambda client: client.page("u", category=5),
        lambda client: client.screen("u", properties="secret"),
        lambda client: client.alias("u"),
        lambda client: client.alias(None, "u"),
    ],
)
def test_wrong_calls(client, call):
    """What theirs refuses is refused with its error, without what was given."""
    theirs = Theirs("key", send=False)
    with pytest.raises(AssertionError):
        call(theirs)
    theirs.join()
    with pytest.raises(AssertionError) as raised:
        call(client)
    assert "secret" not in str(raised.value)


def test_what_is_not_accepted_is_false(client):
    """An oversize event and one without a name are False, counted, and not raised."""
    success, message = client.track("u", "A", {"x": "y" * 40_000})
    assert not success
    assert "A" == message["event"]
    assert (False, "") == (client.track("u", "")[0], "")
    assert {"too_large": 1, "invalid": 1} == client.analytics.stats().dropped


def test_the_same_in_a_request(client, segment_events):
    """Ids that a call leaves out are those around it, and the answer has them."""
    with bind(user_id="u1", anonymous_id="a1"):
        _, message = client.track(event="A")
        assert ("u1", "a1") == (message["userId"], message["anonymousId"])
        _, message = client.track("u2", "B")
        assert ("u2", None) == (message["userId"], message["anonymousId"])
        client.alias()
        client.identify("u1")
        client.identify("u9")
        client.group(group_id="g")
        client.track(event="C")
    for one in segment_events.messages:
        if one["type"] == "alias":
            assert ("a1", "u1") == (one["previousId"], one["userId"])
    segment_events.assert_tracked("A", user_id="u1", anonymous_id="a1")
    segment_events.assert_tracked("C", user_id="u1", anonymous_id="a1")
    assert "anonymousId" not in segment_events.assert_tracked("B", user_id="u2")
    assert "groupId" not in segment_events.assert_tracked("C")["context"]
    assert "a1" == segment_events.assert_identified("u1")["anonymousId"]
    assert "anonymousId" not in segment_events.assert_identified("u9")


def test_nobody_in_a_request(client):
    """Inside a request or `bind`, an unknown visitor is no error: it is counted."""
    with bind():
        assert not client.track(event="A")[0]
    assert {"no_identity": 1} == client.analytics.stats().dropped


@live
def test_send_off(collector, segment_events):
    """`send=False` says yes and sends nothing; a test that captures sees it."""
    client = Client("key", host=collector.url, send=False)
    assert client.track("u", "A")[0]
    segment_events.assert_tracked("A", user_id="u")
    segment_events.stop()
    assert client.track("u", "B")[0]
    client.send = True
    client.track("u", "C")
    client.shutdown()
    assert ["C"] == [one["event"] for one in collector.messages]


@live
def test_delivery(collector):
    """What is sent arrives, in batches of `upload_size`, packed where that was said."""
    client = Client("key", host=collector.url, gzip=True, upload_size=10)
    for number in range(20):
        assert client.track("u", "A", {"n": number})[0]
    assert client.flush() is None
    assert client.queue.empty()
    assert list(range(20)) == [one["properties"]["n"] for one in collector.messages]
    assert max(map(len, collector.batches)) <= 10
    assert {"gzip"} == {one["Content-Encoding"] for one in collector.headers}
    assert client.shutdown() is None
    assert (False, 1) == (
        client.track("u", "B")[0],
        client.analytics.stats().dropped["closed"],
    )


@live
def test_sync_mode(collector):
    """In sync mode a call that returns True was delivered."""
    client = Client("key", host=collector.url, sync_mode=True)
    assert client.consumers is None
    assert client.track("u", "A")[0]
    assert ["A"] == [one["event"] for one in collector.messages]
    client.join()
    collector.status = 503
    client = Client("key", host=collector.url, sync_mode=True, timeout=0.2)
    assert not client.track("u", "B")[0]
    client.analytics.close(0)


@live
def test_on_error(collector):
    """The callback gets the error and the messages, as theirs does."""
    told = []
    collector.status = 400
    client = Client("key", host=collector.url, on_error=lambda *args: told.append(args))
    client.track("u", "A")
    client.shutdown()
    ((error, messages),) = told
    assert isinstance(error, Exception)
    assert ["A"] == [one["event"] for one in messages]


@live
def test_max_queue_size(collector):
    """When that many messages wait the next is False, and counted."""
    collector.status = 503
    client = Client("key", host=collector.url, max_queue_size=3)
    answers = [client.track("u", "A")[0] for _ in range(5)]
    assert [True, True, True, False, False] == answers
    assert (3, 3, True) == (
        client.queue.maxsize,
        client.queue.unfinished_tasks,
        client.queue.full(),
    )
    assert 2 == client.analytics.stats().dropped["queue_full"]
    client.analytics.close(0)


def test_the_sink_needs_no_package():
    """`AnalyticsPythonSink` is imported where segment-analytics-python is missing."""
    code = (
        "import sys; sys.modules['segment'] = None\n"
        "from segment_integrations.analytics_python import AnalyticsPythonSink\n"
        "try:\n"
        "    from segment_integrations.analytics_python import Client\n"
        "except ImportError: print('missing')\n"
        "try:\n"
        "    from segment_integrations.analytics_python import nothing\n"
        "except ImportError: print('unknown')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ["missing", "unknown"] == ran.stdout.split()
