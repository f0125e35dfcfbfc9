"""A message is checked against the plan as Protocols would, and in its words."""

from __future__ import annotations

import dataclasses
import enum
import math
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_integrations.plan import TrackingPlan, Violation

PRODUCT = {
    "type": "object",
    "required": ["product_id"],
    "properties": {
        "product_id": {"type": "string"},
        "price": {"type": "number", "minimum": 0},
        "quantity": {"type": "integer"},
    },
}
ORDER = {
    "order_id": {"type": "string", "minLength": 1},
    "total": {"type": ["number", "null"]},
    "currency": {"type": "string", "pattern": "EUR|USD"},
    "method": {"enum": ["card", "cash"]},
    "paid_at": {"type": "string", "format": "date-time"},
    "products": {"type": "array", "items": PRODUCT},
}


def rule(known, key="Order Completed", type_="TRACK", version=1, **more):
    place = "traits" if type_ in {"IDENTIFY", "GROUP"} else "properties"
    inner = {"type": "object", "properties": known, **more}
    return {
        "key": key,
        "type": type_,
        "version": version,
        "jsonSchema": {"type": "object", "properties": {place: inner}},
    }


def order(event="Order Completed", **properties):
    return {"type": "track", "event": event, "properties": properties}


def told(plan, message):
    return [(one.type, one.field, one.description) for one in plan.check(message)]


PLAN = TrackingPlan.of([rule(ORDER, required=["order_id"])])
GOOD = {
    "order_id": "o-1",
    "total": 12,
    "currency": "EUR",
    "method": "card",
    "paid_at": "2026-01-01T00:00:00Z",
    "products": [{"product_id": "p-1", "price": 1.5, "quantity": 2}],
}


def test_what_is_as_planned_has_no_violations():
    """Also null where that is allowed, and a part of the properties."""
    assert [] == PLAN.check(order(**GOOD))
    assert [] == PLAN.check(order(order_id="o-1", total=None))


@pytest.mark.parametrize(
    ("changed", "type_", "field", "description"),
    [
        ({"order_id": ...}, "Required", "order_id", "properties.order_id is required"),
        (
            {"total": "12"},
            "Invalid Type",
            "total",
            "Invalid type. Expected: null, number, given: string",
        ),
        (
            {"products": [{"product_id": "p"}, {"product_id": "p", "quantity": 1.5}]},
            "Invalid Type",
            "products.1.quantity",
            "Invalid type. Expected: integer, given: number",
        ),
        (
            {"products": [{}]},
            "Required",
            "products.0.product_id",
            "properties.products.0.product_id is required",
        ),
        (
            {"products": [{"product_id": "p", "price": -1}]},
            "Number Gte",
            "products.0.price",
            "Must be greater than or equal to 0",
        ),
        (
            {"currency": "EURO"},
            "Pattern",
            "currency",
            "Does not match pattern 'EUR|USD'",
        ),
        (
            {"method": "cheque"},
            "Enum",
            "method",
            'Must be one of the following: "card", "cash"',
        ),
        (
            {"paid_at": "yesterday"},
            "Format",
            "paid_at",
            "Does not match format 'date-time'",
        ),
        (
            {"order_id": ""},
            "String Gte",
            "order_id",
            "String length must be greater than or equal to 1",
        ),
    ],
)
def test_each_violation_is_told_in_protocols_words(changed, type_, field, description):
    """Type, dotted field and sentence are Protocols', and never hold a value."""
    facts = {**GOOD, **changed}
    facts = {name: found for name, found in facts.items() if found is not ...}
    assert [(type_, f"properties.{field}", description)] == told(PLAN, order(**facts))


KEYWORDS = [
    ({"const": 5}, 6, "Const", "Does not match: 5"),
    ({"maxLength": 1}, "ab", "String Lte", "less than or equal to 1"),
    ({"maximum": 1}, 2, "Number Lte", "less than or equal to 1"),
    ({"exclusiveMinimum": 1}, 1, "Number Gt", "greater than 1"),
    ({"exclusiveMaximum": 1}, 1, "Number Lt", "less than 1"),
    ({"multipleOf": 5}, 7, "Multiple Of", "multiple of 5"),
    ({"minItems": 1}, [], "Array Min Items", "at least 1 items"),
    ({"maxItems": 1}, [1, 2], "Array Max Items", "at most 1 items"),
    ({"uniqueItems": True}, [1, 1], "Unique", "unique"),
    ({"contains": {"type": "string"}}, [1], "Contains", "At least one"),
    (
        {"items": [{}], "additionalItems": False},
        [1, 2],
        "Array No Additional Items",
        "No additional items",
    ),
    ({"minProperties": 1}, {}, "Array Min Properties", "at least 1 properties"),
    ({"maxProperties": 0}, {"a": 1}, "Array Max Properties", "at most 0 properties"),
    ({"not": {"type": "string"}}, "x", "Number Not", "(not)"),
    ({"propertyNames": {"pattern": "^a"}}, {"b": 1}, "Invalid Property Name", "name"),
    ({"oneOf": [{}, {"type": "string"}]}, "x", "Number One Of", "(oneOf)"),
    (False, "x", "False", "always fails"),
]


@pytest.mark.parametrize(("schema", "value", "type_", "words"), KEYWORDS)
def test_each_keyword_has_its_words(schema, value, type_, words):
    """No keyword falls back to the library's own text, which holds values."""
    plan = TrackingPlan.of([rule({"a": schema})])
    (found,) = plan.check(order(a=value))
    assert (type_, "properties.a") == (found.type, found.field)
    assert words in found.description
    assert found.pointer.startswith("/properties/properties/properties/a")


def test_an_additional_property_is_its_own_field():
    """Where the plan allows no others, each other one is told by its name."""
    for known in ({"a": {}}, {}):
        plan = TrackingPlan.of([rule(known, additionalProperties=False)])
        found = plan.check(order(b=1))
        assert [
            ("Additional Property Not Allowed", "properties.b"),
        ] == [(one.type, one.field) for one in found]


def test_an_alternative_that_was_meant_is_told_where_it_breaks():
    """Of alternatives of other types only the one of this type speaks."""
    plan = TrackingPlan.of(
        [rule({"a": {"anyOf": [{"type": "null"}, PRODUCT]}, "b": {"anyOf": [{}, {}]}})]
    )
    assert [] == plan.check(order(a=None))
    assert ["properties.a.product_id"] == [one.field for one in plan.check(order(a={}))]
    assert [("Number Any Of", "properties.a")] == [
        (one.type, one.field) for one in plan.check(order(a=5))
    ]


def test_a_condition_is_told_where_it_breaks():
    """What `then` asks for is told at the property that it asks for."""
    plan = TrackingPlan.of(
        [
            rule(
                {"method": {"type": "string"}, "card": {"type": "string"}},
                **{
                    "if": {"properties": {"method": {"const": "card"}}},
                    "then": {"required": ["card"]},
                    "else": {"not": {"required": ["card"]}},
                },
            )
        ]
    )
    assert [] == plan.check(order(method="cash"))
    assert ["properties.card"] == [
        one.field for one in plan.check(order(method="card"))
    ]
    assert ["Number Not"] == [
        one.type for one in plan.check(order(method="cash", card="x"))
    ]


def test_the_version_that_a_message_names_is_the_one_that_counts():
    """An unknown or wrong version means the oldest, as Segment has it."""
    plan = TrackingPlan.of(
        [rule({"a": {"type": "string"}}, version=4), rule({"a": {}}, version=2)]
    )

    def versioned(version):
        return {**order(a=1), "context": {"protocols": {"event_version": version}}}

    assert 4 == plan.rule_for(versioned(4)).version
    for version in (None, 3.2, "4", 4.0, True, 9, [4]):
        assert 2 == plan.rule_for(versioned(version)).version
    for context in (None, 5, {}, {"protocols": 5}):
        assert 2 == plan.rule_for({**order(a=1), "context": context}).version
    assert ["Invalid Type"] == [one.type for one in plan.check(versioned(4))]
    assert [] == plan.check(versioned(2))


def test_an_event_that_is_not_in_the_plan_is_unplanned():
    """The name is compared exactly; events of other calls can't be unplanned."""
    assert [("Unplanned Event", "event", "event is not in the tracking plan")] == told(
        PLAN, order("order completed")
    )
    assert PLAN.check(order("order completed"))[0].is_unplanned
    assert ["Unplanned Event"] == [one.type for one in PLAN.check({"type": "track"})]
    for call in ("page", "screen", "identify", "group", "alias", None, 5, []):
        assert [] == PLAN.check({"type": call, "properties": {"a": 1}})


def test_a_property_that_is_not_in_the_plan_is_unplanned():
    """Names and order are the message's; schema violations come before them."""
    message = order(zoo=1, order_id=5, ant=1)
    assert ["zoo", "ant"] == PLAN.unplanned(message)
    assert [
        ("Invalid Type", "properties.order_id"),
        ("Unplanned Property", "properties.zoo"),
        ("Unplanned Property", "properties.ant"),
    ] == [(one.type, one.field) for one in PLAN.check(message)]


@pytest.mark.parametrize(
    ("more", "unplanned"),
    [
        ({}, ["b", "x_1"]),
        ({"additionalProperties": True}, []),
        ({"additionalProperties": False}, []),
        ({"additionalProperties": {"type": "integer"}}, []),
        ({"patternProperties": {"^x_": {}}}, ["b"]),
        ({"then": {"properties": {"b": {}}}, "if": True}, ["x_1"]),
        ({"allOf": [{"$ref": "#/definitions/more"}]}, ["x_1"]),
    ],
)
def test_what_a_plan_names_anywhere_is_planned(more, unplanned):
    """Patterns, conditions and references plan names too, and so does an open end."""
    one = rule({"a": {}}, **more)
    one["jsonSchema"]["definitions"] = {"more": {"properties": {"b": {}}}}
    plan = TrackingPlan.of([one])
    assert unplanned == plan.unplanned(order(a=1, b=1, x_1=1))


def test_traits_are_planned_as_properties_are():
    """Unplanned are traits of identify and group; page properties never are."""
    plan = TrackingPlan.of(
        [
            rule({"email": {"type": "string"}}, "", "IDENTIFY"),
            rule({"name": {"type": "string"}}, "", "GROUP"),
            rule({"title": {"type": "string"}}, "", "PAGE"),
            rule({"sku": {"type": "string"}}, "Product", "PAGE"),
        ]
    )
    assert [
        ("Invalid Type", "traits.email"),
        ("Unplanned Property", "traits.age"),
    ] == [
        (one.type, one.field)
        for one in plan.check({"type": "identify", "traits": {"email": 1, "age": 1}})
    ]
    assert ["x"] == plan.unplanned({"type": "group", "traits": {"x": 1}})
    assert [] == plan.check({"type": "page", "properties": {"x": 1, "title": ""}})
    assert [] == plan.check({"type": "identify"})
    for name, field in (("Product", "sku"), ("Home", "title"), (None, "title")):
        message = {"type": "page", "name": name, "properties": {"title": 1, "sku": 1}}
        assert [f"properties.{field}"] == [one.field for one in plan.check(message)]
    assert [] == plan.check({"type": "screen", "properties": {"title": 1}})


def test_page_calls_without_a_rule_are_planned_by_page_viewed():
    """As in Segment's own view, where page calls are `Page Viewed` events."""
    plan = TrackingPlan.of([rule({"title": {"type": "string"}}, "Page Viewed")])
    message = {"type": "page", "properties": {"title": 1, "more": 1}}
    assert ["properties.title"] == [one.field for one in plan.check(message)]
    assert [] == plan.check({"type": "screen", "properties": {"title": 1}})


def test_the_common_rule_holds_for_each_message():
    """Its violations come after the rule's own, and it plans names as well."""
    common = {
        "type": "COMMON",
        "jsonSchema": {
            "type": "object",
            "required": ["userId"],
            "properties": {"properties": {"properties": {"app": {"type": "string"}}}},
        },
    }
    plan = TrackingPlan.of([common, rule(ORDER, required=["order_id"])])
    assert ["properties.order_id", "userId", "properties.app"] == [
        one.field for one in plan.check(order(app=5))
    ]
    assert [] == plan.check({**order(order_id="o", app="web"), "userId": "u"})
    assert ["userId"] == [one.field for one in plan.check({"type": "alias"})]


def test_a_rule_about_the_whole_message_is_checked():
    """Context is planned too, and the root is named as Protocols names it."""
    whole = {
        "type": "object",
        "required": ["context"],
        "minProperties": 9,
        "properties": {
            "context": {"properties": {"app": {"properties": {"name": False}}}}
        },
    }
    plan = TrackingPlan.of([{**rule({}), "jsonSchema": whole}])
    message = {**order(), "context": {"app": {"name": "x"}}}
    assert {("False", "context.app.name"), ("Array Min Properties", "(root)")} == {
        (one.type, one.field) for one in plan.check(message)
    }


class Money(msgspec.Struct):
    amount: float


class Method(enum.Enum):
    CARD = "card"


class Rate(enum.Enum):
    HALF = Decimal("0.5")


@dataclasses.dataclass
class Point:
    x: int


class Odd:
    def __str__(self):
        raise RuntimeError("hostile")


def circle():
    found = {}
    found["a"] = found
    return found


def deep():
    found = []
    for _ in range(3_000):
        found = [found]
    return found


WIRE = [
    (Decimal("9.99"), "string"),
    (Rate.HALF, "string"),
    (datetime(2026, 1, 1, tzinfo=UTC), "string"),
    (UUID(int=1), "string"),
    (b"x", "string"),
    (Method.CARD, "string"),
    (math.nan, "null"),
    (math.inf, "null"),
    ({1}, "array"),
    ((1, 2), "array"),
    (Money(1.5), "object"),
    (Point(1), "object"),
    (MappingProxyType({"a": 1}), "object"),
    ({1: 2}, "object"),
    (10**40, "integer"),
    (Odd(), "string"),
    ("\ud800", "string"),
    (circle(), "object"),
    (deep(), "array"),
]
TYPES = ["string", "number", "integer", "object", "array", "null", "boolean"]


@pytest.mark.parametrize(
    ("value", "type_"), WIRE, ids=[type(one).__name__ for one, _ in WIRE]
)
@pytest.mark.parametrize("around", [None, "anyOf"])
def test_values_are_checked_as_they_go_over_the_wire(value, type_, around, caplog):
    """A decimal is a text there, NaN is null, and nothing makes the check fail."""
    for wanted in TYPES:
        schema = {"type": wanted} if around is None else {around: [{"type": wanted}]}
        nested = {"type": "array", "items": {"properties": {"b": schema}}}
        plan = TrackingPlan.of([rule({"a": schema, "list": nested})])
        fits = wanted == type_ or (wanted, type_) == ("number", "integer")
        for message in (order(a=value), order(list=[{"b": value}])):
            found = plan.check(message)
            assert fits is (found == []), (wanted, found)
    assert [] == caplog.records


def test_a_date_without_a_zone_is_told():
    """RFC 3339 asks for a zone, and a naive datetime has none on the wire."""
    aware = datetime(2026, 1, 1, tzinfo=UTC)
    assert [] == PLAN.check(order(order_id="o", paid_at=aware))
    assert ["Format"] == [
        one.type
        for one in PLAN.check(order(order_id="o", paid_at=aware.replace(tzinfo=None)))
    ]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": []},
        {"type": "track", "event": []},
        {"type": "track", "event": "Order Completed"},
        {"type": "track", "event": "Order Completed", "properties": 5},
        {"type": "track", "event": "Order Completed", "properties": None},
        {"type": "track", "event": "Order Completed", "properties": Money(1)},
        {1: 2},
        circle(),
        [],
        5,
        None,
        Odd(),
    ],
)
def test_no_message_makes_the_check_fail(message):
    """Whatever comes, the answer is a list of violations."""
    for one in PLAN.check(message):
        assert isinstance(one, Violation)


def test_an_event_name_of_an_odd_type_is_found():
    """The name is compared as it goes over the wire."""

    class Names(enum.Enum):
        ORDER = "Order Completed"

    assert ["Required"] == [one.type for one in PLAN.check(order(Names.ORDER))]


def test_no_value_gets_into_a_violation():
    """Whatever is wrong, a violation has names and the plan's words only."""
    secret = "jane@example.com"
    values = [secret, [secret], {"a": secret}, [{"product_id": [secret]}]]
    schemas = [*ORDER.values(), *[one for one, *_ in KEYWORDS]]
    found = []
    for schema in schemas:
        plan = TrackingPlan.of([rule({"a": schema})])
        for value in values:
            found += plan.check(order(a=value))
    assert len(found) > 30
    assert secret not in repr(found)


names = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.sampled_from([0.5, 1.0, -1.5]),
        st.sampled_from(["", "a", "ab", "abc", "2026-01-01T00:00:00Z"]),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=5,
)


def nested(inner):
    many = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(TYPES),
            "properties": st.dictionaries(names, inner, max_size=2),
            "required": st.lists(names, max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "patternProperties": st.dictionaries(
                st.sampled_from(["^a", "b$"]), inner, max_size=1
            ),
            "items": inner,
            "allOf": many,
            "anyOf": many,
            "oneOf": many,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
        },
    )


schemas = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(TYPES)
            | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
            "enum": st.lists(values, min_size=1, max_size=3),
            "const": values,
            "pattern": st.sampled_from(["^a", "b$", "a+"]),
            "minLength": st.integers(0, 3),
            "maxLength": st.integers(0, 3),
            "minimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 2),
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            "minItems": st.integers(0, 2),
            "uniqueItems": st.booleans(),
        },
    ),
    nested,
    max_leaves=4,
)


def test_an_object_that_may_have_nothing_names_what_it_has():
    """`additionalProperties: false` on its own refuses each property there is."""
    plan = TrackingPlan.of([rule({"a": {"additionalProperties": False}})])
    assert ["properties.a.x", "properties.a.y"] == sorted(
        one.field for one in plan.check(order(a={"x": None, "y": {}}))
    )
    assert [] == plan.check(order(a={}))


@settings(max_examples=40, deadline=None)
@given(schemas, st.lists(values, min_size=1, max_size=5))
def test_the_verdict_is_that_of_jsonschema(schema, found):
    """For the keywords of plans, jsonschema and we say the same of each value."""
    plan = TrackingPlan.of([rule({"a": schema})])
    other = jsonschema.Draft7Validator(schema)
    for value in found:
        is_valid = other.is_valid(value)
        assert is_valid is (plan.check(order(a=value)) == []), value
