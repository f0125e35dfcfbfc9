"""`diff`: what is breaking, additive and cosmetic, and that it misses nothing."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_diff_bench import pairs, plan, rule

from segment_integrations.plan.diffing.diff import diff
from segment_integrations.plan.tracking import TrackingPlan


def changed(old, new, **more):
    """Kinds and places of what changed, of plans or of two schemas of properties."""
    if isinstance(old, dict):
        old, new = plan(rule(old, **more)), plan(rule(new, **more))
    prefix = "/properties/properties"
    return [
        (one.kind, one.place.removeprefix(prefix).removeprefix("/properties/traits"))
        for one in diff(old, new)
    ]


def facts(required=(), **properties):
    schema = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


STRING = {"type": "string"}

# -- one property ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "kind", "keyword"),
    [
        ({"type": "string"}, {"type": "integer"}, "breaking", "type"),
        ({"type": "number"}, {"type": "integer"}, "breaking", "type"),
        ({"type": "integer"}, {"type": "number"}, "additive", "type"),
        ({"type": "string"}, {"type": ["string", "null"]}, "additive", "type"),
        ({"type": ["string", "null"]}, {"type": "string"}, "breaking", "type"),
        ({}, {"type": "string"}, "breaking", "type"),
        ({"type": "string"}, {}, "additive", "type"),
        ({"type": ["number", "integer"]}, {"type": "number"}, "cosmetic", "type"),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, "additive", "enum"),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "breaking", "enum"),
        ({"enum": ["a", "b"]}, {"enum": ["b", "a"]}, "cosmetic", "enum"),
        ({"enum": [1, True]}, {"enum": [1]}, "breaking", "enum"),
        ({}, {"enum": ["a"]}, "breaking", "enum"),
        ({"enum": ["a"]}, {}, "additive", "enum"),
        ({"enum": ["a", "b"]}, {"const": "b"}, "breaking", "const"),
        (STRING, {**STRING, "pattern": "^a"}, "breaking", "pattern"),
        ({**STRING, "pattern": "^a"}, STRING, "additive", "pattern"),
        (
            {**STRING, "pattern": "^a"},
            {**STRING, "pattern": "^b"},
            "breaking",
            "pattern",
        ),
        ({"pattern": "a|b"}, {"pattern": "b|a|c"}, "additive", "pattern"),
        ({"pattern": "a|b|c"}, {"pattern": "a|b"}, "breaking", "pattern"),
        (STRING, {**STRING, "format": "date-time"}, "breaking", "format"),
        ({**STRING, "format": "date-time"}, STRING, "additive", "format"),
        ({"minimum": 1}, {"minimum": 2}, "breaking", "minimum"),
        ({"minimum": 2}, {"minimum": 1}, "additive", "minimum"),
        ({"exclusiveMinimum": 1}, {"minimum": 1}, "additive", "minimum"),
        ({"minimum": 1}, {"exclusiveMinimum": 1}, "breaking", "exclusiveMinimum"),
        ({"maximum": 1}, {"maximum": 2}, "additive", "maximum"),
        ({"maximum": 2}, {"maximum": 1}, "breaking", "maximum"),
        ({"maxLength": 2}, {}, "additive", "maxLength"),
        ({}, {"minLength": 1}, "breaking", "minLength"),
        ({"multipleOf": 4}, {"multipleOf": 2}, "additive", "multipleOf"),
        ({"multipleOf": 2}, {"multipleOf": 4}, "breaking", "multipleOf"),
        ({"uniqueItems": True}, {}, "additive", "uniqueItems"),
        ({}, {"uniqueItems": True}, "breaking", "uniqueItems"),
        ({"items": STRING}, {"items": {}}, "additive", "items/type"),
        ({}, {"items": STRING}, "breaking", "items/type"),
        ({}, {"not": {"const": 1}}, "breaking", "not"),
        ({"not": {"enum": [1, 2]}}, {"not": {"enum": [1]}}, "additive", "not"),
        ({"not": {"enum": [1]}}, {"not": {"enum": [1, 2]}}, "breaking", "not"),
        ({"allOf": [STRING]}, {"allOf": [{}]}, "additive", "allOf/0/type"),
        (
            {"anyOf": [STRING]},
            {"anyOf": [STRING, {"type": "null"}]},
            "additive",
            "anyOf",
        ),
        ({"oneOf": [STRING]}, {"oneOf": [STRING, {}]}, "breaking", "oneOf"),
        ({"if": {}, "then": STRING}, {"if": {}, "then": {}}, "additive", "then/type"),
        ({"if": {}}, {"if": STRING}, "breaking", "if"),
        ({"x-odd": 1}, {"x-odd": 2}, "breaking", "x-odd"),
        ({"x-odd": 1}, {}, "breaking", "x-odd"),
        (STRING, {**STRING, "description": "New"}, "cosmetic", "description"),
        ({"not": {"title": "a"}}, {"not": {"title": "b"}}, "cosmetic", "not"),
    ],
)
def test_a_changed_keyword(old, new, kind, keyword):
    """Each keyword is compared by what it lets through, at its own place."""
    assert [(kind, f"/properties/a/{keyword}")] == changed(facts(a=old), facts(a=new))


# -- names -------------------------------------------------------------------------

FREE = {"additionalProperties": True}
NONE = {"additionalProperties": False}
DEEP = facts(items=facts(id=STRING))


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (facts(), facts(a=STRING), [("additive", "/properties/a")]),
        (facts(), facts(["a"], a=STRING), [("breaking", "/properties/a")]),
        (facts(a=STRING), facts(), [("breaking", "/properties/a")]),
        (facts(a=STRING), facts(["a"], a=STRING), [("breaking", "/required")]),
        (facts(["a"], a=STRING), facts(a=STRING), [("additive", "/required")]),
        (
            {**facts(), **FREE},
            {**facts(a=STRING), **FREE},
            [("breaking", "/properties/a")],
        ),
        (
            {**facts(a=STRING), **FREE},
            {**facts(), **FREE},
            [("additive", "/properties/a")],
        ),
        (
            {**facts(), **NONE},
            {**facts(a=STRING), **NONE},
            [("additive", "/properties/a")],
        ),
        (
            {**facts(a=STRING), **NONE},
            {**facts(), **NONE},
            [("breaking", "/properties/a")],
        ),
        (facts(), {**facts(), **FREE}, [("additive", "/additionalProperties")]),
        ({**facts(), **FREE}, facts(), [("breaking", "/additionalProperties")]),
        (facts(), {**facts(), **NONE}, [("breaking", "/additionalProperties")]),
        ({**facts(), **NONE}, facts(), [("additive", "/additionalProperties")]),
        (
            DEEP,
            facts(items=facts(id=STRING, sku=STRING)),
            [("breaking", "/properties/items/properties/sku")],
        ),
        (
            DEEP,
            facts(items=facts(id=STRING, sku={})),
            [("additive", "/properties/items/properties/sku")],
        ),
        (
            DEEP,
            facts(items=facts()),
            [("additive", "/properties/items/properties/id")],
        ),
    ],
)
def test_changed_names(old, new, changes):
    """An optional property is additive where no valid message can have had its name."""
    assert changes == changed(old, new)
    assert changes == changed(old, new, type_="IDENTIFY", key="")


def test_names_of_pages_are_free():
    """Unplanned properties of a page are no violation, so that a new type can break."""
    old, new, at = facts(), facts(url=STRING), "/properties/url"

    assert [("breaking", at)] == changed(old, new, type_="PAGE", key="")
    assert [("additive", at)] == changed(new, old, type_="PAGE", key="")


def test_what_the_common_rule_plans():
    """A name that goes from the common rule is unplanned in each event."""
    common = rule(facts(a=STRING), type_="COMMON", key="")
    event = rule(facts(b=STRING))

    kinds = {one.title: one.kind for one in diff(plan(common, event), plan(event))}
    assert {"common": "additive", "track 'Order Completed'": "breaking"} == kinds
    grown = rule(facts(b=STRING, a={"type": "null"}))
    assert "breaking" in {
        one.kind
        for one in diff(plan(common, event), plan(common, grown))
        if one.event == "Order Completed"
    }


# -- rules -------------------------------------------------------------------------


def test_events_that_come_and_go():
    """One that goes is unplanned then, and one that comes was unplanned before."""
    one, two = rule(facts(a=STRING)), rule(facts(b=STRING), key="Order Refunded")

    assert [("additive", "")] == changed(plan(one), plan(one, two))
    assert [("breaking", "")] == changed(plan(one, two), plan(one))


@pytest.mark.parametrize("key", ["Order completed", "Order Finished"])
def test_a_renamed_event_is_one_change(key):
    """Other spelling, or the same schema, make it a new name rather than two events."""
    (found,) = diff(plan(rule(facts(a=STRING))), plan(rule(facts(a=STRING), key=key)))

    assert ("breaking", "/key", f"renamed to {key!r}") == (
        found.kind,
        found.place,
        found.text,
    )


def test_versions():
    """A newer one is additive, a removed one breaking, an older one depends."""
    one = rule(facts(a=STRING, b=STRING))
    two = rule(facts(["b"], a=STRING, b=STRING), version=2)

    assert [("additive", "/version")] == changed(plan(one), plan(one, two))
    assert [("breaking", "/version")] == changed(plan(one, two), plan(one))
    assert [("additive", "/version")] == changed(plan(two), plan(one, two))
    stricter = {**two, "version": 1}
    looser = {**one, "version": 2}
    assert [("breaking", "/version")] == changed(plan(looser), plan(stricter, looser))


def test_rules_for_users_pages_and_all():
    """Without one everything goes, so that a rule which asks for something breaks."""
    user = rule(facts(a=STRING), type_="IDENTIFY", key="")
    common = rule(type_="COMMON", key="")
    common["jsonSchema"]["required"] = ["anonymousId"]
    pages = rule(facts(a=STRING), type_="PAGE", key="")
    product = rule(facts(a={"type": ["string", "null"]}), type_="PAGE", key="Product")

    for one in (user, common, pages):
        assert [("breaking", "")] == changed(plan(), plan(one))
        assert [("additive", "")] == changed(plan(one), plan())
    assert [("additive", "")] == changed(plan(pages), plan(pages, product))
    assert [("breaking", "")] == changed(plan(pages, product), plan(pages))
    viewed = rule(facts(a=STRING), key="Page Viewed")
    assert [("additive", ""), ("breaking", "")] == changed(plan(), plan(viewed))


def test_what_no_message_breaks_is_cosmetic():
    """Labels, descriptions and deprecation are told, and break nothing."""
    old = plan(rule(facts(a=STRING)))
    new = rule(
        facts(a=STRING), labels={"owner": "x"}, deprecatedAt="2026-01-01T00:00:00Z"
    )
    new["jsonSchema"]["description"] = "New"

    changes = diff(old, plan(new))

    assert {"cosmetic"} == {one.kind for one in changes}
    assert {"/labels", "/deprecatedAt", "/description"} == {
        one.place for one in changes
    }


def test_definitions_and_references():
    """What a reference leads to is compared, and can't be compared elsewhere."""

    def referring(target, **definitions):
        one = rule(facts(a={"$ref": target}, b=STRING))
        one["jsonSchema"]["definitions"] = definitions
        return plan(one)

    name = "#/definitions/name"
    old, new = referring(name, name=STRING), referring(name, name={})
    assert [("breaking", "/definitions/name")] == changed(old, new)
    told = referring(name, name={**STRING, "title": "x"})
    assert ["cosmetic"] == [kind for kind, _ in changed(old, told)]
    elsewhere = "#/properties/properties/properties/b"
    looser = rule(facts(a={"$ref": elsewhere}, b={}))
    looser["jsonSchema"]["definitions"] = {}
    assert "breaking" in {
        kind for kind, _ in changed(referring(elsewhere), plan(looser))
    }


# -- the laws ----------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_is_refused_anew_is_a_breaking_change(seed):
    """If a message was valid and is not any more, then diff tells of it."""
    for old, new, messages in pairs(Random(seed), 10):
        refused = [one for one in messages if not old.check(one) and new.check(one)]
        kinds = {one.kind for one in diff(old, new)}
        assert not refused or "breaking" in kinds, (
            old.document(),
            new.document(),
            refused[0],
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_plan_does_not_differ_from_itself(seed):
    """Nothing changed where nothing changed."""
    for old, _, _ in pairs(Random(seed), 10):
        assert [] == diff(old, TrackingPlan.of(old.document()))


def test_the_law_is_put_to_the_test():
    """Among the pairs are many that break a message, and many that break none."""
    broken = [
        any(not old.check(one) and new.check(one) for one in messages)
        for old, new, messages in pairs(Random(1), 200)
    ]
    assert 20 < sum(broken) < 180
