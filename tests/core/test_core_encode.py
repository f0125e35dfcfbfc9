"""Odd values: each arrives in a documented form and takes no neighbour along."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import json
import math
import pathlib
import re
import types
import uuid

import msgspec
import pytest
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st

from segment_integrations.core.encode import DEPTH_MAX, encode, joined
from segment_integrations.core.message import EVENT_MAX_BYTES


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Item:
    sku: str
    price: decimal.Decimal


class Struct(msgspec.Struct):
    sku: str


class Bare:
    """No text of its own."""


class Named:
    def __str__(self):
        return "a name"


class Hostile:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


class Text(str):
    __slots__ = ()


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024 - as users write them
NOON = dt.datetime(2026, 1, 2, 12, 30, 15, 123456)  # noqa: DTZ001 - naive
UTC_NOON = NOON.replace(tzinfo=dt.UTC)


def deep(levels):
    value = current = {}
    for _ in range(levels):
        current["d"] = current = {}
    return value


def circle():
    value = {"name": "round"}
    value["self"] = value
    return value


ODD = {
    "uuid": (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    "decimal": (decimal.Decimal("9.90"), "9.90"),
    "decimal nan": (decimal.Decimal("NaN"), "NaN"),
    "nan": (math.nan, None),
    "infinity": (math.inf, None),
    "aware datetime": (UTC_NOON, "2026-01-02T12:30:15.123456Z"),
    "naive datetime": (NOON, "2026-01-02T12:30:15.123456"),
    "date": (NOON.date(), "2026-01-02"),
    "time": (NOON.time(), "12:30:15.123456"),
    "timedelta": (dt.timedelta(minutes=1), "PT60S"),
    "set": ({1}, [1]),
    "frozenset": (frozenset({1}), [1]),
    "tuple": ((1, 2), [1, 2]),
    "named tuple": (Pair(1, 2), [1, 2]),
    "bytes": (b"\xff\x00", "/wA="),
    "bytearray": (bytearray(b"ab"), "YWI="),
    "enum": (Colour.RED, "red"),
    "int enum": (Number.ONE, 1),
    "dataclass": (Item("a", decimal.Decimal(1)), {"sku": "a", "price": "1"}),
    "struct": (Struct("a"), {"sku": "a"}),
    "path": (pathlib.PurePosixPath("/a/b"), "/a/b"),
    "exception": (ValueError("ada@example.com"), "<ValueError>"),
    "class": (Bare, "<type>"),
    "lazy text": (lazystr("lazy"), "lazy"),
    "own text": (Named(), "a name"),
    "no text": (Bare(), "<Bare>"),
    "hostile": (Hostile(), "<Hostile>"),
    "function": (len, "<builtin_function_or_method>"),
    "generator": ((one for one in "ab"), "<generator>"),
    "mapping proxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "default dict": (collections.defaultdict(int, a=1), {"a": 1}),
    "text subclass": (Text("text"), "text"),
    "lone surrogate": ("a\ud800b", "a\ufffdb"),
    "surrogate pair": ("\ud83d\ude00", "\U0001f600"),
    "tuple key": ({(1, 2): 3}, {"(1, 2)": 3}),
    "int key": ({1: 2}, {"1": 2}),
    "none key": ({None: 2}, {"null": 2}),
    "bool key": ({True: 2}, {"true": 2}),
    "big int": (2**70, None),
    "complex": (1j, "1j"),
    "fraction": (fractions.Fraction(1, 3), "1/3"),
    "address": (ipaddress.ip_address("::1"), "::1"),
    "pattern": (re.compile("a"), None),
    "none": (None, None),
}


def refuse(name):
    raise ValueError(name)


def strict(body):
    """Parse strictly: no NaN, no Infinity, valid UTF-8, no lone surrogate."""
    text = body.decode()
    assert "\\ud8" not in text.lower() or "\\ude" in text.lower()
    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value(name):
    """An odd value arrives as documented, with both neighbours, in strict JSON."""
    value, expected = ODD[name]
    body = encode({"before": 1, "odd": value, "after": "x"})
    message = strict(body)
    assert list(message) == ["before", "odd", "after"]
    assert (message["before"], message["after"]) == (1, "x")
    if expected is not None or name in {"nan", "infinity", "none"}:
        assert expected == message["odd"]


def test_a_decimal_nan_is_strict():
    """A decimal that is no number is no bare NaN."""
    troubles = []
    body = encode(
        {"a": decimal.Decimal("Infinity"), "b": decimal.Decimal(1)}, troubles.append
    )
    assert strict(body) == {"a": "Infinity", "b": "1"}
    assert [] == troubles


def test_2000_levels():
    """A very deep value is cut at a documented depth."""
    troubles = []
    body = encode({"before": 1, "odd": deep(2_000), "after": 2}, troubles.append)
    message = strict(body)
    assert (message["before"], message["after"]) == (1, 2)
    levels = 0
    value = message["odd"]
    while isinstance(value, dict):
        value = value.get("d")
        levels += 1
    assert levels <= DEPTH_MAX
    assert value == "<dict>"
    assert ["RecursionError"] == troubles


@pytest.mark.parametrize(("levels", "cut"), [(499, False), (600, True)])
def test_levels_are_cut_where_parsers_might_refuse(levels, cut):
    """Hundreds of levels go as they are, whatever stands beside them; more are cut."""
    troubles = []
    body = encode({"odd": deep(levels - 1), "wide": [{}] * 600}, troubles.append)
    assert cut is bool(troubles)
    assert cut is (b"<dict>" in body)


def test_a_circle():
    """A value that holds itself is cut where it does."""
    troubles = []
    body = encode({"before": 1, "odd": circle(), "after": 2}, troubles.append)
    assert strict(body) == {
        "before": 1,
        "odd": {"name": "round", "self": "<dict>"},
        "after": 2,
    }
    assert ["RecursionError"] == troubles


def test_a_shared_value_is_no_circle():
    """A value that stands twice, side by side, is kept twice."""
    shared = {"a": 1}
    body = encode({"x": shared, "y": [shared, "\ud800"]})
    assert strict(body) == {"x": {"a": 1}, "y": [{"a": 1}, "\ufffd"]}


def test_a_crowd():
    """More nodes than an event can hold are cut, not walked for ever."""
    body = encode({"many": [["\ud800"]] * 100_000})
    assert "<list>" in strict(body)["many"]


def test_a_mapping_that_raises():
    """A hostile mapping costs itself only."""

    class Raising(dict):
        def items(self):
            raise RuntimeError

    body = encode({"a": 1, "odd": [Raising(), "\ud800"], "b": 2})
    assert strict(body) == {"a": 1, "odd": ["<Raising>", "\ufffd"], "b": 2}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.decimals()
    | st.uuids()
    | st.datetimes()
    | st.timedeltas()
    | st.sampled_from([Colour.RED, ValueError("x"), 1j])
    | st.builds(Bare)
    | st.builds(Hostile)
    | st.builds(Named),
    lambda below: (
        st.lists(below)
        | st.dictionaries(st.text(st.characters()) | st.integers() | st.none(), below)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_value_becomes_strict_json(value):
    """Whatever is given, the body is strict JSON and the neighbour is there."""
    body = encode({"odd": value, "neighbour": 1})
    assert strict(body)["neighbour"] == 1


@given(st.text(st.characters()))
def test_joined_is_idempotent_and_encodable(text):
    """Joining surrogates once is enough, and touches nothing else."""
    once = joined(text)
    once.encode()
    assert once == joined(once)
    if not any("\ud800" <= one <= "\udfff" for one in text):
        assert once == text


# -- the same through the call ------------------------------------------------------


@pytest.mark.parametrize("name", ODD)
def test_a_call_takes_an_odd_value(make, sink, name):
    """`track` neither raises nor loses the event, whatever stands in it."""
    analytics = make()
    around = {"before": 1, "odd": ODD[name][0], "after": 2}
    assert analytics.track("Seen", around, user_id="u-1") is not None
    (message,) = sink.messages
    assert message["properties"]["before"] == 1
    assert message["properties"]["after"] == 2
    assert message["userId"] == "u-1"


@pytest.mark.parametrize("make_value", [circle, lambda: deep(2_000)])
def test_a_call_says_once_what_it_replaced(make, sink, log, make_value):
    """What needed the guarded copy is logged once a minute, with no data."""
    analytics = make()
    for _ in range(3):
        analytics.track("Seen", {"odd": make_value()}, user_id="u-1")
    assert len(sink.messages) == 3
    (line,) = log()
    assert "RecursionError" in line
    assert "round" not in line


def test_the_message_is_frozen_at_the_call(make, sink):
    """What the caller changes afterwards is not in the message."""
    properties = {"items": [1]}
    make().track("Seen", properties, user_id="u-1")
    properties["items"].append(2)
    properties["more"] = True
    assert sink.messages[0]["properties"] == {"items": [1]}


def test_an_event_over_the_limit(make, sink, log):
    """An event over 32 KiB is counted and dropped alone; one just under it goes."""
    analytics = make()
    assert analytics.track("Big", {"a": "x" * 40_000}, user_id="u") is None
    assert analytics.track("Fits", {"a": "x" * 32_000}, user_id="u") is not None
    assert [one["event"] for one in sink.messages] == ["Fits"]
    assert all(len(body) <= EVENT_MAX_BYTES for body in sink.bodies)
    assert dict(analytics.stats().dropped) == {"too_large": 1}
    (line,) = log()
    assert "Segment takes 32768" in line
