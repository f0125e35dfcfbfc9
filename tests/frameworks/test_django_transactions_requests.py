"""Events in Django's transactions: whole requests, threads, and the tests of others."""

import http.client
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.test import TestCase, TransactionTestCase
from django.urls import path

from segment_integrations import bind, track
from segment_integrations.django import config
from segment_integrations.testing import BROWSER_HEADERS, capture

User = get_user_model()


class RefusedError(Exception):
    """Rolls a transaction back."""


def buys(request, how):
    User.objects.create(username="buyer")
    track("A", {"atomic": connection.in_atomic_block})
    try:
        with transaction.atomic():
            track("Inner")
            raise RefusedError  # noqa: TRY301 - ends the block
    except RefusedError:
        pass
    if how == "fails":
        raise RefusedError
    if how == "refuses":
        transaction.set_rollback(True)
    return HttpResponse("bought")


@transaction.non_atomic_requests
async def abuys(request, how):
    def work():
        with transaction.atomic():
            User.objects.create(username="buyer")
            track("A", {"atomic": connection.in_atomic_block})
            if how == "fails":
                raise RefusedError

    try:
        await sync_to_async(work)()
    except RefusedError:
        track("Refused")
    track("B")
    return HttpResponse("bought")


urlpatterns = [path("buys/<how>", buys), path("abuys/<how>", abuys)]


@pytest.fixture(autouse=True)
def _own_urls(settings):
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def atomic_requests(monkeypatch):
    """`ATOMIC_REQUESTS` as a project has it."""
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)


def left(events):
    """What has left: the names of track calls, and the types of others."""
    return [one.get("event", one["type"]) for one in events.messages]


def rolled_back():
    return config.analytics().stats().dropped.get("rolled_back", 0)


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param(True, marks=pytest.mark.django_db(transaction=True)),
        pytest.param(False, marks=pytest.mark.django_db),
    ],
)
def test_de7_atomic_requests(wsgi, atomic_requests, segment_events, mark):
    """DE-7: Under `ATOMIC_REQUESTS` the events go with the rows, then the page."""
    before = rolled_back()
    wsgi.get("/buys/works")
    assert ["A", "page"] == left(segment_events)
    segment_events.assert_tracked("A", properties={"atomic": True})
    assert before + 1 == rolled_back()
    segment_events.clear()
    User.objects.all().delete()
    wsgi.client.raise_request_exception = False
    assert 500 == wsgi.get("/buys/fails").status_code
    assert [] == left(segment_events)
    assert before + 3 == rolled_back()
    assert 200 == wsgi.get("/buys/refuses").status_code
    assert ["page"] == left(segment_events)
    assert before + 5 == rolled_back()
    assert 0 == User.objects.count()
    assert 0 == config.analytics()._pipeline._deferrals.held_bytes


@pytest.mark.django_db(transaction=True)
def test_de7_async_view(asgi, segment_events):
    """DE-7: The transaction of an async view is that of its thread."""
    before = rolled_back()
    asgi.get("/abuys/works")
    assert ["A", "B", "page"] == left(segment_events)
    segment_events.clear()
    User.objects.all().delete()
    asgi.get("/abuys/fails")
    assert ["Refused", "B", "page"] == left(segment_events)
    assert before + 1 == rolled_back()


@pytest.mark.django_db(transaction=True)
def test_the_event_loop_has_connections_of_its_own(segment_events):
    """What is tracked in the event loop does not wait for a thread's transaction."""

    async def in_the_loop():
        track("Leaves")

    def work():
        with transaction.atomic():
            track("Waits")
            async_to_sync(in_the_loop)()

    with bind(user_id="u"):
        async_to_sync(sync_to_async(work))()
    assert ["Leaves", "Waits"] == left(segment_events)


@pytest.mark.django_db(transaction=True)
def test_de7_live_server(live_server, atomic_requests, segment_events):
    """DE-7: Behind pytest-django's live server it is as in production."""
    address = urlsplit(live_server.url)
    for how, expected in [("works", ["A", "page"]), ("fails", [])]:
        segment_events.clear()
        client = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        headers = {**BROWSER_HEADERS, "Cookie": "ajs_anonymous_id=visitor-0001"}
        client.request("GET", f"/buys/{how}", headers=headers)
        assert (200 if expected else 500) == client.getresponse().status
        client.close()
        assert expected == left(segment_events)


@pytest.mark.django_db
def test_callbacks_captured_by_pytest_django(
    segment_events, django_capture_on_commit_callbacks
):
    """pytest-django's fixture sends each event once, and a callback's own as well."""
    with (
        bind(user_id="u"),
        django_capture_on_commit_callbacks(execute=True),
        transaction.atomic(),
    ):
        track("A")
        transaction.on_commit(lambda: track("B"))
    assert ["A", "B"] == left(segment_events)


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_bounded(segment_events, settings):
    """In one long transaction no more waits than `QUEUE_BYTES`; the rest is counted."""
    settings.SEGMENT = {"QUEUE_BYTES": 10_000}
    with bind(user_id="u"), transaction.atomic():
        ids = [track("A", {"x": "y" * 900}) for _ in range(40)]
        stats = config.analytics().stats()
        assert ids.count(None) == stats.dropped["queue_full"] > 25
    assert 40 - ids.count(None) == len(segment_events)
    assert 0 == config.analytics()._pipeline._deferrals.held_bytes


class InTestCase(TestCase):
    """What a project's own test does, without a word about transactions."""

    @classmethod
    def setUpTestData(cls):
        cls.user = User.objects.create(username="reader")

    def test_events_of_a_view(self):
        """A block of a view counts as committed where it ended well."""
        with capture() as events, bind(user_id="u"):
            with transaction.atomic():
                User.objects.create(username="other")
                track("A")
            events.assert_tracked("A", count=1)
            with pytest.raises(RefusedError), transaction.atomic():  # noqa: PT012 - a block that fails
                track("B")
                raise RefusedError
            events.assert_not_tracked("B")


class InTransactionTestCase(TransactionTestCase):
    def test_events_of_a_view(self):
        """Here transactions are real ones."""
        with capture() as events, bind(user_id="u"):
            with transaction.atomic():
                track("A")
                assert 0 == len(events._bodies)
            events.assert_tracked("A", count=1)
