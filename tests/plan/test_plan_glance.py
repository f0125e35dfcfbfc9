"""The glance at a message says of none that it is fine which the wire form breaks."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from segment_integrations.core.encode import encode
from segment_integrations.plan import TrackingPlan
from segment_integrations.plan.checking import compiled as compiling
from segment_integrations.plan.checking.checker import Checker
from segment_integrations.plan.tracking import PREPARED_MAX

NUMBER = {"type": "number"}
ANY = {"description": "Anything."}
POINT = {"type": "object", "properties": {"x": NUMBER, "name": {"type": "string"}}}


def nested(schema, levels):
    for _ in range(levels):
        schema = {"type": "object", "properties": {"in": schema}}
    return schema


def within(value, levels):
    for _ in range(levels):
        value = {"in": value}
    return value


KNOWN = {
    "total": NUMBER,
    "either": {"type": ["string", "number", "null"]},
    "untyped": {"minimum": 0},
    "point": POINT,
    "list": {"type": "array", "items": NUMBER},
    "points": {"type": "array", "items": POINT},
    "loose": {"items": {"properties": {"x": NUMBER}}},
    "groups": {"type": "array", "items": nested({"items": POINT}, 1)},
    "deep": nested(POINT, 6),
    "lists": {"type": "array", "items": {"type": "array", "items": NUMBER}},
    "any": ANY,
}


def values(number):
    return {
        "total": number,
        "either": number,
        "untyped": number,
        "point": {"x": number},
        "list": [1, number],
        "points": [{"name": "a"}, {"x": number}],
        "loose": [5, "x", None, {"x": number}],
        "groups": [{"in": [{"x": number}]}],
        "deep": within({"x": number}, 6),
        "lists": [[number]],
        "any": number,
    }


def rule(known, key="Paid", type_="TRACK", **whole):
    place = "traits" if type_ in {"IDENTIFY", "GROUP"} else "properties"
    facts = {"type": "object", "properties": known}
    schema = {"type": "object", "properties": {place: facts}, **whole}
    return {"key": key, "type": type_, "version": 1, "jsonSchema": schema}


def track(properties, event="Paid", **more):
    return {"type": "track", "event": event, "properties": properties, **more}


def wire(message):
    return msgspec.json.decode(encode(message))


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("number", [1, 1.5, True, None, Decimal(1), "1", (1,)])
def test_the_verdict_is_that_of_the_wire_form(name, number):
    """Wherever in the facts a value stands, and at the first message as at others."""
    plan = TrackingPlan.of([rule({name: KNOWN[name]})])
    message = track({name: values(number)[name]})

    expected = TrackingPlan.of([rule({name: KNOWN[name]})]).check(wire(message))

    assert [expected] * 3 == [plan.check(message) for _ in range(3)]


@pytest.mark.parametrize(
    "name", [name for name in KNOWN if name not in {"untyped", "any"}]
)
def test_a_decimal_is_a_text_wherever_it_stands(name):
    """So it is no number, but where a text is allowed as well."""
    plan = TrackingPlan.of([rule({name: KNOWN[name]})])

    assert [] == plan.check(track({name: values(1)[name]}))
    found = plan.check(track({name: values(Decimal(1))[name]}))

    assert (["Invalid Type"] if name != "either" else []) == [one.type for one in found]


def test_parts_that_are_needed_or_asked_of_are_looked_at():
    """A context that the rule asks something of, and one that must be there."""
    asked = rule({}, required=["context", "userId"])
    asked["jsonSchema"]["properties"]["context"] = {
        "type": "object",
        "properties": {"rate": NUMBER},
    }
    plan = TrackingPlan.of([asked])
    context = {"context": {"rate": Decimal(1)}}

    for _ in range(2):
        assert [] == plan.check(track({}, context={"rate": 1}, userId="u"))
        assert ["context", "userId"] == [one.field for one in plan.check(track({}))]
        assert ["context.rate"] == [
            one.field for one in plan.check(track({}, userId="u", **context))
        ]


def test_a_rule_that_asks_nothing_plans_no_names():
    """Facts of which it does not speak are unplanned, at each message."""
    plan = TrackingPlan.of([{"key": "Paid", "type": "TRACK", "jsonSchema": {}}])

    for _ in range(2):
        assert [] == plan.check(track({}))
        assert ["properties.a"] == [one.field for one in plan.check(track({"a": 1}))]


def test_names_of_a_plan_are_never_code():
    """What is written for a rule has no word of it."""
    hostile = "x']: pass\nraise SystemExit #\"\\"
    plan = TrackingPlan.of([rule({hostile: NUMBER}, key=hostile)])

    assert [] == plan.check(track({hostile: 1}, event=hostile))
    assert 1 == len(plan.check(track({hostile: Decimal(1)}, event=hostile)))


def test_what_is_prepared_is_compiled_once(monkeypatch):
    """The first messages find their rule, and what tells the violations, compiled."""
    plan = TrackingPlan.of(
        [
            rule({"total": NUMBER}),
            rule({"name": {"type": "string"}}, key="", type_="IDENTIFY"),
            rule({"total": NUMBER}, key="", type_="COMMON"),
        ]
    )
    plan.prepare()
    monkeypatch.setattr(compiling, "compiled", lambda _: pytest.fail("compiled again"))

    assert [] == plan.check(track({"total": 1}))
    assert 2 == len(plan.check(track({"total": "1"})))
    assert 1 == len(plan.check({"type": "identify", "traits": {"name": 1}}))


@pytest.mark.parametrize(
    ("given", "prepared"),
    [
        ({}, ["A", "B", ""]),
        ({"at_most": 1}, ["A"]),
        ({"calls": {"identify"}}, [""]),
        ({"calls": {"alias"}}, []),
    ],
)
def test_so_many_rules_are_prepared(given, prepared):
    """Of the calls that are asked for, in the order of the plan."""
    plan = TrackingPlan.of(
        [rule({}, key="A"), rule({}, key="B"), rule({}, key="", type_="IDENTIFY")]
    )

    plan.prepare(**given)

    assert prepared == [key for keys in quick(plan._checker).values() for key in keys]


def quick(checker: Checker):
    return {call: keys for call, keys in checker.quick.items() if keys}


def test_a_large_plan_is_prepared_in_part():
    """Of 10,000 rules a start compiles no more than the first ones."""
    plan = TrackingPlan.of(
        [rule({}, key=f"Event {number}") for number in range(PREPARED_MAX + 50)]
    )

    plan.prepare()

    assert PREPARED_MAX == len(quick(plan._checker)["track"])
    assert [] == plan.check(track({}, event=f"Event {PREPARED_MAX + 1}"))
