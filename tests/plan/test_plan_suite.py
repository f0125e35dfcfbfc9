"""The official JSON Schema test suite, draft-07, goes through `TrackingPlan.check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segment_integrations.plan import TrackingPlan

FILES = sorted((Path(__file__).parent / "suite").glob("*.json"))
INSIDE = "#/properties/properties/properties/value"


def inside(schema):
    """The schema with its references leading to where it stands in a rule."""
    if isinstance(schema, list):
        return [inside(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"{INSIDE}{found[1:]}"
        if key == "$ref" and isinstance(found, str) and found.startswith("#")
        else inside(found)
        for key, found in schema.items()
    }


def rule(number, schema):
    facts = {"type": "object", "properties": {"value": inside(schema)}}
    return {
        "key": str(number),
        "type": "TRACK",
        "jsonSchema": {"type": "object", "properties": {"properties": facts}},
    }


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_official_cases_are_judged_as_the_suite_says(path, caplog):
    """Each instance has violations where the suite says that it is invalid, only."""
    groups = json.loads(path.read_text())
    plan = TrackingPlan.of(
        [rule(number, group["schema"]) for number, group in enumerate(groups)]
    )
    wrong = []
    for number, group in enumerate(groups):
        for case in group["tests"]:
            message = {
                "type": "track",
                "event": str(number),
                "properties": {"value": case["data"]},
            }
            if (not plan.check(message)) is not case["valid"]:
                wrong.append((group["description"], case["description"]))
    assert groups
    assert [] == caplog.records, "a check that fails is no verdict"
    assert [] == wrong
