"""The example's plan, all the way: classes, calls, what Segment gets, coverage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from segment_integrations import Analytics
from segment_integrations.cli.group import cli
from segment_integrations.dev.server import running
from segment_integrations.plan import TrackingPlan

EXAMPLE = Path(__file__).parents[2] / "examples" / "plan"
PLAN = EXAMPLE / "plan.json"
LIMIT_S = 120
FIRED = {
    "",  # of the users and the accounts
    *["Checkout Started", "Order Completed", "Search Performed", "Signed Up"],
}


def test_the_example_s_classes_are_those_of_its_plan():
    """What was generated is what would be generated now."""
    options = ["plan", "generate", str(PLAN), "-o", str(EXAMPLE / "events.py")]
    ran = CliRunner().invoke(cli, [*options, "--check"])
    assert ran.exit_code == 0, ran.output


def test_the_plan_is_sound_and_keeps_to_the_conventions():
    """`plan check` and `plan lint` have nothing to say but notes."""
    for command in ("check", "lint"):
        ran = CliRunner().invoke(cli, ["plan", command, str(PLAN), "--json"])
        counts = json.loads(ran.output)["counts"]
        assert (0, 0) == (counts.get("error", 0), counts.get("warning", 0))


def test_the_code_fires_what_the_plan_has():
    """`plan scan` finds nothing that is not planned in the example's source."""
    options = [str(EXAMPLE), "--plan", str(PLAN), "--exclude", "test_*", "--json"]
    ran = CliRunner().invoke(cli, ["plan", "scan", *options, "--allow-unfired"])
    assert ran.exit_code == 0, ran.output


def test_the_example_s_tests_tell_how_much_of_the_plan_they_fire(tmp_path):
    """The run passes, and its report has each planned event on the right side."""
    report = tmp_path / "coverage.json"
    kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", EXAMPLE),
            *("--segment-plan", PLAN, "--segment-plan-min", "50"),
            *("--segment-plan-json", report),
        ],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(EXAMPLE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    events = json.loads(report.read_text())["events"]
    assert "6 of 12 planned events fired, 50.0%" in ran.stdout
    assert {one["key"] for one in events if one["fired"]} == FIRED


def test_what_breaks_the_plan_arrives_with_its_violations():
    """A call that no type checker saw is sent, and says what is wrong with it."""
    with running(port=0) as collector:
        program = (
            "from segment_integrations import Analytics\n"
            f"with Analytics('k', host={collector.url!r}, plan={str(PLAN)!r}) as one:\n"
            "    one.track('Signed Up', {'method': 'owl'}, user_id='u')\n"
            "    one.track('Signed In', {'method': 'email'}, user_id='u')\n"
        )
        kept = {k: v for k, v in os.environ.items() if "PYTEST" not in k}
        subprocess.run(
            [sys.executable, "-c", program],
            env={**kept, "NO_PROXY": "127.0.0.1"},
            check=True,
            timeout=LIMIT_S,
        )
        by_event = {one["event"]: one for one in collector.messages()}
    (violation,) = by_event["Signed Up"]["context"]["protocols"]["violations"]
    assert "properties.method" == violation["field"]
    assert "owl" not in str(violation)
    assert "protocols" not in by_event["Signed In"]["context"]


def test_the_plan_checks_what_the_classes_make():
    """Each of the example's events is as planned when its classes made it."""
    plan = TrackingPlan.load(PLAN)
    sent = []

    class Kept:
        def put(self, body, message):
            sent.append(json.loads(body))

    sys.path.insert(0, str(EXAMPLE))
    try:
        import events
    finally:
        sys.path.remove(str(EXAMPLE))
    with Analytics("k", sink=Kept()) as analytics:
        analytics.track(events.SignedIn(method="google"), user_id="u")
        analytics.track(
            events.PlanUpgraded(from_plan="free", to_plan="pro", revenue=9),
            user_id="u",
        )
        analytics.group("g", events.GroupTraits(employees=3), user_id="u")
    assert 3 == len(sent)
    assert [] == [one for message in sent for one in plan.check(message)]
