"""A plan that can't be used is refused at once, with file, event and JSON pointer."""

from __future__ import annotations

import json
import os
import time

import pytest

from segment_integrations.errors import ConfigurationError, PlanError
from segment_integrations.plan import TrackingPlan

DRAFT = "http://json-schema.org/draft-07/schema#"


def rule(schema, key="Order Completed", **more):
    return {"key": key, "type": "TRACK", "jsonSchema": schema, **more}


def facts(**known):
    """A rule's schema whose properties are *known*."""
    inner = {"type": "object", "properties": known}
    return {"type": "object", "properties": {"properties": inner}}


def refused(document, **kwargs):
    with pytest.raises(PlanError) as caught:
        TrackingPlan.of(document, **kwargs)
    assert isinstance(caught.value, ConfigurationError)
    assert "plan" == caught.value.setting
    return caught.value


FACT = "/0/jsonSchema/properties/properties/properties"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[\n  {,\n]", "line 2, column 4"),
        ("", "line 1, column 1"),
        ("[NaN]", "NaN is no number in JSON"),
        ("[" * 100_000, "too many levels"),
        ('["\\ud800"]', "surrogate"),
        ("[1" + "0" * 5000 + "]", "is no JSON"),
    ],
)
def test_a_file_that_is_no_json_is_told_with_its_place(tmp_path, text, where):
    """The file is named, and line and column where the parser gives them."""
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(PlanError, match=where) as caught:
        TrackingPlan.load(path)
    assert str(path) == caught.value.source


def test_a_file_in_another_encoding_is_told(tmp_path):
    """UTF-16 is not guessed at."""
    path = tmp_path / "plan.json"
    path.write_bytes('[{"key": "é"}]'.encode("utf-16"))
    with pytest.raises(PlanError, match="not UTF-8"):
        TrackingPlan.load(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    """The path is named."""
    path = tmp_path / "none.json"
    with pytest.raises(PlanError, match=r"none.json: can't be read"):
        TrackingPlan.load(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    """What is neither file nor folder may never end, so it is not opened."""
    path = tmp_path / "plan.json"
    os.mkfifo(path)
    with pytest.raises(PlanError, match=r"plan.json: is no file") as caught:
        TrackingPlan.load(path)
    assert str(path) == caught.value.source


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path):
    """A sparse file of a gigabyte costs neither its time nor its memory."""
    path = tmp_path / "plan.json"
    with path.open("wb") as file:
        file.truncate(1024**3)
    with pytest.raises(PlanError, match="too large for a plan: over 64 MiB"):
        TrackingPlan.load(path)


def test_a_folder_without_schemas_is_told(tmp_path):
    """An empty folder is no empty plan."""
    with pytest.raises(PlanError, match=r"without a \.json file"):
        TrackingPlan.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.json", [], "must be an object"),
        ("a.json", {"rules": []}, "is a whole plan"),
        ("a.json", {"type": "text"}, "draft-07"),
        ("a.json", {"jsonSchema": {}, "type": "TRACK"}, "needs the event's name"),
        ("a.json", {"$ref": "other.json"}, "nothing is fetched"),
    ],
)
def test_a_file_of_a_folder_is_named(tmp_path, name, content, text):
    """What is wrong in one file of many is told with its path."""
    (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(PlanError, match=text) as caught:
        TrackingPlan.load(tmp_path)
    assert str(tmp_path / name) == caught.value.source


def test_two_files_of_one_event_are_told(tmp_path):
    """Both files are named."""
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(json.dumps({"title": "Signed Up"}))
    with pytest.raises(PlanError, match="twice") as caught:
        TrackingPlan.load(tmp_path)
    assert "one.json" in str(caught.value)
    assert "two.json" in str(caught.value)


@pytest.mark.parametrize(
    ("document", "pointer", "text"),
    [
        ("plan", "", "not a text"),
        (None, "", "not null"),
        ({}, "", "has no list of rules"),
        ({"data": {"trackingPlan": {}}}, "/data", "/tracking-plans/{id}/rules"),
        ({"rules": 5}, "", "has no list of rules"),
        ([5], "/0", "must be an object, not a number"),
        ([{"key": 5}], "/0/key", "key must be a text"),
        ([{"key": "A", "type": "TRAK"}], "/0/type", "TRACK"),
        ([{"key": "A", "jsonSchema": {}}], "/0/type", "TRACK"),
        ([rule({}, key="")], "/0/key", "event's name"),
        ([rule([])], "/0/jsonSchema", "not a list"),
        ([rule({}, version=1.5)], "/0/version", "whole number"),
        ([rule({}, version=True)], "/0/version", "whole number"),
        ([rule({}, version=0)], "/0/version", "whole number"),
        ([rule({}, labels=[])], "/0/labels", "not a list"),
        ([rule({}, deprecatedAt=5)], "/0/deprecatedAt", "time as text"),
        ([rule({}), rule({})], "/1/jsonSchema", "twice"),
        (
            {"data": {"rules": [], "pagination": {"next": "Mg=="}}},
            "/data/pagination/next",
            "one page of several",
        ),
        ({"rules": {"events": {}}}, "/rules/events", "must be a list"),
        ({"rules": {"event": []}}, "/rules/event", "no part of a plan"),
        ({"rules": {"events": ["A"]}}, "/rules/events/0", "must be an object"),
        ({"rules": {"events": [{}]}}, "/rules/events/0/name", "needs its name"),
        (
            {"rules": {"events": [{"name": "A"}]}},
            "/rules/events/0/rules",
            "must be an object, not null",
        ),
        ({"rules": {"identify_traits": 5}}, "/rules/identify_traits", "a list"),
        ({"rules": {"identify_traits": [5]}}, "/rules/identify_traits/0", "object"),
        (
            {"rules": {"group_traits": [{"type": "string"}]}},
            "/rules/group_traits/0/name",
            "needs its name",
        ),
    ],
)
def test_a_wrong_shape_is_told_with_its_pointer(document, pointer, text):
    """No part of a plan is skipped because it looks odd."""
    error = refused(document, source="plan.json")
    assert pointer == error.pointer
    assert text in str(error)
    assert str(error).startswith("plan.json")


@pytest.mark.parametrize(
    ("schema", "pointer", "text"),
    [
        (facts(total={"type": "money"}), f"{FACT}/total/type", "draft-07"),
        (facts(total={"minLength": -1}), f"{FACT}/total/minLength", "draft-07"),
        (facts(total=5), f"{FACT}/total", "draft-07"),
        ({"required": "order_id"}, "/0/jsonSchema/required", "draft-07"),
        (facts(code={"pattern": "a("}), f"{FACT}/code/pattern", "regex"),
        (
            facts(code={"pattern": "((a{1000}){1000}){1000}"}),
            f"{FACT}/code/pattern",
            "regular expression",
        ),
        (
            facts(code={"patternProperties": {"[": {}}}),
            f"{FACT}/code/patternProperties",
            "draft-07",
        ),
        (
            {"$schema": "https://json-schema.org/draft/2020-12/schema"},
            "/0/jsonSchema/$schema",
            "draft-07",
        ),
        ({"$schema": 7}, "/0/jsonSchema/$schema", "dialect"),
        (
            facts(total={"$ref": "https://example.com/money.json"}),
            f"{FACT}/total/$ref",
            "nothing is fetched",
        ),
        (
            facts(total={"$ref": "money.json#/a"}),
            f"{FACT}/total/$ref",
            "nothing is fetched",
        ),
        (
            facts(total={"$ref": "file:///etc/passwd"}),
            f"{FACT}/total/$ref",
            "nothing is fetched",
        ),
        (
            facts(total={"$ref": "#/definitions/money"}),
            f"{FACT}/total/$ref",
            "holds no schema",
        ),
        (facts(total={"$ref": "#money"}), "/0/jsonSchema", "can't be used"),
        (facts(a={"$ref": "#/properties/properties"}), None, None),
        ({"$ref": "#"}, "/0/jsonSchema", "without end"),
        (
            {
                "definitions": {
                    "a": {"allOf": [{"$ref": "#/definitions/b"}]},
                    "b": {"anyOf": [{"$ref": "#/definitions/a"}, {}]},
                }
            },
            "/0/jsonSchema/definitions",
            "without end",
        ),
        (
            facts(
                a={
                    "type": "object",
                    "required": ["a"],
                    "properties": {
                        "a": {"$ref": "#/properties/properties/properties/a"}
                    },
                }
            ),
            f"{FACT}/a",
            "nothing satisfies it",
        ),
        (
            facts(
                a={
                    "type": "array",
                    "minItems": 1,
                    "items": {"$ref": "#/properties/properties/properties/a"},
                }
            ),
            f"{FACT}/a",
            "nothing satisfies it",
        ),
    ],
)
def test_a_schema_that_cannot_be_checked_is_told(schema, pointer, text):
    """The event is named, and the place in its schema; what can be checked passes."""
    if pointer is None:
        assert TrackingPlan.of([rule(schema)]).rules
        return
    error = refused([rule(schema)], source="plan.json")
    assert "Order Completed" == error.event
    assert error.pointer.startswith(pointer)
    assert text in str(error)


@pytest.mark.parametrize(
    ("pattern", "construct"),
    [
        ("(?i)^abc$", "(?i)"),
        ("(?P<x>a)", "(?P<x>"),
        ("(?s).", "(?s)"),
        (r"\\\Aabc", r"\A"),
        (r"abc\z", r"\z"),
        (r"[[:alpha:]]+", "[:alpha:]"),
        (r"\p{L}\pL", r"\pL"),
        (r"\Qa.b\E", r"\Q"),
    ],
)
@pytest.mark.parametrize("keyword", ["pattern", "patternProperties"])
def test_what_only_other_languages_have_in_patterns_is_named(
    pattern, construct, keyword
):
    """A pattern written for Go or Python is told by what of it JSON Schema lacks."""
    value = pattern if keyword == "pattern" else {pattern: {}}
    error = refused([rule(facts(code={keyword: value}))])
    assert f"{FACT}/code/{keyword}" == error.pointer
    assert str(error).endswith(f"are those of ECMA-262, which have no {construct}")


def test_another_wrong_pattern_has_no_construct_to_name():
    """The text says which expressions are meant, and blames none of them."""
    error = refused([rule(facts(code={"pattern": "(?:a"}))])
    assert str(error).endswith("are those of ECMA-262")


@pytest.mark.parametrize(("schema", "expected"), [(True, []), (False, ["False"])])
def test_a_reference_may_lead_to_a_boolean(schema, expected):
    """True and false are schemas too."""
    asked = facts(a={"$ref": "#/definitions/any"})
    plan = TrackingPlan.of([rule({**asked, "definitions": {"any": schema}})])
    message = {"type": "track", "event": "Order Completed", "properties": {"a": 1}}
    assert expected == [one.type for one in plan.check(message)]


def test_a_document_that_holds_itself_is_told():
    """A circle of Python objects does not make loading loop."""
    document = [rule({})]
    document[0]["jsonSchema"]["properties"] = document[0]
    assert "holds itself" in str(refused(document))
    assert "is no JSON" in str(refused([{"key": object()}]))


def test_schemas_in_each_other_without_end_are_told():
    """Hundreds of levels are no plan."""
    schema = {}
    for _ in range(200):
        schema = {"properties": {"a": schema}}
    assert "more than 64 levels" in str(refused([rule(schema)]))


@pytest.mark.parametrize("draft", ["04", "06", "07"])
@pytest.mark.parametrize("end", ["#", ""])
def test_the_drafts_that_plans_are_written_in_are_read(draft, end):
    """draft-04, 06 and 07 are all read as draft-07."""
    schema = {
        "$schema": f"http://json-schema.org/draft-{draft}/schema{end}",
        **facts(age={"type": "integer", "id": "/properties/age"}),
    }
    plan = TrackingPlan.of([rule(schema)])
    wrong = {"type": "track", "event": "Order Completed", "properties": {"age": "7"}}
    assert ["Invalid Type"] == [one.type for one in plan.check(wrong)]


def test_ten_thousand_events_load_in_bounded_time():
    """A plan of any size is read in seconds, as schemas are compiled when needed."""
    document = [
        rule(
            facts(code={"pattern": f"^[A-Z]{{{1 + n % 50}}}$"}),
            key=f"Event {n}",
        )
        for n in range(10_000)
    ]
    before = time.process_time()
    plan = TrackingPlan.of(document)
    assert time.process_time() - before < 60
    assert 10_000 == len(plan.events)
    message = {"type": "track", "event": "Event 9999", "properties": {"code": "a"}}
    assert ["Pattern"] == [one.type for one in plan.check(message)]


EXPLODING = [
    r"^(a+)+$",
    r"^(a|a)*$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"^(?=(a|aa)+$)\w*\1b$",
    r"(?:(?=a)a?){200}b",
    r"(?:a?){500}a{500}!$",
]


@pytest.mark.parametrize("pattern", EXPLODING)
def test_a_pattern_that_explodes_costs_bounded_time(pattern):
    """One value under Segment's limit never keeps a request: it does not match."""
    plan = TrackingPlan.of([rule(facts(code={"type": "string", "pattern": pattern}))])
    message = {
        "type": "track",
        "event": "Order Completed",
        "properties": {"code": "a" * 30_000 + "?"},
    }
    before = time.process_time()
    found = plan.check(message)
    assert time.process_time() - before < 10
    assert [("Pattern", "properties.code")] == [(one.type, one.field) for one in found]


def test_a_pattern_that_is_given_up_says_so():
    """Who reads the violation learns that the pattern is at fault."""
    code = {"pattern": EXPLODING[3]}
    plan = TrackingPlan.of([rule(facts(code=code))])
    message = {
        "type": "track",
        "event": "Order Completed",
        "properties": {"code": "a" * 5_000},
    }
    (found,) = plan.check(message)
    assert "Takes too long to be matched with its pattern" == found.description


def test_a_reference_to_a_file_is_not_followed(tmp_path):
    """Also a file beside the plan is another document."""
    (tmp_path / "plan.json").write_text(
        json.dumps([rule(facts(a={"$ref": (tmp_path / "a.json").as_uri()}))])
    )
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(PlanError, match="nothing is fetched"):
        TrackingPlan.load(tmp_path / "plan.json")
