"""`tracks` with a class of typed events: its fields, and what is wrong with them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from msgspec import UNSET, Struct, UnsetType, field

from segment_integrations import (
    Analytics,
    ConfigurationError,
    Event,
    InvalidEvent,
    bind,
    tracks,
)
from segment_integrations.testing import capture


class Line(Struct, kw_only=True, rename="camel"):
    line_id: str


class OrderPlaced(Event, name="Order Completed", rename="camel"):
    order_id: str
    item_count: int = 1
    coupon: str | None = None
    note: str | UnsetType = UNSET
    lines: list[Line] = field(default_factory=list)


class Attempted(Event):
    success: bool
    error_type: str | UnsetType = UNSET


@pytest.fixture
def seen():
    """What is sent in strict mode, for a user that is known."""
    with Analytics("key", strict=True), capture() as events, bind(user_id="u"):
        yield events


def test_fields_come_from_arguments_by_their_names(seen):
    """Keys are the names of fields, and the wire has what the class makes of them."""

    @tracks(OrderPlaced, from_args={"order_id": "order.id", "item_count": "count"})
    def place(order, count):
        return order

    place(SimpleNamespace(id="o-1"), 3)
    (event,) = seen.tracks
    assert event["event"] == "Order Completed"
    assert event["properties"] == {
        "orderId": "o-1",
        "itemCount": 3,
        "coupon": None,
        "lines": [],
    }


def test_a_coroutine_is_tracked_too(seen):
    """Functions of all kinds are tracked by an event as by a name."""

    @tracks(OrderPlaced, from_args=["order_id"])
    async def place(order_id):
        return order_id

    asyncio.run(place("o-2"))
    assert seen.tracks[0]["properties"]["orderId"] == "o-2"


def test_fixed_fields_and_objects(seen):
    """Fixed values may be msgspec's own objects; what gives None has its default."""

    @tracks(
        OrderPlaced,
        properties={"order_id": "o", "lines": [Line(line_id="l")]},
        from_args=["coupon"],
    )
    def place(coupon=None):
        return coupon

    place()
    assert seen.tracks[0]["properties"]["lines"] == [{"lineId": "l"}]
    assert seen.tracks[0]["properties"]["coupon"] is None


def test_a_function_gives_the_instance(seen):
    """The function of `properties` may return an event, which is sent as it is."""

    @tracks(
        OrderPlaced,
        properties=lambda result: OrderPlaced(order_id=result, coupon=None, note="n"),
    )
    def place():
        return "o-3"

    place()
    assert seen.tracks[0]["properties"] == {
        "orderId": "o-3",
        "itemCount": 1,
        "coupon": None,
        "note": "n",
        "lines": [],
    }


def test_a_function_gives_fields(seen):
    """The function of `properties` may return fields by name, or a model with them."""

    @dataclass
    class Model:
        order_id: str

    @tracks(OrderPlaced, properties=lambda result: {"order_id": result})
    @tracks(OrderPlaced, properties=lambda result: Model(order_id=result))
    def place():
        return "o-4"

    place()
    assert [one["properties"]["orderId"] for one in seen.tracks] == ["o-4", "o-4"]


def test_the_outcome_fills_fields(seen):
    """With `when="always"`, the outcome goes where the class has fields for it."""

    @tracks(Attempted, when="always")
    def attempt(fails):
        if fails:
            raise KeyError("secret")

    attempt(fails=False)
    with pytest.raises(KeyError):
        attempt(fails=True)
    assert [one["properties"] for one in seen.tracks] == [
        {"success": True},
        {"success": False, "error_type": "KeyError"},
    ]


@pytest.mark.parametrize(
    ("event", "options", "text"),
    [
        (OrderPlaced, {"from_args": ["price"]}, "OrderPlaced has no field 'price'"),
        (OrderPlaced, {"from_args": ["orderId"]}, "has no field 'orderId'"),
        (OrderPlaced, {"properties": {"x": 1}}, "has no field 'x'"),
        (OrderPlaced, {}, "nothing gives the field 'order_id' of OrderPlaced"),
        (Attempted, {}, "nothing gives the field 'success' of Attempted"),
        (
            OrderPlaced,
            {"from_args": ["order_id"], "when": "always"},
            "which OrderPlaced does not have: add success: bool",
        ),
        (Attempted, {"from_args": ["success"], "when": "always"}, "named twice"),
        (Event, {}, "needs a subclass of Event"),
        (OrderPlaced(order_id="o"), {}, "event must be a text"),
        (int, {}, "event must be a text"),
    ],
)
def test_a_wrong_decoration_fails_at_once(event, options, text):
    """What can never make the event is an error where it is written."""
    with pytest.raises(ConfigurationError, match=text):

        @tracks(event, **options)
        def place(order_id="o", orderId="o", price=1, success=True): ...  # noqa: N803


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (0, r"properties.order_id is missing \(OrderPlaced\)"),
        (1, "has a name that is no field of OrderPlaced"),
        (2, "make no Checked: ValueError"),
    ],
)
def test_what_makes_no_event_is_counted_or_raised(place, text):
    """Outside strict mode the function works as ever, and the event is counted."""

    @tracks(OrderPlaced, from_args={"order_id": "order.id"})
    def missing(order):
        return order

    @tracks(OrderPlaced, properties=lambda: {"order_id": "o", "secret-key": 1})
    def unknown(order):
        return order

    class Checked(Event):
        order_id: str

        def __post_init__(self):
            raise ValueError("ada@example.com")

    @tracks(Checked, properties={"order_id": "o"})
    def checked(order):
        return order

    function = (missing, unknown, checked)[place]
    with Analytics("key", strict=False) as loose, capture() as seen, bind(user_id="u"):
        assert function(1) == 1
        assert loose.stats().dropped == {"invalid": 1}
        assert seen.messages == []
    with Analytics("key", strict=True), capture(), bind(user_id="u"):  # noqa: SIM117
        with pytest.raises(InvalidEvent, match=text):
            function(1)


def test_a_null_for_a_required_field_is_sent_or_named():
    """A required field that is None goes as null; strict mode compares the type."""

    @tracks(OrderPlaced, from_args=["order_id"])
    def place(order_id):
        return order_id

    with Analytics("key", strict=False), capture() as seen, bind(user_id="u"):
        place(None)
        assert seen.tracks[0]["properties"]["orderId"] is None
    with Analytics("key", strict=True), capture(), bind(user_id="u"):  # noqa: SIM117
        with pytest.raises(InvalidEvent, match="orderId must be str, got null"):
            place(None)
