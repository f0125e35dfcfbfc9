"""Modules generated from plans: what they look like, and that they stay as they are."""

import copy
import random
import time
from pathlib import Path

import pytest
from plan_generate_bench import classes_of, imported, meaning, sent_back

from segment_integrations import Analytics, PlanViolation
from segment_integrations.plan import TrackingPlan, diff, generate
from segment_integrations.testing import capture

GENERATED = Path(__file__).parent / "generated"
DRAFT = "http://json-schema.org/draft-{}/schema#"


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


@pytest.mark.parametrize("name", ["shop", "api"])
def test_a_plan_becomes_the_module_in_the_folder(name):
    """All that a plan can say is written as people would write it."""
    plan = TrackingPlan.load(GENERATED / f"{name}.json")
    expected = (GENERATED / f"{name}_events.py.txt").read_text("utf-8")
    assert expected == generate(plan, module=f"{name}_events")
    assert meaning(plan) == meaning(sent_back(expected))


def test_the_order_of_rules_does_not_matter():
    """The same plan in another order gives the same module."""
    plan = TrackingPlan.load(GENERATED / "api.json")
    document = plan.document()
    random.Random(5).shuffle(document["rules"])
    assert generate(plan) == generate(TrackingPlan.of(document))


def test_properties_stay_in_the_order_of_the_plan():
    """Those that are required go first; another order moves lines, and renames none."""
    one = rule("Thing Done", "b", "d", "a", "c")
    one["jsonSchema"]["properties"]["properties"]["required"] = ["a", "d"]
    with imported(generate(planned(one))) as module:
        assert ("d", "a", "b", "c") == module.ThingDone.__struct_fields__
    before = TrackingPlan.load(GENERATED / "shop.json")
    document = copy.deepcopy(before.document())
    for rule_ in document["rules"]:
        for place in rule_["jsonSchema"].get("properties", {}).values():
            place["properties"] = dict(reversed(place["properties"].items()))
    after = generate(TrackingPlan.of(document))
    assert generate(before) != after
    assert sorted(generate(before).splitlines()) == sorted(after.splitlines())


def noisy_plan(names):
    """A plan as Segment's API gives it, but for the properties *names*."""
    one = rule("Thing Done", "a", "b", "c", "d", "e")
    properties = one["jsonSchema"]["properties"]["properties"]["properties"]
    for name, schema in properties.items():
        if name not in names:
            schema["id"] = f"/properties/properties/properties/{name}"
            schema["description"] = ""
            schema["type"] = ["string"]
    one["jsonSchema"]["$schema"] = DRAFT.format("07")
    return planned(one)


@pytest.mark.parametrize("names", ["", "b", "abde", "abcde"])
def test_what_says_nothing_is_in_no_class(names):
    """Not the more common form and not the other one, and both come back."""
    plan = noisy_plan(names)
    source = generate(plan)
    written = source[source.index("class ") : source.index("PLAN: ")].split("\n", 1)[1]
    expected = [f"    {name}: str | UnsetType = UNSET" for name in "abcde"]
    assert expected == written.rstrip().splitlines()
    assert meaning(plan) == meaning(sent_back(source))
    assert ("form" in source) == (names != "abcde")


def test_an_id_that_is_not_the_path_is_kept_where_it_is():
    """It says that the property had another name."""
    one = rule("Thing Done", "a")
    one["jsonSchema"]["properties"]["properties"]["properties"]["a"]["id"] = "/old"
    assert 'extra_json_schema={"id": "/old"}' in generate(planned(one))


@pytest.mark.parametrize(
    ("drafts", "written"),
    [
        (["", "", ""], '"no_dialect": ["message"]'),
        (["07", "07", "07"], ""),
        (["", "07", "07"], '"no_dialect": [""]'),
        (["", "", "07"], '"no_dialect": [""]'),
        (["04", "04", "04"], f'"$schema": "{DRAFT.format("04")}"'),
        (["", "04", "07"], '"no_dialect": [""]'),
    ],
)
def test_the_dialect_comes_back_as_it_was(drafts, written):
    """With a ``$schema``, without, with another: the export is no change at all."""
    rules = [rule(f"Thing {number} Done", "a") for number in range(3)]
    for one, draft in zip(rules, drafts, strict=True):
        if draft:
            one["jsonSchema"]["$schema"] = DRAFT.format(draft)
    plan = planned(*rules)
    source = generate(plan)
    assert [] == diff(plan, sent_back(source))
    assert written in source
    assert ("no_dialect" in source) == ("" in drafts)


TAME = [
    *["^[A-Z]{3}$", "^a+$", "pro|free", r"^https?://\S+$", "a.*", "^.+$", r"^\w+?-$"],
    *[r"^[\w.+-]+@[\w-]+\.[a-z]+$", r"^[a-z0-9]+(-[a-z0-9]+)*$", "^(ab)+c$"],
    *[r"^(\d{1,3}\.){3}\d{1,3}$", r"^-?\d+(\.\d+)?$", r"^\/(?:[a-z]+\/)*$"],
    *[r"^[^@]{1,64}@[^@]{1,255}$", "^(?:[0-9a-f]{2})+$", r"^(?!a)\w+$", "^(x|y)z+$"],
]
WILD = [
    *["^(a+)+$", "^(a|a)*$", "^a*a*$", "^a*b*a*c$", "^.*a.*b$", "^(a?){500}b$"],
    *["^((ab)+)+$", "^(ab)+(ab)+$", "^(?:a?b?)+$", "^b*(a?b)*c$", r"^(\w+\s?)*$"],
    *["^((ab)?(ab)?)*c$", "a+$", "x|a+b", r"^(?=(a|aa)+$)\w*\1b$", "^[😀]+[😀]+$"],
    "^" + "a?" * 30 + "a" * 30,
]


@pytest.mark.parametrize("pattern", TAME + WILD)
def test_no_class_matches_a_pattern_that_explodes(pattern):
    """Such a pattern is only the plan's to check; both kinds come back as they were."""
    one = rule("Thing Done", "code")
    facts = one["jsonSchema"]["properties"]["properties"]
    facts["properties"]["code"]["pattern"] = pattern
    source = generate(planned(one))
    assert ("Meta(pattern=" in source) == (pattern in TAME)
    assert ('"pattern": ' in source) == (pattern in WILD)
    assert [] == diff(planned(one), sent_back(source))


def test_strict_mode_is_not_held_up_by_a_pattern():
    """One long value costs no more in a class of the plan than in the plan's check."""
    one = rule("Thing Done", "code")
    facts = one["jsonSchema"]["properties"]["properties"]
    facts["properties"]["code"]["pattern"] = "^(a+)+$"
    plan = planned(one)
    with imported(generate(plan)) as module, capture():
        analytics = Analytics("a-key", plan=plan, strict=True)
        before = time.process_time()
        with pytest.raises(PlanViolation, match="Does not match pattern"):
            analytics.track(module.ThingDone(code="a" * 5_000 + "!"), user_id="u")
        assert time.process_time() - before < 10


@pytest.mark.parametrize(
    "values",
    [
        [f"value {number}" for number in range(9)],
        ["x" * 40, "y" * 40],
        [*range(12), None],
    ],
)
def test_a_long_enum_has_a_name_of_its_own(values):
    """It stands above the class, whose fields stay readable."""
    one = rule("Thing Done", "a")
    properties = one["jsonSchema"]["properties"]["properties"]["properties"]
    properties["a"] = {"enum": values}
    plan = planned(one)
    source = generate(plan)
    assert "\nThingDoneA = Literal[" in source
    assert source.index("ThingDoneA = ") < source.index("class ThingDone(")
    assert meaning(plan) == meaning(sent_back(source))


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
