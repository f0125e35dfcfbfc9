"""``segment-integrations plan generate``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_integrations.cli.plan_generate import generate
from segment_integrations.plan import TrackingPlan
from segment_integrations.plan import generate as generated

PLAN = Path(__file__).parent / "generated" / "shop.json"


def run(*arguments):
    """The exit code, and what was said."""
    done = CliRunner().invoke(generate, [str(one) for one in arguments])
    return done.exit_code, done.output


def source(module="events"):
    return generated(TrackingPlan.load(PLAN), module=module)


def test_without_a_file_the_module_is_printed():
    """It can be piped."""
    assert (0, source()) == run(PLAN)


def test_the_module_is_written_and_named_after_its_file(tmp_path):
    """Folders on the way are made, and nothing else is left there."""
    output = tmp_path / "app" / "shop_events.py"
    code, text = run(PLAN, "-o", output)
    assert (0, True) == (code, "lines written" in text)
    assert source("shop_events") == output.read_text("utf-8")
    assert [output] == list(output.parent.iterdir())


def test_a_generated_file_is_replaced_and_keeps_its_permissions(tmp_path):
    """Generating again is all that a changed plan needs."""
    output = tmp_path / "events.py"
    output.write_text(source().replace("Shop", "Shed"), "utf-8")
    output.chmod(0o640)
    assert 0 == run(PLAN, "-o", output)[0]
    assert source() == output.read_text("utf-8")
    assert 0o640 == output.stat().st_mode & 0o777


def test_a_file_that_was_not_generated_is_left_alone(tmp_path):
    """Unless it is said otherwise."""
    output = tmp_path / "events.py"
    output.write_text("mine = 1\n")
    code, text = run(PLAN, "-o", output)
    assert (2, True) == (code, "was not generated" in text)
    assert "mine = 1\n" == output.read_text()
    assert 0 == run(PLAN, "-o", output, "--force")[0]
    assert source() == output.read_text("utf-8")


@pytest.mark.parametrize("before", [None, "", "mine = 1\n", "stale"])
def test_check_tells_a_file_that_is_not_up_to_date(tmp_path, before):
    """For CI: it writes nothing, and exits with 1."""
    output = tmp_path / "events.py"
    if before is not None:
        output.write_text(before)
    code, text = run(PLAN, "-o", output, "--check")
    assert (1, True) == (code, "not up to date" in text)
    assert before == (output.read_text() if output.exists() else None)


def test_check_takes_what_generate_wrote(tmp_path):
    """Also with the ends of lines of another system."""
    output = tmp_path / "events.py"
    run(PLAN, "-o", output)
    assert 0 == run(PLAN, "-o", output, "--check")[0]
    output.write_bytes(output.read_bytes().replace(b"\n", b"\r\n"))
    assert 0 == run(PLAN, "-o", output, "--check")[0]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--check"], "-o FILE"),
        (["--module", "a b"], "name of a Python module"),
        (["-o", "."], "is a directory"),
    ],
)
def test_a_wrong_call_says_what_to_do(arguments, text):
    """With 2, as everywhere."""
    code, output = run(PLAN, *arguments)
    assert (2, True) == (code, text in output)


def test_a_plan_that_is_none_is_no_traceback(tmp_path):
    """The error names the file."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"rules": [{"type": "TRACK"}]}))
    code, output = run(path)
    assert (2, True) == (code, str(path) in output)


def test_values_with_too_many_levels_are_no_traceback(tmp_path):
    """Lists in each other without end, where JSON Schema takes any value."""
    deep = []
    for _ in range(900):
        deep = [deep]
    path = tmp_path / "plan.json"
    schema = {"enum": [deep]}
    path.write_text(json.dumps([{"key": "A", "type": "TRACK", "jsonSchema": schema}]))
    assert (2, f"Error: {path} holds values with too many levels\n") == run(path)
