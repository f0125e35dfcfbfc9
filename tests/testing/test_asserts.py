"""What the asserts take for equal."""

from datetime import UTC, date, datetime
from decimal import Decimal
from unittest import mock
from uuid import UUID

import pytest

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

    with pytest.raises(AssertionError) as caught:
        segment_events.assert_tracked("Done", properties=properties)

    assert f"  {difference}" in str(caught.value)
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
