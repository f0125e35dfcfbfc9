"""What the asserts say where nothing fits."""

from unittest import mock

import pytest

from segment_integrations import Analytics, defaults


def text_of(function, *arguments, **options):
    """The text of a failing assert."""
    with pytest.raises(AssertionError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_text_of_the_nearest_miss(analytics, segment_events):
    """Differing keys first, then what else it has, then what else arrived."""
    analytics.page("/products/{slug}", user_id="user-1")
    analytics.identify("user-1")
    analytics.track("Checkout Started", {"value": 1, "a": 2}, user_id="user-2")
    analytics.track(
        "Checkout Started", {"currency": "EUR", "value": 3}, anonymous_id="visitor"
    )

    text = text_of(
        segment_events.assert_tracked,
        "Checkout Started",
        user_id="user-1",
        properties={"currency": "USD", "value": 3},
    )

    assert text.splitlines() == [
        (
            "No \"Checkout Started\" with user_id='user-1',"
            " properties={'currency': 'USD', 'value': 3}"
        ),
        'nearest: track "Checkout Started"',
        "  properties.currency: expected 'USD', got 'EUR'",
        "  user_id: expected 'user-1', got absent",
        "  properties.value: 3",
        (
            'also arrived: page "/products/{slug}" (user-1), identify (user-1),'
            ' track "Checkout Started" (user-2)'
        ),
    ]


def test_text_of_a_misspelt_name(analytics, segment_events):
    """The nearest name, whatever its case."""
    analytics.track("Checkout Started", user_id=1)
    analytics.track("Order Completed", user_id=1)
    analytics.track("Order Completed", user_id=1)

    text = text_of(segment_events.assert_tracked, "chekout started", user_id=1)

    assert text.splitlines() == [
        'No "chekout started" with user_id=1',
        'nearest: track "Checkout Started"',
        "  event: expected 'chekout started', got 'Checkout Started'",
        'also arrived: track "Order Completed" (1) x2',
    ]


def test_text_without_a_near_name(analytics, segment_events):
    """What arrived, and nothing else; an event may also be given by what compares."""
    analytics.track("Order Completed", anonymous_id="visitor")

    text = text_of(segment_events.assert_tracked, "Signed Up", count=2)
    assert text.splitlines() == [
        'No "Signed Up" (2 expected)',
        'arrived: track "Order Completed" (anonymous)',
    ]
    text = text_of(segment_events.assert_tracked, mock.ANY, user_id=1)
    assert text.splitlines() == [
        "No track with event=<ANY>, user_id=1",
        'nearest: track "Order Completed"',
        "  user_id: expected '1', got absent",
    ]


def test_text_of_a_page(analytics, segment_events):
    """Pages are shown also where no name is near."""
    analytics.page("Home", {"path": "/home"}, user_id=1)
    analytics.page(None, {"path": "/"}, user_id=1)
    analytics.alias("user-2", previous_id="user-1")

    text = text_of(segment_events.assert_page, "Product", path="/")

    assert text.splitlines() == [
        "No page \"Product\" with path='/'",
        "nearest: page",
        "  name: expected 'Product', got absent",
        'also arrived: page "Home" (1), alias (user-2)',
    ]


def test_text_of_a_wrong_count(analytics, segment_events):
    """Too few show the nearest of the others, too many themselves."""
    analytics.track("Done", {"a": 1}, user_id=1)
    analytics.track("Done", {"a": 2}, user_id=1)
    analytics.alias("user-2", previous_id="user-1")

    text = text_of(segment_events.assert_tracked, "Done", count=2, properties={"a": 1})
    assert text.splitlines() == [
        "\"Done\" with properties={'a': 1}: expected 2, got 1",
        'matching: track "Done" (1)',
        'nearest: track "Done"',
        "  properties.a: expected 1, got 2",
        "also arrived: alias (user-2)",
    ]
    text = text_of(segment_events.assert_tracked, "Done", count=1)
    assert text.splitlines() == [
        '"Done": expected 1, got 2',
        'matching: track "Done" (1) x2',
    ]
    text = text_of(segment_events.assert_not_tracked, "Done", user_id=1)
    assert text.splitlines() == [
        '"Done" with user_id=1: expected none, got 2',
        'matching: track "Done" (1) x2',
    ]


def test_long_texts_are_cut(analytics, segment_events):
    """A hundred events or properties are not worth a hundred lines."""
    analytics.track("Wanted", {f"p{number}": 1 for number in range(20)}, user_id=1)
    for number in range(30):
        analytics.identify(f"user-{number}")

    text = text_of(segment_events.assert_tracked, "Wanted", properties={"p0": 2})

    lines = text.splitlines()
    assert lines[-2:] == [
        "  and 7 more",
        "also arrived: "
        + ", ".join(f"identify (user-{number})" for number in range(20))
        + ", 10 more",
    ]


def test_text_where_nothing_arrived(analytics, segment_events):
    """The likely reasons, as the client counted them since the capture began."""
    text = text_of(segment_events.assert_tracked, "Done")
    assert text.splitlines() == [
        'No "Done"',
        "nothing arrived",
        "no call was refused either: was the code reached?",
    ]

    analytics.track("Done")
    analytics.track("Done")
    text = text_of(segment_events.assert_identified, "user-1")
    assert text.splitlines() == [
        "No identify with user_id='user-1'",
        "nothing arrived",
        (
            "2 not sent: no_identity (no user or anonymous id was known: call inside a"
            " request or bind(user_id=...), or give user_id=)"
        ),
    ]


def test_text_where_analytics_is_off(monkeypatch, segment_events):
    """Or where there is none."""
    monkeypatch.setattr(defaults, "_registry", defaults._Registry())
    text = text_of(segment_events.assert_tracked, "Done")
    assert text.splitlines()[1:] == [
        "nothing arrived",
        "no Analytics was made: no call was made, or there is no key",
    ]

    with Analytics(enabled=False) as analytics:
        analytics.track("Done", user_id=1)
        text = text_of(segment_events.assert_tracked, "Done")
    assert text.splitlines()[1:] == [
        "nothing arrived",
        "Analytics is switched off (enabled=False)",
    ]


def test_a_client_without_figures_is_no_reason_to_fail(monkeypatch, segment_events):
    """Its counts are left out of the text."""
    monkeypatch.setattr(Analytics, "stats", lambda _: 1 / 0)
    with Analytics("key") as analytics:
        analytics.track("Refused")
        text = text_of(segment_events.assert_tracked, "Done")

    assert "not sent" not in text
