"""`pytest --segment-plan`: what of the plan a run fired, and what it did not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from segment_integrations.plan.rules import Rule
from segment_integrations.testing.plan_facts import PATHS_MAX, planned_paths


def rule(key, type_="TRACK", place="properties", version=1, more=(), **properties):
    facts = {"type": "object", "properties": properties}
    return {
        "key": key,
        "type": type_,
        "version": version,
        "jsonSchema": {"type": "object", "properties": {place: facts}},
        **dict(more),
    }


ITEM = {"type": "object", "properties": {"id": {}, "sku": {}}}
PLAN = {
    "trackingPlan": {"name": "Shop"},
    "rules": [
        rule("Order Completed", revenue={}, lines={"type": "array", "items": ITEM}),
        rule("Order Completed", version=2, total={}),
        rule("Order Refunded", reason={}),
        rule("Order Lost", more={"deprecatedAt": "2024-01-01T00:00:00.000Z"}),
        rule("", "IDENTIFY", "traits", email={}),
        rule("", "COMMON", "context"),
    ],
}
PLUGIN = ["-p", "segment_integrations.testing.plugin"]
SOME = """
    from segment_integrations import identify, track

    def test_old():
        lines = [{"id": 1}]
        track("Order Completed", {"lines": lines, "revenu": None}, user_id=1)

    def test_new():
        track("Order Completed", {"total": None}, user_id=1,
              context={"protocols": {"event_version": 2}})

    def test_unplanned():
        track("Chekout", user_id=1)

    def test_user():
        identify(1, {"plan": "a secret"})
"""
LISTS = [
    "Shop (plan.json): 3 of 4 planned events fired, 75.0%",
    "never fired:",
    "  track 'Order Refunded'",
    "unplanned events fired:",
    "  'Chekout'",
    "properties never seen:",
    "  track 'Order Completed': revenue, lines.$.sku",
    "  identify: email",
    "unplanned properties seen:",
    "  track 'Order Completed': revenu",
    "  identify: plan",
]


@pytest.fixture(name="shop")
def _shop(pytester, monkeypatch):
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"
    )  # a run takes half as long
    pytester.makefile(".json", plan=json.dumps(PLAN))
    pytester.makepyfile(test_some=SOME)
    return pytester


def run(project, *arguments, plan="--segment-plan=plan.json"):
    return project.runpytest_inprocess(*PLUGIN, plan, *arguments)


def section(result):
    """The lines of the section on coverage."""
    lines = result.outlines
    starts = [at for at, line in enumerate(lines) if "segment plan coverage" in line]
    if not starts:
        return []
    (start,) = starts
    rest = lines[start + 1 :]
    ends = [at for at, line in enumerate(rest) if line.startswith("=") or not line]
    return rest[: ends[0]] if ends else rest


def test_the_run_ends_with_the_coverage(shop):
    """On the terminal, as JSON and in JUnit's file; names, and no value."""
    result = run(shop, "--segment-plan-json=out/plan.json", "--junit-xml=junit.xml")

    assert section(result) == LISTS
    assert "a secret" not in result.stdout.str().partition("plan coverage")[2]
    written = json.loads((shop.path / "out" / "plan.json").read_text())
    assert {
        "plan": "Shop",
        "source": "plan.json",
        "planned": 4,
        "fired": 3,
        "percent": 75.0,
        "minimum": None,
    }.items() <= written.items()
    assert ["Chekout"] == written["unplannedEvents"]
    assert [] == written["outsideOfTests"]
    assert {
        "type": "TRACK",
        "key": "Order Completed",
        "version": 1,
        "deprecated": False,
        "fired": True,
        "neverSeen": ["revenue", "lines.$.sku"],
        "unplanned": ["revenu"],
    } == written["events"][0]
    assert [1, 2] == [one["version"] for one in written["events"][:2]]
    assert [True] == [
        one["deprecated"] for one in written["events"] if one["key"] == "Order Lost"
    ]
    found = ET.parse(shop.path / "junit.xml").find(".//properties/property")
    assert found.attrib == {"name": "segment_plan_coverage", "value": "75.0"}


NODE = {"$ref": "#/definitions/node"}
ADDRESS = {"$ref": "#/definitions/address"}
MOVED = {
    "definitions": {
        "node": {
            "type": "object",
            "properties": {"id": {}, "left": NODE, "more": {"items": NODE}},
        },
        "address": {"properties": {"city": {}, "zip": {}}},
        "message": {"properties": {"properties": {"properties": {"coupon": {}}}}},
    },
    "allOf": [{"$ref": "#/definitions/message"}],
    "properties": {
        "properties": {
            "properties": {"from": ADDRESS, "to": {"allOf": [ADDRESS]}},
            "allOf": [NODE, {"properties": {"id": {}, "a": {}}}],
        }
    },
}
MOVING = """
    from segment_integrations import track

    def test_move():
        node = {"id": 1, "left": {"left": {}}, "more": [{"more": []}]}
        track("Moved", {"from": {"city": "B"}, "a": 1, **node}, user_id=1)
"""


def test_properties_behind_references_count(shop):
    """Behind ``allOf`` and ``$ref`` too, each once; a tree is gone into once."""
    plan = {"rules": [rule("Moved", more={"jsonSchema": MOVED})]}
    shop.makefile(".json", plan=json.dumps(plan))
    shop.makepyfile(test_some=MOVING)

    run(shop, "--segment-plan-json=figures.json")

    (event,) = json.loads((shop.path / "figures.json").read_text())["events"]
    assert [
        *["from.zip", "to", "to.city", "to.zip"],
        *["left.id", "left.more", "more.$.id", "more.$.left", "coupon"],
    ] == event["neverSeen"]


def test_definitions_that_refer_to_each_other_have_an_end():
    """Each of twelve holds all of them: no more paths than anybody would read."""
    names = [f"d{number}" for number in range(12)]
    definitions = {
        name: {"properties": {one: {"$ref": f"#/definitions/{one}"} for one in names}}
        for name in names
    }
    schema = {"definitions": definitions, "properties": {"properties": {}}}
    schema["properties"]["properties"] = {"$ref": "#/definitions/d0"}

    paths = list(planned_paths(Rule(type="TRACK", key="A", schema=schema)))

    assert PATHS_MAX == len(paths) == len(set(paths))


@pytest.mark.parametrize(
    ("minimum", "exit_code"),
    [
        (["--segment-plan-min=75"], pytest.ExitCode.OK),
        (["--segment-plan-min=75.1"], pytest.ExitCode.TESTS_FAILED),
        (["-o", "segment_plan_min=90", "-qq"], pytest.ExitCode.TESTS_FAILED),
    ],
)
def test_below_the_bound_the_run_fails(shop, minimum, exit_code):
    """From the command line or the ini file, however quiet."""
    shop.makepyfile(
        test_some=SOME.replace('{"plan": "a secret"}', '{"email": "a secret"}').replace(
            ', "revenu": None', ""
        )
    )

    result = run(shop, "--deselect=test_some.py::test_unplanned", *minimum)

    assert exit_code == result.ret
    errors = [line for line in section(result) if line.startswith("ERROR: ")]
    if exit_code:
        asked = minimum[0].partition("=")[2] or "90"
        (error,) = errors
        assert error == (
            "ERROR: 75.0% of the planned events were fired,"
            f" and --segment-plan-min asks for {asked}%"
        )
    else:
        assert errors == []


@pytest.mark.parametrize(
    ("switches", "lines"),
    [
        (["-q"], LISTS[:1]),
        (["-qq"], []),
        (["--no-summary"], []),
        (["--collect-only"], []),
        (["-k", "nothing", "--segment-plan-min=90"], []),
    ],
)
def test_where_little_is_said(shop, switches, lines):
    """A quiet run says the first line; one without tests says nothing."""
    result = run(shop, *switches)

    assert lines == section(result)
    if "-k" in switches:
        assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    if "--collect-only" in switches:
        assert result.ret == pytest.ExitCode.OK


def test_a_run_that_stops_early_reports_what_ran(shop):
    """With -x, and the last failure alone with --lf."""
    stopped = run(shop, "-x")

    assert stopped.ret == pytest.ExitCode.TESTS_FAILED
    assert section(stopped)[0] == "Shop (plan.json): 1 of 4 planned events fired, 25.0%"
    again = run(shop, "--lf")
    again.assert_outcomes(failed=1)
    assert section(again)[0] == section(stopped)[0]


def test_long_lists_are_cut_unless_verbose(shop):
    """A plan of hundreds of events does not bury the rest."""
    shop.makefile(
        ".json", plan=json.dumps({"rules": [rule(f"E {n}") for n in range(30)]})
    )
    shop.makepyfile(test_some="def test_it(): pass")

    assert section(run(shop))[-2:] == [
        "  track 'E 19'",
        "  and 10 more (-v shows all)",
    ]
    assert section(run(shop, "-v"))[-1] == "  track 'E 29'"


@pytest.mark.parametrize(
    ("content", "arguments", "texts"),
    [
        ("{", [], ["*plan.json*"]),
        ("[1]", [], ["*plan.json*"]),
        (None, [], ["*plan.json*"]),
        (json.dumps(PLAN), ["--segment-plan-min=all"], ["*--segment-plan-min*'all'"]),
        (json.dumps(PLAN), ["--segment-plan-min=101"], ["*--segment-plan-min*'101'"]),
        (json.dumps(PLAN), ["--segment-plan-min=nan"], ["*--segment-plan-min*'nan'"]),
        (
            json.dumps(PLAN),
            ["--segment-plan=", "--segment-plan-min=9"],
            ["*need --segment-plan"],
        ),
    ],
)
def test_a_wrong_call_is_a_usage_error(shop, content, arguments, texts):
    """A plan that can't be used, and options that say nothing."""
    (shop.path / "plan.json").unlink()
    if content is not None:
        shop.makefile(".json", plan=content)

    result = run(shop, *arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {text}" for text in texts])


def test_figures_that_can_not_be_written_fail_the_run(shop):
    """CI would look at those of the run before."""
    shop.makepyfile(test_some="def test_it(): pass")

    result = run(shop, "-qq", "--segment-plan-json=plan.json/out.json")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    (error,) = section(result)
    assert error.startswith("ERROR: --segment-plan-json: ")


def test_the_ini_file_names_the_plan_from_the_root(shop, monkeypatch):
    """Wherever pytest is called; an empty option switches it off."""
    shop.makeini("[pytest]\nsegment_plan = plan.json")
    below = shop.mkdir("below")
    monkeypatch.chdir(below)

    result = run(shop, "-q", "..", plan="-q")
    assert section(run(shop, "..", plan="-v"))[0] == LISTS[0]
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    off = run(shop, "..", plan="--segment-plan=")
    off.assert_outcomes(passed=4)
    assert section(off) == []


def test_a_missing_extra_is_named(shop, monkeypatch):
    """With the command that installs it."""
    for name in [name for name in sys.modules if name.startswith("jsonschema_rs")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [
        name for name in sys.modules if name.startswith("segment_integrations.plan")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)

    result = run(shop)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *pip install 'segment-integrations[[]plan]'*"])


def test_xdist_adds_up_what_its_workers_saw(shop, monkeypatch):
    """Once, in the parent; a worker that crashes costs only its last test."""
    left = shop.mkdir("tmp")
    monkeypatch.setenv("TMPDIR", str(left))
    shop.makepyfile(
        test_other="""
        import os
        from segment_integrations import track

        track("At Import", user_id=1)

        def test_crash():
            os._exit(1)

        def test_refund():
            track("Order Refunded", {"reason": "a secret"}, user_id=1)
        """
    )

    result = shop.runpytest_subprocess(
        *(*PLUGIN, "-p", "xdist", "-n", "2", "-W", "error"),
        *("--segment-plan=plan.json", "--junit-xml=junit.xml"),
        "--segment-plan-min=100",
    )

    result.assert_outcomes(passed=2, failed=4)
    found = section(result)
    assert found[0] == "Shop (plan.json): 4 of 4 planned events fired, 100.0%"
    assert "  'At Import'" in found
    assert "  track 'Order Completed': revenue, lines.$.sku" in found
    assert 1 == sum(
        "collecting test_other.py: track 'At Import'" in one for one in found
    )
    assert not [line for line in found if line.startswith("ERROR")]
    tree = ET.parse(shop.path / "junit.xml")
    assert tree.find(".//properties/property").get("value") == "100.0"
    assert list(left.glob("segment-plan-*")) == []


def test_without_a_plan_nothing_is_imported():
    """The plugin is loaded in every run of everyone who has the package."""
    code = (
        "import sys, pytest; pytest.main(['-q', '--co', '-p', 'no:cacheprovider',"
        f" {os.devnull!r}]);"
        "print([name for name in sys.modules if name.startswith('jsonschema')"
        " or name.startswith('segment_integrations') and 'plan' in name])"
    )
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment["PYTEST_PLUGINS"] = "segment_integrations.testing.plugin"

    shown = subprocess.run(
        [sys.executable, "-c", code],
        text=True,
        capture_output=True,
        env=environment,
        cwd=Path(__file__).parent,
        check=True,
    ).stdout

    assert shown.splitlines()[-1] == "[]"
