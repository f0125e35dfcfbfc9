"""The commands `plan check`, `plan diff` and `plan lint`, and the group of all."""

import json
import subprocess
import sys

import pytest

from segment_integrations.cli.plan import COMMANDS

STRING = {"type": "string"}


def event(name="Order Completed", version=1, **properties):
    facts = {"type": "object", "properties": properties}
    schema = {"description": "d", "properties": {"properties": facts}}
    return {"key": name, "type": "TRACK", "version": version, "jsonSchema": schema}


@pytest.fixture(name="written")
def _written(tmp_path):
    """Write a plan of *rules*, or another document, and give its path."""

    def written(*rules, name="plan.json", document=None):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"rules": rules} if document is None else document))
        return path

    return written


def told(result):
    return [(one["rule"], one["pointer"]) for one in result.json["findings"]]


# -- the group ---------------------------------------------------------------------


def test_help_lists_all_commands(processed):
    """The list is there without importing any of them."""
    result = processed("plan", "--help")

    assert 0 == result.returncode
    for name in COMMANDS:
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(called, name):
    """Every command of the table is there, and says what it is for."""
    result = called("plan", name, "--help")

    assert 0 == result.code
    assert f"plan {name} [OPTIONS]" in result.out


def test_a_missing_extra_is_code_2(written):
    """Without jsonschema-rs it is the pip command in one line."""
    path = written(event())
    code = (
        "import sys; sys.modules['jsonschema_rs'] = None;"
        "from segment_integrations.cli import main;"
        f"main(['plan', 'check', {str(path)!r}])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (2, "") == (result.returncode, result.stdout)
    (line,) = result.stderr.splitlines()
    assert "pip install 'segment-integrations[plan]'" in line


@pytest.mark.parametrize("command", [["check"], ["lint"], ["diff", __file__]])
def test_a_file_that_is_not_there_is_code_2(called, tmp_path, command):
    """A wrong call is told apart from a plan that is wrong."""
    assert 2 == called("plan", *command, tmp_path / "none.json").code


# -- check -------------------------------------------------------------------------


def test_a_sound_plan(called, written):
    """Nothing is found, and the exit code is 0; notes do not change that."""
    path = written(event(order_id={"type": "string", "minLength": 1}))

    result = called("plan", "check", path)
    assert 0 == result.code
    assert "1 rule: 0 errors, 0 warnings, 1 note." in result.out
    document = called("plan", "check", path, "--json").json
    assert (True, 1, {"error": 0, "warning": 0, "note": 1}) == (
        document["ok"],
        document["rules"],
        document["counts"],
    )


def test_all_that_is_refused_is_told(called, written):
    """One fault hides no other, and the other rules are looked at all the same."""
    result = called(
        "plan",
        "check",
        "--json",
        written(
            event(a={"type": "text", "minimum": "1"}),
            "no rule",
            event("Trip Booked", a={"pattern": "("}),
            event("Trip Ended", a={"minimum": 2, "maximum": 1}),
            event("Trip Ended"),
            {"key": "Trip Paid", "type": "TRAC"},
        ),
    )

    below = "/jsonSchema/properties/properties/properties/a"
    assert 1 == result.code
    assert sorted(
        [
            ("refused", f"/rules/0{below}/minimum"),
            ("refused", f"/rules/0{below}/type"),
            ("refused", "/rules/1"),
            ("refused", f"/rules/2{below}/pattern"),
            ("bounds", f"/rules/3{below}/minimum"),
            ("refused", "/rules/4/jsonSchema"),
            ("refused", "/rules/5/type"),
        ]
    ) == sorted(one for one in told(result) if one[0] != "keyword")


def test_all_that_is_refused_in_the_old_form(called, written):
    """The events of the form before, and the rules for users, are found as well."""
    wrong = {"type": "object", "properties": 1}
    rules = {
        "events": [{"name": "Trip Booked", "rules": wrong}, {"name": 1}],
        "identify": wrong,
    }

    result = called("plan", "check", "--json", written(document={"rules": rules}))

    assert 1 == result.code
    assert ["/rules/events/0", "/rules/events/1", "/rules/identify"] == sorted(
        "/".join(pointer.split("/")[: 4 if "events" in pointer else 3])
        for _, pointer in told(result)
    )


def test_all_that_is_refused_in_a_folder(called, written, tmp_path):
    """Each file has its own findings, whatever is wrong with the others."""
    written(name="folder/Trip Booked.json", document={"type": "text"})
    written(name="folder/Trip Ended.json", document=[])
    written(name="folder/Trip Paid.json", document={"type": "object"})
    (tmp_path / "folder" / "Trip Lost.json").write_text("{")

    result = called("plan", "check", "--json", tmp_path / "folder")

    assert (1, 1) == (result.code, result.json["rules"])
    assert ["Trip Booked.json", "Trip Ended.json", "Trip Lost.json"] == sorted(
        one["file"].rpartition("/")[2] for one in result.json["findings"]
    )


@pytest.mark.parametrize("text", ["{", "[1", "3", '{"rules": 1}', "\ud800"])
def test_what_is_no_plan_at_all(called, tmp_path, text):
    """It is one finding, without a traceback."""
    path = tmp_path / "plan.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    result = called("plan", "check", "--json", path)

    assert 1 == result.code
    assert ["refused"] == [rule for rule, _ in told(result)]
    assert str(path) == result.json["findings"][0]["file"]


def test_names_can_not_command_the_terminal(called, written):
    """Signs that a terminal would obey are shown as question marks."""
    path = written(event("Trip \x1b[31mBooked", **{"a\nb": {"minimum": 1}}))

    for command in ("check", "lint"):
        result = called("plan", command, path)
        assert "\x1b" not in result.out
        assert "Booked" in result.out


# -- diff --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "kind"),
    [
        ({}, "breaking"),
        ({"a": STRING, "b": STRING}, "additive"),
        ({"a": {**STRING, "title": "A"}}, "cosmetic"),
    ],
)
def test_diff_fails_on_what_it_is_told_to(called, written, properties, kind):
    """By default only a breaking change fails, else that kind and worse ones."""
    old = written(event(a=STRING), name="old.json")
    new = written(event(**properties), name="new.json")
    kinds = ["breaking", "additive", "cosmetic"]

    assert (kind == "breaking") == called("plan", "diff", old, new).code
    for fail_on in kinds:
        result = called("plan", "diff", old, new, "--fail-on", fail_on, "--json")
        is_bad = kinds.index(kind) <= kinds.index(fail_on)
        assert (is_bad, not is_bad) == (result.code, result.json["ok"])
        (one,) = result.json["changes"]
        assert (kind, "Order Completed", 1) == (
            one["kind"],
            one["event"],
            one["version"],
        )
        assert 1 == result.json["counts"][kind]


def test_diff_for_people(called, written):
    """A row for each change, and the sum."""
    old = written(event(a=STRING), name="old.json")
    new = written(event(a={"type": "integer"}), name="new.json")

    result = called("plan", "diff", old, new)

    assert "track 'Order Completed'" in result.out
    assert "type narrowed: takes integer, took string" in result.out
    assert result.out.endswith("1 breaking, 0 additive, 0 cosmetic.\n")
    assert (
        "0 breaking, 0 additive, 0 cosmetic.\n" == called("plan", "diff", old, old).out
    )


@pytest.mark.parametrize("command", [["lint"], ["diff"]])
def test_a_plan_that_is_refused_is_code_2(called, written, command):
    """Where a plan has to be usable it is one line, with the place."""
    bad = written(event(a={"type": "text"}))
    good = [written(event(), name="good.json")] if command == ["diff"] else []

    result = called("plan", *command, *good, bad)

    assert (2, "") == (result.code, result.out)
    (line,) = result.err.splitlines()
    assert "event 'Order Completed', /rules/0/jsonSchema" in line


# -- lint --------------------------------------------------------------------------


def test_lint(called, written):
    """Errors fail; what is ignored does not, nor do notes."""
    path = written(event("Trip booked", a=STRING))

    result = called("plan", "lint", path)
    assert 1 == result.code
    assert (
        "the name is not in Title Case: write 'Trip Booked' [event-case]" in result.out
    )
    document = called("plan", "lint", path, "--json").json
    assert {"error": 1, "warning": 0, "note": 1} == document["counts"]
    assert 0 == called("plan", "lint", path, "--ignore", "event-case").code


def test_lint_knows_its_rules(called, written):
    """A rule that is none is a wrong call, and the help names all."""
    assert 2 == called("plan", "lint", written(event()), "--ignore", "colour").code
    assert "property-spelling" in called("plan", "lint", "--help").out
