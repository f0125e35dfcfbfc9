"""Plans of typed events: their schemas, and the command that writes them."""

from __future__ import annotations

import enum
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import pytest
from click.testing import CliRunner
from msgspec import UNSET, Meta, Struct, UnsetType, field

from segment_integrations import Event, Traits, View
from segment_integrations.cli.group import cli
from segment_integrations.errors import PlanError
from segment_integrations.plan import TrackingPlan, exported
from segment_integrations.plan.exporting.export import json_schema, schema_of

DIALECT = "http://json-schema.org/draft-07/schema#"


class Item(Struct, kw_only=True):
    """One item."""

    sku: str
    price: float | UnsetType = UNSET


class Bare(Struct, kw_only=True, forbid_unknown_fields=True):
    a: int


class Row(Struct, array_like=True):
    x: int
    y: str = ""


class Tagged(Struct, tag="cash"):
    amount: float


class Level(enum.IntEnum):
    LOW = 2
    HIGH = 1


class Colour(enum.Enum):
    RED = "red"


class Options(TypedDict, total=False):
    colour: str


@dataclass
class Point:
    x: int
    y: int = 0


class CheckoutStarted(Event, name="Checkout Started", labels={"owner": "growth"}):
    """
    A customer began to check out.

    With a full cart.
    """

    cart_value: float
    note: str | UnsetType = UNSET
    item_count: int = 1


ITEM = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "price": {"type": "number"}},
    "required": ["sku"],
    "description": "One item.",
}
BARE = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}

TYPES = [
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (str, {"type": "string"}),
    (bool, {"type": "boolean"}),
    (None, {"type": "null"}),
    (Any, {}),
    (object, {}),
    (datetime, {"type": "string", "format": "date-time"}),
    (date, {"type": "string", "format": "date"}),
    (time, {"type": "string", "format": "time"}),
    (timedelta, {"type": "string", "format": "duration"}),
    (UUID, {"type": "string", "format": "uuid"}),
    (Decimal, {"type": "string", "format": "decimal"}),
    (bytes, {"type": "string", "contentEncoding": "base64"}),
    (Literal["b", "a"], {"type": "string", "enum": ["b", "a"]}),
    (Literal[3, "a"], {"type": ["integer", "string"], "enum": [3, "a"]}),
    (
        Literal["b", None, "a"],  # noqa: PYI061 - it can be written so
        {"type": ["string", "null"], "enum": ["b", None, "a"]},
    ),
    (Literal["b"] | None, {"type": ["string", "null"], "enum": ["b", None]}),
    (Level, {"type": "integer", "enum": [2, 1]}),
    (Colour | None, {"type": ["string", "null"], "enum": ["red", None]}),
    (list[int], {"type": "array", "items": {"type": "integer"}}),
    (set[int], {"type": "array", "items": {"type": "integer"}}),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    (list, {"type": "array"}),
    (
        tuple[int, str],
        {
            "type": "array",
            "items": [{"type": "integer"}, {"type": "string"}],
            "minItems": 2,
            "maxItems": 2,
        },
    ),
    (dict, {"type": "object"}),
    (dict[str, Any], {"type": "object"}),
    (
        dict[str, int],
        {"type": "object", "additionalProperties": {"type": "integer"}},
    ),
    (
        dict[Annotated[str, Meta(pattern="^a")], Any],
        {"type": "object", "propertyNames": {"type": "string", "pattern": "^a"}},
    ),
    (Item, ITEM),
    (Bare, BARE),
    (list[Bare], {"type": "array", "items": BARE}),
    (
        Row,
        {
            "type": "array",
            "items": [{"type": "integer"}, {"type": "string"}],
            "minItems": 1,
            "maxItems": 2,
        },
    ),
    (
        Tagged,
        {
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": ["cash"]},
                "amount": {"type": "number"},
            },
            "required": ["type", "amount"],
        },
    ),
    (Options, {"type": "object", "properties": {"colour": {"type": "string"}}}),
    (
        Point,
        {
            "type": "object",
            "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
            "required": ["x"],
        },
    ),
    (str | None, {"type": ["string", "null"]}),
    (int | str | None, {"type": ["integer", "string", "null"]}),
    (
        Annotated[str, Meta(pattern="^a", description="A.")] | None,
        {"type": ["string", "null"], "pattern": "^a", "description": "A."},
    ),
    (
        Annotated[int, Meta(ge=1)] | float,
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "number"}]},
    ),
    (Bare | None, {**BARE, "type": ["object", "null"]}),
    (
        Annotated[str, Meta(extra_json_schema={"not": {"const": "x"}})] | None,
        {
            "anyOf": [
                {"type": "string", "not": {"const": "x"}},
                {"type": "null"},
            ]
        },
    ),
    (
        Annotated[int, Meta(ge=1, lt=9, multiple_of=2)],
        {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "multipleOf": 2},
    ),
    (
        Annotated[str, Meta(min_length=1, max_length=3, pattern="a")],
        {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "a"},
    ),
    (
        Annotated[list[int], Meta(min_length=1, max_length=3)],
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
    ),
    (
        Annotated[dict[str, Any], Meta(min_length=1, max_length=3)],
        {"type": "object", "minProperties": 1, "maxProperties": 3},
    ),
    (
        Annotated[str, Meta(title="T", examples=["x"], extra_json_schema={"a": 1})],
        {"type": "string", "title": "T", "examples": ["x"], "a": 1},
    ),
    (
        Annotated[Any, Meta(extra_json_schema={"const": 1.5})],
        {"const": 1.5},
    ),
]


@pytest.mark.parametrize(("annotation", "expected"), TYPES, ids=str)
def test_a_type_has_its_schema(annotation, expected):
    """An annotation is a schema of draft-07 for what goes over the wire."""
    assert expected == json_schema(annotation)


def test_a_class_is_a_rule_in_the_nested_form():
    """Docstring, fields and labels stand where Protocols has them."""
    (rule,) = exported([CheckoutStarted]).rules
    assert (rule.type, rule.key, rule.version) == ("TRACK", "Checkout Started", 1)
    assert rule.labels == {"owner": "growth"}
    assert (
        rule.schema
        == schema_of(CheckoutStarted)
        == {
            "$schema": DIALECT,
            "description": "A customer began to check out.\n\nWith a full cart.",
            "type": "object",
            "properties": {
                "properties": {
                    "type": "object",
                    "properties": {
                        "cart_value": {"type": "number"},
                        "note": {"type": "string"},
                        "item_count": {"type": "integer"},
                    },
                    "required": ["cart_value"],
                }
            },
        }
    )


def test_names_are_those_of_the_wire():
    """Renamed fields are planned, and required, under their names on the wire."""

    class Renamed(Event, rename="camel"):
        cart_value: float
        odd: int = field(name="$odd")

    facts = schema_of(Renamed)["properties"]["properties"]
    assert list(facts["properties"]) == ["cartValue", "$odd"]
    assert facts["required"] == ["cartValue", "$odd"]
    assert "description" not in schema_of(Renamed)


def test_keywords_of_the_class_are_laid_over():
    """`facts` and `message` add keywords; their properties join those of the class."""

    class Strict(
        Event,
        version=2,
        facts={"additionalProperties": False, "properties": {"class": {"enum": [1]}}},
        message={
            "required": ["context"],
            "properties": {"context": {"required": ["ip"]}},
        },
    ):
        a: int

    assert schema_of(Strict) == {
        "$schema": DIALECT,
        "type": "object",
        "required": ["context"],
        "properties": {
            "properties": {
                "type": "object",
                "properties": {"a": {"type": "integer"}, "class": {"enum": [1]}},
                "required": ["a"],
                "additionalProperties": False,
            },
            "context": {"required": ["ip"]},
        },
    }


def test_none_takes_a_keyword_away():
    """A keyword that the class would have is left out where None is laid over it."""

    class Loose(Event, facts={"type": None, "properties": {"a": None}}):
        a: int
        b: Annotated[str, Meta(extra_json_schema={"type": None, "const": None})]

    assert schema_of(Loose)["properties"]["properties"] == {
        "properties": {"b": {"const": None}},
        "required": ["a", "b"],
    }


def test_traits_and_views_are_rules_of_their_calls():
    """Traits plan identify and group calls, views a page or all of them."""

    class UserTraits(Traits, call="identify"):
        email: str

    class CompanyTraits(Traits, call="group"):
        name: str

    class ProductPage(View, call="page", name="Product"):
        sku: str

    class AnyScreen(View, call="screen"):
        pass

    plan = exported([UserTraits, CompanyTraits, ProductPage, AnyScreen])
    assert [(rule.type, rule.key) for rule in plan.rules] == [
        ("IDENTIFY", ""),
        ("GROUP", ""),
        ("PAGE", "Product"),
        ("SCREEN", ""),
    ]
    assert [list(rule.planned) for rule in plan.rules] == [
        ["email"],
        ["name"],
        ["sku"],
        [],
    ]


def test_the_plan_has_what_no_class_says():
    """Name, id, common rule, further rules and what is out of use are given besides."""
    schema = {"type": "object", "properties": {"userId": {"type": "string"}}}
    plan = exported(
        [CheckoutStarted],
        name="Shop",
        id="tp_1",
        description="All.",
        common=schema,
        rules=[{"key": "Odd", "type": "TRACK", "jsonSchema": {"type": "object"}}],
        deprecated=[{"type": "TRACK", "key": "Checkout Started", "version": 1}],
    )
    assert (plan.name, plan.id, plan.description) == ("Shop", "tp_1", "All.")
    assert [(rule.type, rule.key, rule.is_deprecated) for rule in plan.rules] == [
        ("TRACK", "Checkout Started", True),
        ("COMMON", "", False),
        ("TRACK", "Odd", False),
    ]
    assert plan == TrackingPlan.of(plan.document())


class Circular(Event):
    parts: list[Node]


class Node(Struct):
    children: list[Node] = []


class Twice(Event, name="Checkout Started"):
    pass


class Unknown(Event):
    value: Missing  # noqa: F821 - that is the point


class Impossible(Event):
    value: str | datetime


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ([Circular], r"test_plan_export.Circular: Node holds itself"),
        ([CheckoutStarted, Twice], "'Checkout Started' is planned twice"),
        ([Unknown], "test_plan_export.Unknown: .* name 'Missing' is not defined"),
        ([Impossible], "test_plan_export.Impossible: an annotation has no schema"),
        ([Item], "test_plan_export.Item: not a class of typed events"),
        ([Event], "core.event.Event: not a class of typed events"),
        ([3], "builtins.int: not a class of typed events"),
    ],
)
def test_what_makes_no_plan_is_named(classes, text):
    """A class that can't be exported is an error that names it."""
    with pytest.raises(PlanError, match=text):
        exported(classes)


# -- the command -------------------------------------------------------------------

MODULE = '''
from segment_integrations import Event, Traits
from segment_integrations.spec import OrderCompleted


class CheckoutStarted(Event, name="Checkout Started"):
    """Begun: é."""

    cart_value: float


class _Base(Event):
    pass


class UserTraits(Traits, call="identify"):
    email: str


SOME = [OrderCompleted, UserTraits]
WRONG = [3]
PLAN = {"name": "Shop", "common": {"type": "object"}}
'''


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command in a folder with a module of events."""
    (tmp_path / "shop_events.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "shop_broken.py").write_text("raise RuntimeError('no')\n")
    (tmp_path / "shop_ends.py").write_text("raise SystemExit(0)\n")
    (tmp_path / "shop_empty.py").write_text("import json\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def invoke(*arguments):
        return CliRunner().invoke(cli, ["plan", "export", *arguments])

    yield invoke
    for name in ("shop_events", "shop_broken", "shop_ends", "shop_empty"):
        sys.modules.pop(name, None)


def keys(text):
    return [(rule["type"], rule["key"]) for rule in json.loads(text)["rules"]]


def test_a_module_is_exported(run):
    """All classes that the module defines are written, with what its PLAN says."""
    result = run("shop_events")
    assert result.exit_code == 0
    assert keys(result.stdout) == [
        ("TRACK", "Checkout Started"),
        ("IDENTIFY", ""),
        ("COMMON", ""),
    ]
    assert json.loads(result.stdout)["trackingPlan"] == {"name": "Shop"}
    assert "Begun: é." in result.stdout
    assert TrackingPlan.of(json.loads(result.stdout)).events.keys() == {
        "Checkout Started"
    }


def test_some_classes_are_exported_to_a_file(run, tmp_path):
    """A class or a list of them is written to a file, once each, under another name."""
    result = run(
        "shop_events:SOME", "shop_events:UserTraits", "-o", "plan.json", "--name", "X"
    )
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "2 rules written to plan.json." in result.stderr
    text = (tmp_path / "plan.json").read_text(encoding="utf-8")
    assert keys(text) == [("TRACK", "Order Completed"), ("IDENTIFY", "")]
    assert TrackingPlan.load(tmp_path / "plan.json").name == "X"


def test_a_package_has_what_is_defined_inside(run):
    """Of a package, the classes of its modules are taken."""
    result = run("segment_integrations.spec")
    assert ("TRACK", "Order Completed") in keys(result.stdout)
    assert len(keys(result.stdout)) == len(set(keys(result.stdout)))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["shop_none"], "shop_none can't be imported: ModuleNotFoundError"),
        (["shop_broken"], "shop_broken can't be imported: RuntimeError: no"),
        (["shop_ends"], "shop_ends can't be imported: SystemExit: 0"),
        (["shop_events.py"], "give a module's name, as in shop.events"),
        ([":"], "can't be imported"),
        (["shop_empty"], "shop_empty: it defines no subclass of Event"),
        (["shop_events:Other"], "there is no Other in shop_events"),
        (
            ["shop_events:WRONG"],
            "must be a class, or a list or tuple of classes, got int",
        ),
        (["shop_events:Event"], "core.event.Event: not a class of typed events"),
        (["shop_events", "-o", "none/plan.json"], "can't be written: No such file"),
        ([], "Missing argument"),
    ],
)
def test_a_wrong_call_exits_with_2(run, arguments, text):
    """What can't be exported is told in one line, and the exit code is 2."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert text in result.stderr


def test_the_command_finds_modules_in_its_folder(tmp_path):
    """The installed command imports from the folder that it is run in."""
    (tmp_path / "shop_here.py").write_text(MODULE, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "segment_integrations",
            "plan",
            "export",
            "shop_here",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert ("TRACK", "Checkout Started") in keys(done.stdout)


class FormSent(Event):
    """A form was sent."""

    form_id: str
    item: Item | UnsetType = UNSET


def test_a_plan_is_written_in_the_form_of_segment_s_api():
    """Also classes that were never generated; a rule of its own form is let be."""
    words = ["property", "nested"]
    form = {
        "path_as_id": words,
        "facts_required": ["message"],
        "parts": {"context": {}},
    }
    (rule,) = exported([FormSent], form=form).rules
    assert ["properties"] == rule.schema["required"]
    assert {} == rule.schema["properties"]["context"]
    path = "/properties/properties/properties"
    assert f"{path}/form_id" == rule.planned["form_id"]["id"]
    inner = rule.planned["item"]["properties"]["sku"]
    assert {"type": "string", "id": f"{path}/item/properties/sku"} == inner
    other = {"type": "TRACK", "key": "Form Sent", "version": 1}
    form["but"] = [{**other, "path_as_id": [f"{path}/form_id"], "context": [""]}]
    (rule,) = exported([FormSent], form=form).rules
    assert {"type": "string"} == rule.planned["form_id"]
    assert {"properties"} == rule.schema["properties"].keys()


@pytest.mark.parametrize(
    "form",
    [
        {"odd": ["property"]},
        {"path_as_id": 5},
        {"parts": {"odd": {}}},
        {"but": [{"type": "TRACK"}]},
        {"but": 7},
    ],
)
def test_a_form_of_another_version_is_told(form):
    """It says so, and not what went wrong inside."""
    with pytest.raises(PlanError, match="form is not of this version"):
        exported([FormSent], form=form)
