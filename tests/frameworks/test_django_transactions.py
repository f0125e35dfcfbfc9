"""Events in Django's transactions."""

from contextlib import contextmanager

import pytest
from django.db import transaction
from django.test import TestCase

from segment_integrations import bind, track
from segment_integrations.client import Analytics
from segment_integrations.django import config
from segment_integrations.django.transactions import TransactionDeferral
from segment_integrations.testing import capture

BOTH = ("default", "replica")


@pytest.fixture(autouse=True)
def _somebody():
    with bind(user_id="u1"):
        yield


class RefusedError(Exception):
    """Rolls a transaction back."""


@contextmanager
def refused():
    try:
        yield
    except RefusedError:
        return
    pytest.fail("nothing was refused")


def sent(events):
    """What has left already, without letting what waits go."""
    return len(events._bodies)


def rolled_back():
    return config.analytics().stats().dropped.get("rolled_back", 0)


def tracked(events):
    return [message["event"] for message in events.tracks]


@pytest.mark.django_db(transaction=True)
def test_de7_commit(segment_events):
    """DE-7: In a transaction an event is accepted at once and leaves at its commit."""
    with transaction.atomic():
        assert track("A") is not None
        with transaction.atomic():
            track("B")
        assert 0 == sent(segment_events)
    assert 2 == sent(segment_events)
    track("C")
    assert 3 == sent(segment_events)
    assert ["A", "B", "C"] == tracked(segment_events)


@pytest.mark.django_db(transaction=True)
def test_de7_rollback(segment_events):
    """DE-7: A transaction that is rolled back sends nothing, and that is counted."""
    before = rolled_back()
    with refused(), transaction.atomic():
        track("A")
        track("B")
        raise RefusedError
    assert [] == tracked(segment_events)
    assert before + 2 == rolled_back()


@pytest.mark.django_db(transaction=True)
def test_de7_inner_rollback(segment_events):
    """DE-7: An inner savepoint's rollback costs the inner event only."""
    before = rolled_back()
    with transaction.atomic():
        track("Outer")
        with refused(), transaction.atomic():
            track("Inner")
            raise RefusedError
        track("After")
    assert ["Outer", "After"] == tracked(segment_events)
    assert before + 1 == rolled_back()


@pytest.mark.django_db(transaction=True, databases=BOTH)
def test_de7_other_database(segment_events):
    """DE-7: A transaction of any database holds the event back."""
    with transaction.atomic(using="replica"):
        track("A")
        assert 0 == sent(segment_events)
    assert ["A"] == tracked(segment_events)
    with refused(), transaction.atomic(using="replica"):
        track("B")
        raise RefusedError
    assert ["A"] == tracked(segment_events)


@pytest.mark.django_db(transaction=True, databases=BOTH)
@pytest.mark.parametrize("outer", BOTH)
def test_de7_two_databases(segment_events, outer):
    """DE-7: With two transactions open the event waits for both."""
    (inner,) = set(BOTH) - {outer}
    with transaction.atomic(using=outer):
        with transaction.atomic(using=inner):
            track("A")
        assert 0 == sent(segment_events)
    assert ["A"] == tracked(segment_events)
    with refused(), transaction.atomic(using=outer):
        with transaction.atomic(using=inner):
            track("B")
        raise RefusedError
    before = rolled_back()
    with transaction.atomic(using=outer):
        track("D")
        with refused(), transaction.atomic(using=inner):
            track("C")
            raise RefusedError
    assert before + 1 == rolled_back()
    assert ["A", "D"] == tracked(segment_events)


@pytest.mark.django_db(transaction=True)
def test_de7_another_callback_raises(segment_events):
    """DE-7: A callback of the application that raises does not cost our event."""

    def fails():
        raise RefusedError

    called = []
    with refused(), transaction.atomic():
        transaction.on_commit(lambda: called.append("first"))
        transaction.on_commit(fails)
        track("A")
        track("B")
        transaction.on_commit(lambda: called.append("never"))
    assert ["A", "B"] == tracked(segment_events)
    assert ["first"] == called


@pytest.mark.django_db(transaction=True)
def test_after_commit_off(segment_events, settings):
    """`AFTER_COMMIT=False` sends at once, whatever becomes of the transaction."""
    settings.SEGMENT = {"AFTER_COMMIT": False}
    with refused(), transaction.atomic():
        track("A")
        raise RefusedError
    assert ["A"] == tracked(segment_events)


@pytest.mark.django_db(transaction=True)
def test_payload_is_frozen_at_the_call(segment_events):
    """Properties and identity are those of the call, not of the commit."""
    properties = {"total": 1}
    with transaction.atomic():
        with bind(user_id="u2"):
            track("A", properties)
        properties["total"] = 2
    segment_events.assert_tracked("A", user_id="u2", properties={"total": 1})


@pytest.mark.django_db(transaction=True)
def test_manual_transaction_management(segment_events):
    """Without autocommit and atomic blocks nobody knows of a commit: it is sent."""
    transaction.set_autocommit(False)
    try:
        track("A")
        assert 1 == sent(segment_events)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


@pytest.mark.django_db(transaction=True)
def test_request_under_atomic_requests(browser, segment_events):
    """In a request the event of an atomic block comes before the page."""
    browser.get("/atomically")
    assert ["Inside", "Outside", None] == [
        one.get("event") for one in segment_events.messages
    ]


@pytest.mark.django_db
def test_test_case_is_no_transaction(segment_events):
    """The transaction around a test holds nothing back."""
    track("A")
    assert 1 == sent(segment_events)


@pytest.mark.django_db
def test_blocks_in_a_test_case_commit_at_their_end(segment_events):
    """In a test an atomic block of the application counts as committed at its end."""
    before = rolled_back()
    with transaction.atomic():
        track("A")
        assert [] == tracked(segment_events)
    assert ["A"] == tracked(segment_events)
    with refused(), transaction.atomic():
        track("B")
        raise RefusedError
    with transaction.atomic():
        track("C")
        with refused(), transaction.atomic():
            track("D")
            raise RefusedError
    track("E")
    assert ["A", "C", "E"] == tracked(segment_events)
    assert before + 2 == rolled_back()


@pytest.mark.django_db
def test_request_in_a_test_case(browser, segment_events):
    """In a test the order is that of production: the events, then the page."""
    browser.get("/atomically")
    assert ["Inside", "Outside", None] == [
        one.get("event") for one in segment_events.messages
    ]


class InUnittest(TestCase):
    def test_captured_callbacks(self):
        """`captureOnCommitCallbacks` sends each event once, and rolls none back."""
        before = rolled_back()
        with bind(user_id="u1"), capture() as events:
            with (
                self.captureOnCommitCallbacks(execute=True) as callbacks,
                transaction.atomic(),
            ):
                track("A")
            assert 1 == len(callbacks)
            assert ["A"] == tracked(events)
            assert ["A"] == tracked(events)
        assert before == rolled_back()


@pytest.mark.django_db(transaction=True)
def test_own_sink_waits_too():
    """Any `Analytics` can be given the deferral."""
    bodies = []

    class Sink:
        def put(self, body, message):
            bodies.append(message["event"])

    analytics = Analytics(sink=Sink(), write_key="k")
    analytics.deferral = TransactionDeferral()
    try:
        with transaction.atomic():
            analytics.track("A", user_id="u")
            assert [] == bodies
        assert ["A"] == bodies
    finally:
        analytics.close()
