"""What `plan scan` reports of events and plan, and the command around it."""

import json
import os
import pty
import subprocess
import sys

import pytest
from scan_bench import OURS, planned, rule, scanned, told, write

from segment_integrations.cli import main
from segment_integrations.plan import scan
from segment_integrations.plan.scanning.hints import COMPARED_MAX, Hints

SOURCE = OURS + "track('Order Paid')\ntrack('Order-paid')\ntrack(x)\n"


@pytest.fixture(name="called")
def _called(capsys, monkeypatch, tmp_path):
    """Run ``plan scan`` in the folder with *files*; its exit code and output."""
    for name in tuple(os.environ):
        if name.startswith("SEGMENT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    plan = planned("Order Paid", "Never Fired").document()
    (tmp_path / "plan.json").write_text(json.dumps(plan))

    def called(*argv, files=SOURCE):
        write(tmp_path, {"src/app.py": files} if isinstance(files, str) else files)
        with pytest.raises(SystemExit) as ended:
            main(["plan", "scan", *map(str, argv)])
        return ended.value.code, *capsys.readouterr()

    return called


# -- the report ---------------------------------------------------------------------


def test_unplanned_events_are_told_with_place_and_hint(tmp_path):
    """The nearest planned name is offered, whatever differs a little."""
    source = OURS + "track('order-paid')\ntrack('Ordr Paid')\ntrack('Else')\n"

    report = scanned(tmp_path, source, "Order Paid")

    hints = [(one.line, one.hint) for one in report.findings if one.line]
    assert [(2, "Order Paid"), (3, "Order Paid"), (4, "")] == hints
    (first, *_) = report.findings
    assert str(first) == (
        f"{tmp_path}/app.py:2:7: event 'order-paid' is not in the plan:"
        " did you mean 'Order Paid'?"
    )


def test_planned_events_that_no_code_fires_are_told(tmp_path):
    """But for deprecated ones, and for those that come from elsewhere."""
    retired = {**rule("Retired"), "deprecatedAt": "2025-01-01T00:00:00.000Z"}
    consent = "Segment Consent Preference Updated"
    rules = ["Fired", "Missed", retired, "Page Viewed", "Screen Viewed", consent]

    report = scanned(tmp_path, OURS + "track('Fired')\ntrack('Retired')\n", *rules)

    assert ["plan.json:0:0 unfired Missed"] == told(report)
    assert {"Fired": 1, "Retired": 1} == report.fired


def test_an_empty_project_fires_nothing(tmp_path):
    """No file is no error."""
    report = scan([tmp_path], planned("A"))

    assert (0, {}, ["plan.json:0:0 unfired A"]) == (
        report.files,
        report.fired,
        told(report),
    )


def test_hints_for_very_many_names_end():
    """Names that differ in case only are always found, others up to a bound."""
    hints = Hints([f"Event {n}" for n in range(COMPARED_MAX // 2)])

    assert "Event 77" == hints.nearest("event-77")
    for n in range(3):
        hints.nearest(f"{n} quite another")
    assert "" == hints.nearest("Evnt 78")
    assert "Event 77" == hints.nearest("EVENT77")


# -- the command --------------------------------------------------------------------


def test_the_command_writes_lines_as_linters_do(called):
    """Path, line, column, text; findings make the exit code 1."""
    assert called("src", "--plan", "plan.json") == (
        1,
        (
            "src/app.py:3:7: event 'Order-paid' is not in the plan:"
            " did you mean 'Order Paid'?\n"
            "src/app.py:4:7: dynamic: the name of this track is made at run time (x)\n"
            "plan.json: planned event 'Never Fired' is fired nowhere\n"
            "1 file, 2 events fired: 2 findings, 1 note.\n"
        ),
        "",
    )


def test_the_plan_may_be_in_the_environment(called, monkeypatch):
    """`SEGMENT_PLAN` is the setting's own variable."""
    monkeypatch.setenv("SEGMENT_PLAN", "plan.json")

    code, out, _ = called("src", files=OURS + "track('Order Paid')")

    assert (1, 2) == (code, len(out.splitlines()))


def test_unfired_events_may_be_allowed(called):
    """Then only what stands in the code counts."""
    argv = ["src", "--plan", "plan.json", "--allow-unfired"]

    assert called(*argv, files=OURS + "track('Order Paid')") == (
        0,
        "1 file, 1 event fired: 0 findings, 0 notes.\n",
        "",
    )
    assert 1 == called(*argv)[0]


def test_notes_do_not_fail_a_run(called):
    """A name of run time and a broken file are told, with exit code 0."""
    files = {"src/app.py": OURS + "track(x)", "src/bad.py": "track("}

    code, out, _ = called("src", "--plan", "plan.json", "--allow-unfired", files=files)

    assert (0, 3) == (code, len(out.splitlines()))


def test_the_command_gives_json(called):
    """One object with findings, notes and the number of places of each event."""
    code, out, _ = called("src", "--plan", "plan.json", "--json")

    document = json.loads(out)
    assert (1, False, 1) == (code, document["ok"], document["files"])
    assert {"Order-paid": 1, "Order Paid": 1} == document["fired"]
    assert {
        "kind": "unplanned",
        "path": "src/app.py",
        "line": 3,
        "column": 7,
        "event": "Order-paid",
        "text": "event 'Order-paid' is not in the plan: did you mean 'Order Paid'?",
        "hint": "Order Paid",
    } == document["findings"][0]
    assert ["unfired"] == [one["kind"] for one in document["findings"][1:]]
    assert ["dynamic"] == [one["kind"] for one in document["notes"]]


def test_the_command_writes_annotations_of_github(called):
    """Signs with a meaning there are escaped."""
    files = {"src/a,b.py": OURS + "track('100%: a')\ntrack(x)\n"}
    argv = ["src", "--plan", "plan.json", "--format", "github", "--allow-unfired"]

    _, out, _ = called(*argv, files=files)

    assert out.splitlines()[:2] == [
        "::error file=src/a%2Cb.py,line=2,col=7::event '100%25: a' is not in the plan",
        (
            "::notice file=src/a%2Cb.py,line=3,col=7::dynamic: the name of this track"
            " is made at run time (x)"
        ),
    ]


def test_names_can_not_write_to_the_terminal(called):
    """Control characters of names and paths are not written as they are."""
    files = {"src/\x1bapp.py": OURS + "track('\\x1b[31m\\nA')"}

    _, out, _ = called("src", "--plan", "plan.json", "--allow-unfired", files=files)

    assert "\x1b" not in out
    assert 2 == len(out.splitlines())


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["src"], "no plan: give --plan or set SEGMENT_PLAN"),
        (["--plan", "plan.json"], "Missing argument 'PATH...'"),
        (["src", "gone", "--plan", "plan.json"], "Path 'gone' does not exist"),
        (["src", "--plan", "gone.json"], "Path 'gone.json' does not exist"),
        (["src", "--plan", "src/app.py"], "src/app.py: "),
    ],
)
def test_a_wrong_call_is_code_2(called, argv, text):
    """A missing path, a missing plan, or one that is none."""
    code, out, err = called(*argv)

    assert (2, "") == (code, out)
    assert text in err


def test_options_reach_the_scan(called):
    """``--exclude`` and ``--any-track`` do as `scan` has it."""
    files = {"src/app.py": "eye.track('Else')", "src/tests/x.py": SOURCE}
    argv = ["src", "--plan", "plan.json", "--exclude", "tests", "--any-track", "--json"]

    document = json.loads(called(*argv, files=files)[1])

    assert (1, {"Else": 1}) == (document["files"], document["fired"])


def test_a_terminal_gets_a_bar_and_a_pipe_none(called, tmp_path):
    """Progress goes to standard error, and only where somebody looks."""
    called("src", "--plan", "plan.json")
    command = [sys.executable, "-m", "segment_integrations", "plan", "scan"]
    ours, theirs = pty.openpty()
    ran = subprocess.run(
        [*command, "src", "--plan", "plan.json"],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=60,
    )
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)

    assert (1, 4) == (ran.returncode, len(ran.stdout.splitlines()))
    assert "Reading" in shown
    assert "1/1" in shown


def test_a_place_has_one_note_and_pages_have_one_if_they_are_planned(tmp_path):
    """A name with several unknown values is one thing to look at."""
    source = OURS + "def f(a, b):\n    track(a.x if a else b.y)\n    page(a.x)\n"

    assert ["app.py:3:11 dynamic "] == told(scanned(tmp_path, source))
    report = scanned(tmp_path, source, rule("Home", type_="PAGE"))
    assert ["app.py:3:11 dynamic ", "app.py:4:10 dynamic "] == told(report)
