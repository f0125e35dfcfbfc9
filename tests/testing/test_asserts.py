"""What the asserts take for equal, and what they say where nothing is."""

from datetime import UTC, date, datetime
from decimal import Decimal
from unittest import mock
from uuid import UUID

import pytest

from segment_integrations import Analytics, defaults

ID = UUID("6f1b9c0e-0000-4000-8000-000000000001")
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

SENT = {
    "id": ID,
    "price": Decimal("9.90"),
    "when": WHEN,
    "day": date(2026, 1, 2),
    "ratio": 0.1 + 0.2,
    "yes": True,
    "one": 1,
    "none": None,
    "colors": {"red", "blue"},  # in any order, as on the wire
    "products": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}],
    "deep": {"deeper": {"deepest": 1, "other": 2}},
    7: "number",
}


def text_of(function, *arguments, **options):
    """The text of a failing assert."""
    with pytest.raises(AssertionError) as caught:
        function(*arguments, **options)
    return str(caught.value)


class _Hostile:
    def __eq__(self, other):
        raise TypeError

    __hash__ = None


@pytest.mark.parametrize(
    "properties",
    [
        {},
        dict(SENT),
        {"id": str(ID)},
        {"price": "9.90"},
        {"when": "2026-01-02T03:04:05Z"},
        {"ratio": pytest.approx(0.3)},
        {"one": 1.0},
        {"one": mock.ANY},
        {"one": ...},
        {"none": ...},
        {"none": None},
        {"other": None},
        {"colors": list(SENT["colors"])},
        {"colors": frozenset({"blue", "red"})},
        {"products": [{"sku": "a"}, {"count": 2}]},
        {"products": ({"sku": "a"}, mock.ANY)},
        {"deep": {"deeper": {"deepest": 1}}},
        {"deep": {"deeper": {"absent": None}}},
        {"7": "number"},
        {"7": mock.ANY, "deep": mock.ANY},
        mock.ANY,
        ...,
    ],
)
def test_matches(analytics, segment_events, properties):
    """Subsets at every level, and values in the form in which the test has them."""
    analytics.track("Done", SENT, user_id=1)

    segment_events.assert_tracked("Done", properties=properties)


@pytest.mark.parametrize(
    ("properties", "difference"),
    [
        ({"one": 2}, "properties.one: expected 2, got 1"),
        ({"one": "1"}, "properties.one: expected '1', got 1"),
        ({"one": True}, "properties.one: expected True, got 1"),
        ({"yes": 1}, "properties.yes: expected 1, got True"),
        ({"yes": "True"}, "properties.yes: expected 'True', got True"),
        ({"one": None}, "properties.one: expected absent, got 1"),
        ({"two": ...}, "properties.two: expected any value, got absent"),
        ({"two": mock.ANY}, "properties.two: expected <ANY>, got absent"),
        ({"price": 9.9}, "properties.price: expected 9.9, got '9.90'"),
        ({"colors": {"red"}}, "properties.colors: expected {'red'}, got ["),
        (
            {"products": [{"sku": "a"}, {"sku": "c"}]},
            "properties.products[1].sku: expected 'c', got 'b'",
        ),
        (
            {"products": [{"sku": "a"}]},
            "properties.products: expected [{'sku': 'a'}], got [{",
        ),
        (
            {"deep": {"deeper": {"deepest": 2}}},
            "properties.deep.deeper.deepest: expected 2, got 1",
        ),
        ({"deep": 1}, "properties.deep: expected 1, got {'deeper'"),
        ({"one": {"a": 1}}, "properties.one: expected {'a': 1}, got 1"),
        ({"one": _Hostile()}, "properties.one: expected <"),
        (None, "properties: expected absent, got {"),
        (
            {"one": "x" * 300},
            f"properties.one: expected 'x{'x' * 198}…, got 1",
        ),
    ],
)
def test_does_not_match(analytics, segment_events, properties, difference):
    """The failure names the place, what was expected and what came."""
    analytics.track("Done", SENT, user_id=1)

    text = text_of(segment_events.assert_tracked, "Done", properties=properties)

    assert f"  {difference}" in text
    segment_events.assert_not_tracked("Done", properties=properties)


@pytest.mark.parametrize("user_id", [7, "7", mock.ANY, ...])
def test_ids_as_the_test_writes_them(analytics, segment_events, user_id):
    """A number or a UUID equals its text."""
    analytics.track("Done", user_id=7, anonymous_id=ID)

    segment_events.assert_tracked("Done", user_id=user_id, anonymous_id=ID)


@pytest.mark.parametrize("user_id", [8, None, True, object()])
def test_other_ids(analytics, segment_events, user_id):
    """None means that there is none."""
    analytics.track("Done", user_id=7)

    segment_events.assert_tracked("Done", anonymous_id=None)
    segment_events.assert_not_tracked("Done", user_id=user_id)


def test_returns_the_first_match(analytics, segment_events):
    """So that a test can look at the rest of it."""
    analytics.track("Done", {"number": 1}, user_id=1)
    analytics.track("Done", {"number": 2}, user_id=1)

    found = segment_events.assert_tracked("Done", count=2)

    assert found["properties"] == {"number": 1}
    assert segment_events.assert_tracked("Other", count=0) == {}


def test_every_assert_finds_its_call(analytics, segment_events):
    """By the arguments that it has."""
    analytics.identify("user-1", {"plan": "pro"}, anonymous_id="visitor")
    analytics.group("acme", {"size": 3}, user_id="user-1")
    analytics.page(
        "Home",
        {"path": "/home"},
        category="Start",
        user_id="user-1",
        context={"locale": "de"},
    )

    segment_events.assert_identified()
    segment_events.assert_identified(
        "user-1", count=1, anonymous_id="visitor", traits={"plan": "pro"}
    )
    segment_events.assert_grouped("acme", traits={"size": 3}, user_id="user-1")
    segment_events.assert_page()
    segment_events.assert_page(
        "Home", path="/home", category="Start", context={"locale": "de"}
    )
    segment_events.assert_not_tracked(...)


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
