"""Generated modules, through the tools of those who will have them."""

import os
import subprocess
import sys
from pathlib import Path

from plan_generate_bench import meaning, sent_back

from segment_integrations.plan import TrackingPlan, generate

HERE = Path(__file__).parent
RULES = "E,F,I,UP,W,N,B,A,C4,D3,PYI,SIM,PIE,RUF022,RUF036"
"""What a plan can't break; docstrings are the plan's own words, so D1 and D4 can."""


def odd_plan():
    """Events whose lines have every length around the limit, and all that is odd."""
    properties = {}
    for size in range(1, 60, 3):
        text, wide = "d" * size, "名" * size + "\"'"
        several = {"type": ["string", "integer", "null"]}
        described = {"type": "string", "description": text}
        properties |= {
            f"a{size}": described,
            f"b-{size}": {**described, "title": wide},
            f"c{size}": {**several, "pattern": "x", "description": text + " e" * 30},
            f"d{size}": {"type": "array", "items": {"enum": [text, 'y"', None]}},
            "f" * size + "-": {**several, "maxLength": size},
            "g" * size: {"type": "object", "properties": {text: {}, "l": several}},
            "h" * (size // 2 + 1) + "-": {"type": "object", "properties": {"a": {}}},
            f"i{size}": {
                "type": "object",
                "x": {"y": [wide, 1e300, None, {"z": text}]},
            },
        }
    facts = {"type": "object", "properties": properties}
    odd = ["class", 'a"b', "O'Neil", '"""\nimport os', "\x00\u202e", "🎉", "I", " "]
    short = [
        {"key": f"{one} Sent", "type": "TRACK", "jsonSchema": {"description": one}}
        for one in ('"Quoted" first', 'last "quoted"', '"', "'", "\\")
    ]
    events = [
        ("Many Sent", facts),
        ("Needed Sent", {**facts, "required": [*properties]}),
    ]
    events += [(name, {"type": "object"}) for name in odd]
    events += [(f"{'E' * size} Sent", {"type": "object"}) for size in range(1, 90, 3)]
    return TrackingPlan.of(
        [
            {
                "key": key,
                "type": "TRACK",
                "jsonSchema": {
                    "description": "\n\n".join([key, "w " * len(key)]),
                    "type": "object",
                    "labels": {"owner": key},
                    "properties": {"properties": found},
                },
            }
            for key, found in events
        ]
        + short
    )


def run(folder, *arguments):
    """Run a tool as a stranger would; what it says counts where it finds something."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    return (done.stdout + done.stderr)[-3000:] if done.returncode else ""


def test_the_tools_have_nothing_to_say(tmp_path):
    """
    They are as ``ruff format`` leaves them, and pass ruff and mypy's strict mode.

    The odd one, the two in the folder and the example's.
    """
    (tmp_path / "odd_events.py").write_text(generate(odd_plan(), module="odd"), "utf-8")
    for name in ("shop", "api"):
        text = (HERE / "generated" / f"{name}_events.py.txt").read_text("utf-8")
        (tmp_path / f"{name}_events.py").write_text(text, "utf-8")
    text = (HERE.parents[1] / "examples" / "plan" / "events.py").read_text("utf-8")
    (tmp_path / "events.py").write_text(text, "utf-8")
    version = ["--isolated", "--no-cache", "--target-version=py311"]
    assert "" == run(tmp_path, "ruff", "format", "--diff", *version, ".")
    assert "" == run(tmp_path, "ruff", "check", *version, ".")  # its default rules
    assert "" == run(tmp_path, "ruff", "check", "--select", RULES, *version, ".")
    cache = f"--cache-dir={os.devnull}"  # a tenth quicker than to write one
    assert "" == run(tmp_path, "mypy", "--strict", cache, ".")


def test_it_says_all_of_the_plan():
    """It exports the plan that it was made of."""
    plan = odd_plan()
    assert meaning(plan) == meaning(sent_back(generate(plan)))
