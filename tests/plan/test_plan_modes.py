"""The settings of a plan: the words of its modes, and what is told at start-up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from plan_bench import DOCUMENT, plan

from segment_integrations import Analytics, ConfigurationError, Settings
from segment_integrations.errors import PlanError
from segment_integrations.plan.modes import CALLS, WORDS, Mode, modes


def described(mode):
    names = (
        "checks",
        "omits_unplanned",
        "omits_violating",
        "blocks_violating",
        "blocks_unplanned",
        "forwards",
        "acts",
    )
    return {name for name in names if getattr(mode, name)}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["report"], {"checks"}),
        (["omit"], {"checks", "omits_unplanned", "omits_violating", "acts"}),
        (["omit_unplanned"], {"checks", "omits_unplanned", "acts"}),
        (["block"], {"checks", "blocks_violating", "acts"}),
        (["block_unplanned"], {"checks", "blocks_unplanned", "acts"}),
        (["forward"], {"checks", "forwards", "acts"}),
        (["report", "forward"], {"checks", "forwards", "acts"}),
        (["off"], set()),
        (
            ["omit_unplanned", "block", "block_unplanned"],
            {
                "checks",
                "omits_unplanned",
                "blocks_violating",
                "blocks_unplanned",
                "acts",
            },
        ),
    ],
)
def test_each_word_means_one_thing(words, expected):
    """A mode does what its words say, and nothing else."""
    assert expected == described(Mode.of(words))


def test_a_call_that_is_not_named_is_reported():
    """Words by call hold for the calls that they name."""
    given = modes({"track": ["omit", "forward"], "identify": ["block"]})
    assert set(CALLS) == set(given)
    assert Mode(frozenset({"omit", "forward"})) == given["track"]
    assert Mode(frozenset({"block"})) == given["identify"]
    assert {Mode()} == {given[call] for call in ("page", "screen", "group", "alias")}


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("omitt", "plan_mode has no word 'omitt': use omit"),
        ("", None),
        (["off", "omit"], "plan_mode can not be off and omit"),
        ("omit,block", "plan_mode can not be block and omit"),
        ("report,block", "plan_mode can not be block and report"),
        ({"tracks": "omit"}, "plan_mode has no call 'tracks'"),
        ({"track": "nothing"}, "plan_mode has no word 'nothing'"),
        ({"page": "omit_unplanned"}, "plan_mode has omit_unplanned for page"),
        ({"identify": "block_unplanned"}, "for track only"),
        ({"track": []}, "plan_mode has no word"),
        ({7: "omit"}, "plan_mode must be a mapping of calls"),
        (7, "plan_mode must be a list of texts, got int"),
    ],
)
def test_wrong_words_are_told_at_start_up(setting, told):
    """Unknown words and contradictions name the setting and say what to use."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        Analytics("a-key", plan=plan(), plan_mode=setting if told else [])
    assert "plan_mode" == caught.value.setting


def test_a_mode_needs_a_plan():
    """A mode without a plan would do nothing, so it is told; off means nothing."""
    with pytest.raises(ConfigurationError, match="plan_mode needs a plan: set plan"):
        Analytics("a-key", plan_mode="omit")
    with Analytics("a-key", plan_mode="off") as analytics:
        assert {} == analytics.stats().violations


def test_words_come_from_the_environment(monkeypatch, tmp_path):
    """In the environment words have commas between them, and the plan is a path."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(DOCUMENT))
    monkeypatch.setenv("SEGMENT_PLAN", str(path))
    monkeypatch.setenv("SEGMENT_PLAN_MODE", "omit, block_unplanned")
    settings = Settings.resolve({})
    assert path == settings.plan
    assert ("omit", "block_unplanned") == settings.plan_mode
    with Analytics("a-key") as analytics:
        assert settings.plan == analytics.settings.plan


def test_a_plan_that_is_none_is_told_at_start_up(tmp_path):
    """A path that leads nowhere, no plan and broken JSON name setting or file."""
    with pytest.raises(ConfigurationError, match="plan must be the path") as caught:
        Analytics("a-key", plan=str(tmp_path / "absent.json"))
    assert "plan" == caught.value.setting
    with pytest.raises(ConfigurationError, match="plan must be the path of a plan"):
        Analytics("a-key", plan=7)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(PlanError, match=r"^plan: .*broken\.json") as caught:
        Analytics("a-key", plan=broken)
    assert "plan" == caught.value.setting

    class Other:
        def check(self, message):
            return []

    with pytest.raises(ConfigurationError, match="or a TrackingPlan, got Other"):
        Analytics("a-key", plan=Other())


def test_a_plan_that_is_not_there_is_told_with_where_it_was_looked_for(monkeypatch):
    """A relative path is one from the current folder, which nobody sees."""
    monkeypatch.setenv("SEGMENT_PLAN", "absent.json")
    with pytest.raises(ConfigurationError, match=r"^SEGMENT_PLAN must be") as caught:
        Analytics("a-key")
    assert str(Path.cwd() / "absent.json") in str(caught.value)


def test_a_plan_that_is_none_is_read_once_by_calls_of_the_module(tmp_path):
    """Without an `Analytics` calls are ignored, and none waits for the file again."""
    path = tmp_path / "plan.json"
    path.write_text("{")
    program = """
import os, sys
from segment_integrations import track
os.environ["SEGMENT_PLAN"] = sys.argv[1]
assert track("Order Completed", user_id="u") is None
tried = []
sys.addaudithook(lambda name, rest: tried.append(rest) if name == "open" else None)
assert track("Order Completed", user_id="u") is None
print([rest for rest in tried if sys.argv[1] in str(rest)])
del os.environ["SEGMENT_PLAN"]
print(track("Order Completed", user_id="u") is not None)
"""
    ended = run(
        program, str(path), SEGMENT_WRITE_KEY="k", SEGMENT_HOST="http://127.0.0.1:9"
    )
    assert "[]\nTrue\n" == ended.stdout, ended.stderr
    assert 1 == ended.stderr.count("calls are ignored"), ended.stderr


def test_a_framework_spells_the_setting_as_its_own():
    """The text of a contradiction has the framework's spelling of the name."""
    settings = Settings.resolve({"write_key": "a-key", "plan_mode": "omit"})
    with pytest.raises(ConfigurationError, match=r'SEGMENT\["PLAN_MODE"\] needs'):
        Analytics.from_settings(
            settings, spell=lambda name: f'SEGMENT["{name.upper()}"]'
        )


def test_a_plan_is_not_read_where_nothing_is_sent(tmp_path):
    """Switched off, an application starts with whatever is in the plan's place."""
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with Analytics("a-key", enabled=False, plan=broken) as analytics:
        assert None is analytics.track("Anything", user_id="u")


def run(program, *arguments, **environ):
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_plan_nothing_of_plans_is_imported():
    """In a fresh process, calls and delivery import neither plans nor their extra."""
    program = """
import sys
from segment_integrations import Analytics
class Sink:
    def put(self, body, message): pass
with Analytics("a-key", sink=Sink()) as analytics:
    assert analytics.track("Order Completed", user_id="u")
    assert analytics._pipeline.inspect is None
    assert analytics.stats().violations == {}
with Analytics("a-key", host="http://127.0.0.1:9") as analytics:
    assert analytics._delivery._options.inspect is None
names = [name for name in sys.modules if "segment_integrations.plan" in name]
print([*names, *(name for name in sys.modules if name == "jsonschema_rs")])
"""
    ended = run(program)
    assert ("[]\n", 0) == (ended.stdout, ended.returncode), ended.stderr


def test_a_missing_extra_is_told_with_the_command(tmp_path):
    """Without jsonschema-rs the start says which setting needs it, and what to type."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(DOCUMENT))
    program = """
import sys
sys.modules["jsonschema_rs"] = None
from segment_integrations import Analytics, ConfigurationError
try:
    Analytics("a-key", plan=sys.argv[1])
except ConfigurationError as error:
    print(error.setting, error)
"""
    ended = run(program, str(path))
    assert ended.stdout.startswith("plan plan: "), ended.stderr
    assert "pip install 'segment-integrations[plan]'" in ended.stdout


def test_the_words_are_those_of_the_docs():
    """Every word has a meaning in the code, and a line in the docs."""
    page = Path(__file__).parents[2] / "docs/plan/enforcement.md"
    lines = page.read_text().partition("## Modes")[2].partition("\n\nWords")[0]
    listed = [line.split("`")[1] for line in lines.splitlines() if line[:3] == "| `"]
    assert list(WORDS) == listed
