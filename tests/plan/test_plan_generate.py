"""Modules generated from plans: what they look like, and that they stay as they are."""

import ast
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from plan_generate_bench import DOCUMENTS, classes_of, imported

from segment_integrations.plan import TrackingPlan, generate

GENERATED = Path(__file__).parent / "generated"


def planned(*rules):
    return TrackingPlan.of({"rules": list(rules)})


def rule(key, *properties, version=1):
    return {
        "key": key,
        "type": "TRACK",
        "version": version,
        "jsonSchema": {
            "type": "object",
            "properties": {
                "properties": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in properties},
                }
            },
        },
    }


def heads(source):
    """The names of the classes, with the names of events and their versions."""
    with imported(source) as module:
        return [
            (one.__name__, one.__segment__.name, one.__segment__.version)
            for one in classes_of(module)
        ]


def attributes(*properties):
    """The names of the fields for *properties*, by the names on the wire."""
    with imported(generate(planned(rule("Thing Done", *properties)))) as module:
        made = module.ThingDone
        return dict(
            zip(made.__struct_encode_fields__, made.__struct_fields__, strict=True)
        )


def test_a_plan_becomes_the_module_in_the_folder():
    """All that a plan can say is written as people would write it."""
    plan = TrackingPlan.load(GENERATED / "shop.json")
    expected = (GENERATED / "shop_events.py.txt").read_text()
    assert expected == generate(plan, module="shop_events")


def test_the_order_of_rules_and_properties_does_not_matter():
    """The same plan in another order gives the same module."""
    plan = TrackingPlan.load(GENERATED / "shop.json")
    document = plan.document()
    random.Random(5).shuffle(document["rules"])
    for one in document["rules"]:
        for place in one["jsonSchema"].get("properties", {}).values():
            if "properties" in place:
                place["properties"] = dict(reversed(place["properties"].items()))
    assert generate(plan) == generate(TrackingPlan.of(document))


def test_the_newest_version_has_the_plain_name():
    """Older versions carry their number, and each class stamps its own version."""
    source = generate(
        planned(*(rule("Order Completed", version=at) for at in (2, 10, 1)))
    )
    assert [
        ("OrderCompleted", "Order Completed", 10),
        ("OrderCompletedV2", "Order Completed", 2),
        ("OrderCompletedV1", "Order Completed", 1),
    ] == heads(source)


def test_events_that_differ_in_spelling_only_have_classes_of_their_own():
    """The one in Title Case has the plain name, and no other event can take it."""
    before = {
        event: name
        for name, event, _ in heads(generate(planned(rule("order_completed"))))
    }
    assert {"order_completed": "OrderCompleted"} == before
    spelled = [
        "order completed",
        "Order Completed",
        "order_completed",
        "OrderCompleted",
    ]
    names = {
        event: name for name, event, _ in heads(generate(planned(*map(rule, spelled))))
    }
    assert set(spelled) == set(names)
    assert len(spelled) == len(set(names.values()))
    assert "OrderCompleted" == names["Order Completed"]


def test_an_event_that_looks_like_a_version_does_not_take_its_name():
    """Names of newest versions come first."""
    source = generate(
        planned(
            rule("Order Completed", version=2),
            rule("Order Completed"),
            rule("Order Completed V1"),
        )
    )
    names = {(event, version): name for name, event, version in heads(source)}
    assert "OrderCompletedV1" == names["Order Completed V1", 1]
    assert "OrderCompleted" == names["Order Completed", 2]
    assert 3 == len(set(names.values()))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (["order_id", "total"], {"order_id": "order_id", "total": "total"}),
        (["orderId", "total"], {"orderId": "order_id", "total": "total"}),
        (
            ["class", "None", "self"],
            {"class": "class_", "None": "none", "self": "self_"},
        ),
        (
            ["str", "field", "datetime"],
            {"str": "str_", "field": "field_", "datetime": "datetime_"},
        ),
        (["1st"], {"1st": "property_1st"}),
        (["prénom"], {"prénom": "prenom"}),
        (["🎉"], {"🎉": "property_614629"}),
        (
            ["__segment__", "_own"],
            {"__segment__": "segment", "_own": "own"},
        ),
    ],
)
def test_each_property_has_an_attribute(properties, expected):
    """Wire names stay as they are, attributes are plain Python."""
    assert expected == attributes(*properties)


def test_properties_that_differ_in_spelling_only_have_attributes_of_their_own():
    """The one that is an attribute as it stands keeps its name."""
    found = attributes("order-id", "orderId", "order_id", "order id")
    assert "order_id" == found["order_id"]
    assert 4 == len(set(found.values()))


def test_a_name_that_no_field_can_have_stays_in_the_plan():
    """msgspec takes no quotes in the names of fields; the schema keeps them."""
    source = generate(planned(rule("Thing Done", 'a"b', "c")))
    with imported(source) as module:
        assert {"c"} == set(module.ThingDone.__struct_fields__)
        assert {'a"b'} == set(module.ThingDone.__segment__.facts["properties"])


@pytest.mark.parametrize("module", ["", "a b", "1", "a..b", "x\nimport os"])
def test_the_name_of_the_module_has_to_be_one(module):
    """It is written into the docstring, so nothing else is taken."""
    with pytest.raises(ValueError, match="name of a Python module"):
        generate(planned(), module=module)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS)
def test_no_text_of_a_plan_gets_out_of_its_literal(document):
    """Whatever a plan says, the module is declarations, in ASCII or plain letters."""
    plan = TrackingPlan.of(document)
    source = generate(plan)
    tree = ast.parse(source)
    allowed = ast.Expr | ast.ImportFrom | ast.AnnAssign | ast.ClassDef
    assert all(isinstance(one, allowed) for one in tree.body)
    calls = {
        ast.unparse(one.func) for one in ast.walk(tree) if isinstance(one, ast.Call)
    }
    assert calls <= {"Meta", "field"}
    names = {
        keyword.value.value
        for one in tree.body
        if isinstance(one, ast.ClassDef)
        for keyword in one.keywords
        if keyword.arg == "name"
    }
    unsaid = ast.literal_eval(
        next(one.value for one in tree.body if isinstance(one, ast.AnnAssign))
    ).get("rules", ())
    expected = {one.key for one in plan.rules if one.key}
    assert expected == names | {one["key"] for one in unsaid if one["key"]}
    assert all(char.isprintable() or char == "\n" for char in source)
