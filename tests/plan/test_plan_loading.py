"""A tracking plan is read from each of its forms, and means the same in all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_integrations.errors import PlanError
from segment_integrations.plan import Rule, TrackingPlan

ORDER = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "description": "A customer paid.",
    "properties": {
        "context": {},
        "traits": {"type": "object"},
        "properties": {
            "type": "object",
            "properties": {
                "order_id": {
                    "type": "string",
                    "description": "",
                    "id": "/properties/properties/properties/order_id",
                }
            },
            "required": ["order_id"],
        },
    },
}
USER = {"type": "object", "properties": {"traits": {"type": "object"}}}


def public(**changes):
    """A rule as Segment's Public API gives it."""
    return {
        "key": "Order Completed",
        "type": "TRACK",
        "version": 1,
        "createdAt": "2024-01-01T00:00:00.000Z",
        "deprecatedAt": "0001-01-01T00:00:00.000Z",
        "jsonSchema": ORDER,
        **changes,
    }


def titles(plan):
    return [rule.title for rule in plan.rules]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda rules: rules,
        lambda rules: {"rules": rules},
        lambda rules: {"trackingPlan": {"id": "tp_1", "name": "Web"}, "rules": rules},
        lambda rules: {"data": {"rules": rules, "pagination": {"current": "MA=="}}},
        lambda rules: {"data": {"trackingPlan": {"id": "tp_1"}, "rules": rules}},
        lambda rules: {"name": "Web", "id": "tp_1", "rules": rules},
    ],
)
def test_each_wrapping_of_the_public_form_gives_the_same_rules(wrapped):
    """A bare list, an object, and an answer of the API hold the same plan."""
    rules = [public(), {"type": "IDENTIFY", "key": "", "jsonSchema": USER}]
    plan = TrackingPlan.of(wrapped(rules))
    assert ["track 'Order Completed'", "identify"] == titles(plan)
    assert {"order_id"} == set(plan.rules[0].planned)
    assert "A customer paid." == plan.rules[0].description
    assert not plan.rules[0].is_deprecated


def test_name_and_id_come_from_the_plan_beside_the_rules():
    """What the API says of the plan itself is kept."""
    about = {"id": "tp_1", "name": "Web", "description": "All sites."}
    plan = TrackingPlan.of({"trackingPlan": about, "rules": [public()]})
    assert ("tp_1", "Web", "All sites.") == (plan.id, plan.name, plan.description)
    assert about == plan.document()["trackingPlan"]


def test_the_old_form_gives_events_and_the_rules_for_all():
    """Typewriter's plan.json, with its global rule and its traits, is read."""
    plan = TrackingPlan.of(
        {
            "name": "workspaces/acme/tracking-plans/rs_123",
            "display_name": "Acme",
            "rules": {
                "events": [
                    {
                        "name": "Order Completed",
                        "description": "Paid.",
                        "version": 2,
                        "rules": {
                            key: found
                            for key, found in ORDER.items()
                            if key != "description"
                        },
                    }
                ],
                "global": {"type": "object", "required": ["context"]},
                "identify_traits": [
                    {"name": "email", "rules": {"type": "string"}, "version": 1},
                    {"name": "age", "type": "integer", "required": True},
                ],
                "group_traits": USER,
            },
        }
    )
    assert ("Acme", "rs_123") == (plan.name, plan.id)
    assert [
        "track 'Order Completed' version 2",
        "common",
        "identify",
        "group",
    ] == titles(plan)
    assert "Paid." == plan.rules[0].description
    assert {"email": {"type": "string"}, "age": {"type": "integer"}} == dict(
        plan.rules[2].planned
    )
    assert ["age"] == plan.rules[2].facts["required"]


@pytest.mark.parametrize(
    "given_as",
    [
        {"properties": {"traits": {"properties": {"email": {"type": "string"}}}}},
        {"properties": {"email": {"type": "string"}}},
        [{"name": "email", "rules": {"type": "string"}}],
        [{"name": "email", "schema": {"type": "string"}}],
        [{"name": "email", "type": "string"}],
        [
            {
                "name": "Identify",
                "rules": {
                    "properties": {
                        "traits": {"properties": {"email": {"type": "string"}}}
                    }
                },
            }
        ],
    ],
)
def test_traits_of_the_old_form_may_be_nested_flat_or_listed(given_as):
    """However the old form gives the traits of users, they are the same rule."""
    plan = TrackingPlan.of({"rules": {"events": [], "identify_traits": given_as}})
    assert ["IDENTIFY"] == [rule.type for rule in plan.rules]
    assert {"email": {"type": "string"}} == dict(plan.rules[0].planned)


def test_versions_are_kept_apart_oldest_first():
    """`events` has each version of a name, in the order of the versions."""
    plan = TrackingPlan.of([public(version=3), public(version=1), public(version=2)])
    assert [3, 1, 2] == [rule.version for rule in plan.rules]
    assert [1, 2, 3] == [rule.version for rule in plan.events["Order Completed"]]


def test_labels_and_deprecation_are_read_and_written():
    """Labels come from the schema, and a real time means that a rule is out of use."""
    rule = public(
        deprecatedAt="2024-05-01T00:00:00.000Z",
        jsonSchema={**ORDER, "labels": {"owner": "growth"}},
    )
    plan = TrackingPlan.of([rule])
    assert {"owner": "growth"} == plan.rules[0].labels
    assert plan.rules[0].is_deprecated
    assert {"owner": "growth"} == plan.document()["rules"][0]["jsonSchema"]["labels"]
    assert plan == TrackingPlan.of(plan.document())


def test_a_plan_is_not_changed_through_what_it_was_made_of():
    """A later change to the caller's own JSON does not reach the plan."""
    rules = json.loads(json.dumps([public()]))
    plan = TrackingPlan.of(rules)
    rules[0]["jsonSchema"]["properties"].clear()
    assert {"order_id"} == set(plan.rules[0].planned)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    """What editors on Windows write is no error."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps([public()]), encoding="utf-8-sig")
    plan = TrackingPlan.load(str(path))
    assert (str(path), "/0/jsonSchema") == (plan.source, plan.rules[0].pointer)


def test_a_folder_of_schemas_is_a_plan(tmp_path):
    """Names of files and folders say what a schema is of, title before file name."""
    facts = {"type": "object", "properties": {"plan": {"type": "string"}}}
    files = {
        "Signed Up.json": facts,
        "Signed Up.v2.json": facts,
        "checkout/started.json": {**facts, "title": "Checkout Started"},
        "checkout/whole.json": public(),
        "nested.json": ORDER,
        "identify.json": facts,
        "group/company.json": facts,
        "common.json": {"type": "object", "required": ["context"]},
        "page/Product.json": facts,
        "page.json": facts,
        "screen/Home.json": facts,
        ".hidden/no.json": [],
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(json.dumps(content))
    (tmp_path / "README.md").write_text("not read")
    plan = TrackingPlan.load(tmp_path)
    assert {
        "track 'Signed Up'",
        "track 'Signed Up' version 2",
        "track 'Checkout Started'",
        "track 'Order Completed'",
        "track 'nested'",
        "identify",
        "group",
        "common",
        "page 'Product'",
        "page",
        "screen 'Home'",
    } == set(titles(plan))
    assert tmp_path.name == plan.name
    planned = {rule.title: set(rule.planned) for rule in plan.rules}
    assert {"plan"} == planned["track 'Signed Up'"] == planned["identify"]
    assert {"order_id"} == planned["track 'nested'"]


def test_references_in_a_bare_schema_still_lead_into_it(tmp_path):
    """A file's own definitions are found although its schema is put into a rule."""
    (tmp_path / "Moved.json").write_text(
        json.dumps(
            {
                "type": "object",
                "required": ["to"],
                "properties": {"to": {"$ref": "#/definitions/place"}},
                "definitions": {
                    "place": {
                        "properties": {
                            "name": {"type": "string"},
                            "near": {"$ref": "#/definitions/place"},
                        }
                    }
                },
            }
        )
    )
    plan = TrackingPlan.load(tmp_path)
    message = {"type": "track", "event": "Moved"}
    deep = {"to": {"near": {"near": {"name": 7}}}}
    assert [] == plan.check({**message, "properties": {"to": {"name": "x"}}})
    assert ["properties.to.near.near.name"] == [
        one.field for one in plan.check({**message, "properties": deep})
    ]
    assert ["properties"] == [one.field for one in plan.check(message)]


def test_plans_are_equal_by_what_they_plan():
    """Where a plan was read is no difference; a word in a schema is one."""
    one, same = TrackingPlan.of([public()]), TrackingPlan.of({"rules": [public()]})
    other = TrackingPlan.of([public(key="Order Refunded")])
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "a plan"
    assert "<TrackingPlan '<plan>': 1 rules>" == repr(one)


def test_a_plan_can_be_made_of_rules():
    """Rules given by hand are checked as those of a file are."""
    rule = Rule(type="TRACK", key="Signed Up", schema={"type": "object"})
    plan = TrackingPlan([rule], name="Mine")
    assert (rule,) == plan.events["Signed Up"]
    with pytest.raises(PlanError, match="twice"):
        TrackingPlan([rule, rule, rule])


names = st.text(min_size=1, max_size=8)
leaves = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "boolean", "null"])},
    optional={"description": st.text(max_size=8)},
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(
            lambda known: {"type": "object", "properties": known},
            st.dictionaries(names, inner, max_size=3),
        ),
    ),
    max_leaves=6,
)
rules = st.builds(
    lambda key, type_, version, facts, labels, deprecated: Rule(
        type=type_,
        key=key if type_ in {"TRACK", "PAGE", "SCREEN"} else "",
        version=version,
        schema={
            "type": "object",
            "properties": {
                "traits" if type_ in {"IDENTIFY", "GROUP"} else "properties": facts
            },
        },
        labels=labels,
        is_deprecated=deprecated,
    ),
    names,
    st.sampled_from(["TRACK", "IDENTIFY", "GROUP", "PAGE", "SCREEN", "COMMON"]),
    st.integers(1, 3),
    schemas,
    st.dictionaries(names, st.text(max_size=5), max_size=2),
    st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(rules, max_size=5, unique_by=lambda one: (one.type, one.key, one.version)),
    st.text(max_size=5),
)
def test_what_a_plan_writes_it_reads_back(found, name):
    """The law: ``of(document())`` is the plan, also through JSON text."""
    plan = TrackingPlan(found, name=name, id="tp_1")
    assert plan == TrackingPlan.of(plan.document())
    assert plan == TrackingPlan.of(json.loads(json.dumps(plan.document())))
