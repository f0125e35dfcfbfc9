"""Models of other libraries as properties and traits."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, TypedDict

import attrs
import msgspec
import pydantic
import pytest
from pydantic import ConfigDict, Field, SecretStr
from pydantic.v1 import BaseModel as OldModel

from segment_integrations import InvalidEvent

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass
class Line:
    sku: str
    at: datetime = NOON


@attrs.define
class Cart:
    lines: list[Line]
    total: float = 2.0


class Thing(msgspec.Struct, rename="camel"):
    item_count: int


class Order(pydantic.BaseModel):
    order_id: str = Field(serialization_alias="orderId")
    at: datetime = NOON
    note: str | None = None
    password: SecretStr = SecretStr("hidden")


class AliasedOrder(Order):
    model_config = ConfigDict(serialize_by_alias=True)


class Odd(pydantic.BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    value: Any


class Old(OldModel):
    order_id: str


class Typed(TypedDict):
    order_id: str


ORDER = {"at": "2026-01-02T12:00:00Z", "note": None, "password": "**********"}
CASES = [
    (Line(sku="a"), {"sku": "a", "at": "2026-01-02T12:00:00Z"}),
    (
        Cart(lines=[Line(sku="a")]),
        {"lines": [{"sku": "a", "at": "2026-01-02T12:00:00Z"}], "total": 2.0},
    ),
    (Thing(item_count=3), {"itemCount": 3}),
    (Order(order_id="o"), {"order_id": "o", **ORDER}),
    (AliasedOrder(order_id="o"), {"orderId": "o", **ORDER}),
    (Odd(value=object()), {"value": "<object>"}),
    (Old(order_id="o"), {"order_id": "o"}),
    (Typed(order_id="o"), {"order_id": "o"}),
    (Cart(lines=[Old(order_id="o")]), {"lines": [{"order_id": "o"}], "total": 2.0}),
]


@pytest.mark.parametrize(
    ("model", "expected"), CASES, ids=lambda one: type(one).__name__
)
def test_a_model_goes_as_its_own_serialiser_has_it(analytics, sink, model, expected):
    """Properties and traits may be a model's instance."""
    analytics.track("Done", model, user_id="u")
    analytics.identify("u", model)
    analytics.page("Home", model, user_id="u")
    track, identify, page = sink.messages
    assert track["properties"] == expected
    assert identify["traits"] == expected
    assert page["properties"] == expected


def test_a_model_is_read_at_the_call(analytics, sink):
    """What is done to the model later changes nothing."""
    line = Line(sku="a")
    analytics.track("Done", line, user_id="u")
    line.sku = "b"
    assert sink.messages[0]["properties"]["sku"] == "a"


class Hostile:
    def model_dump(self, **_options):
        raise RuntimeError("ada@example.com")


class Rooted(pydantic.RootModel[list[int]]):
    pass


def circle():
    line = Line(sku="a")
    line.sku = line
    return line


@pytest.mark.parametrize(
    "model",
    [Hostile(), Rooted([1]), circle(), Order, Line, SimpleNamespace(a=1), [("a", 1)]],
    ids=["hostile", "list", "circle", "class", "dataclass", "namespace", "pairs"],
)
def test_what_has_no_fields_is_counted_or_raised(make, sink, model):
    """What is no model, or one that can't be read, never raises outside strict."""
    loose = make()
    assert loose.track("Done", model, user_id="u") is None
    assert loose.stats().dropped == {"invalid": 1}
    with pytest.raises(InvalidEvent, match="properties") as caught:
        make(strict=True).track("Done", model, user_id="u")
    assert "ada@example.com" not in str(caught.value)
    assert sink.messages == []


def test_no_library_of_models_is_imported():
    """Sending a typed event and a dataclass imports neither pydantic nor attrs."""
    code = """
import dataclasses, sys
from segment_integrations import Analytics, Event

class Seen(Event):
    number: int

@dataclasses.dataclass
class Line:
    sku: str

class Sink:
    def put(self, body, message):
        pass

with Analytics("key", sink=Sink()) as analytics:
    assert analytics.track(Seen(number=1), user_id="u")
    assert analytics.track("Seen", Line("a"), user_id="u")
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"pydantic", "attr", "attrs", "jsonschema_rs"}, loaded
assert "segment_integrations.plan" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
