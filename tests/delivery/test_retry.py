import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_integrations.core.ports import Answer
from segment_integrations.delivery.retry import (
    BACKOFF_CAP_S,
    PROBE_CAP_S,
    Delivered,
    Drop,
    Hold,
    RetryAfter,
    Split,
    backoff,
    decide,
    probe_delay,
)
from segment_integrations.errors import TransportError

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def decided(outcome, attempt=0, rand=1.0):
    if isinstance(outcome, int):
        outcome = Answer(outcome)
    return decide(outcome, attempt, now_date=NOW, rand=lambda: rand)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (Delivered, [200, 201, 202, 204, 299]),
        (RetryAfter, [408, 410, 429, 460, 500, 502, 503, 504, 511, 599, 100, 600]),
        (Hold, [300, 301, 302, 307, 308, 401, 403, 404]),
        (Split, [400, 402, 405, 409, 411, 413, 415, 422, 431, 499]),
        (Drop, [501, 505]),
    ],
)
def test_case_10_each_status_has_one_outcome(kind, statuses):
    """Every status leads to the outcome that the table gives it."""
    assert {type(decided(status)) for status in statuses} == {kind}


def test_case_10_no_answer_is_tried_again():
    """A network fault is a reason to try again, never to drop."""
    assert RetryAfter(0.5) == decided(TransportError("no answer"))


def test_case_10_a_certificate_at_fault_holds():
    """What TLS refuses is not tried again at speed; a lost connection is."""
    fault = TransportError("no answer: certificate has expired")
    fault.__cause__ = ssl.SSLCertVerificationError()
    assert Hold("TLS: no answer: certificate has expired") == decided(fault)
    fault.__cause__ = ConnectionResetError()
    assert RetryAfter(0.5) == decided(fault)


@given(
    outcome=st.one_of(
        st.builds(
            Answer,
            st.integers(),
            st.dictionaries(st.just("retry-after"), st.text()),
            st.binary(),
        ),
        st.builds(TransportError, st.text()),
    ),
    attempt=st.integers(min_value=0),
    rand=st.floats(0, 1, exclude_max=True),
)
def test_the_table_is_total(outcome, attempt, rand):
    """Whatever comes back, there is one decision, and no wait is over its cap."""
    decision = decided(outcome, attempt, rand)
    assert isinstance(decision, Delivered | RetryAfter | Split | Hold | Drop)
    if isinstance(decision, RetryAfter):
        assert 0 <= decision.seconds <= 300
    assert isinstance(decision, Delivered) is (
        isinstance(outcome, Answer) and 200 <= outcome.status < 300
    )


def test_a_hold_says_what_to_mend():
    """The reason of a hold has the status and what to look at."""
    assert Hold("401: check the write key") == decided(401)


@pytest.mark.parametrize(
    ("attempt", "rand", "seconds"),
    [
        (0, 0.0, 0.0),
        (0, 1.0, 0.5),
        (1, 1.0, 1.0),
        (3, 0.5, 2.0),
        (7, 1.0, BACKOFF_CAP_S),
        (10_000, 1.0, BACKOFF_CAP_S),
    ],
)
def test_case_07_waits_have_full_jitter(attempt, rand, seconds):
    """A wait lies anywhere between nothing and a ceiling that doubles to its cap."""
    assert seconds == backoff(attempt, lambda: rand)


@pytest.mark.parametrize("status", [429, 503, 408])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("-3", 0.0),
        ("9999", 300.0),
        ("inf", 300.0),
        ("nan", 0.0),
        ("soon", 0.0),
        ("Fri, 99 May 2026 12:00:30 GMT", 0.0),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30.0),
        ("Fri, 01 May 2026 12:00:30 -0000", 30.0),
        (format_datetime(NOW - timedelta(seconds=30), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=1), usegmt=True), 300.0),
    ],
)
def test_case_08_retry_after_is_a_minimum(status, header, seconds):
    """`Retry-After` counts alike for all statuses, in every spelling, up to 300 s."""
    answer = Answer(status, {"retry-after": header})
    assert RetryAfter(seconds) == decided(answer, rand=0.0)


def test_case_08_retry_after_does_not_shorten_a_wait():
    """Where the jitter asks for more than `Retry-After`, the jitter counts."""
    assert RetryAfter(8.0) == decided(Answer(503, {"retry-after": "2"}), attempt=4)


def test_probes_of_an_open_circuit_are_slow():
    """An open circuit is probed after 30 s, then ever more slowly up to 300 s."""
    assert [30, 60, 120, 240, 300] == [probe_delay(n) for n in range(5)]
    assert PROBE_CAP_S == probe_delay(10_000)
