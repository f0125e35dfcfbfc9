"""Runs a stranger's suite in a process of its own, with or without us."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
LIMIT_S = 180
VISITOR = "507f191e-810c-4197-99de-860ea3f1a3b2"
_FOREIGN = ("COVERAGE", "PYTEST", "PROXY", "SEGMENT", "DJANGO", "FLASK", "STRANGER")


@dataclass(frozen=True)
class Variant:
    """
    One way of running a suite.

    Args:
        settings: Ours, as environment variables; None is a run without us.
        visitor: The anonymous id that each browser brings along.
        fails: The tests that see what this variant is documented to change.
    """

    settings: dict[str, str] | None
    visitor: str = VISITOR
    fails: frozenset[str] = field(default_factory=frozenset)


BARE = Variant(None)
VARIANTS = {
    "default": Variant({}),
    "resolved": Variant({"SEGMENT_IDENTITY": "resolved"}),
    "eager": Variant(
        {"SEGMENT_IDENTITY": "eager"},
        fails=frozenset({"test_a_plain_page_does_not_vary_by_cookie"}),
    ),
    "cookie": Variant({"SEGMENT_ANONYMOUS_COOKIE": "1"}, visitor=""),
}


def run(app, variant, record):
    """
    Run the suite of *app*; what its recording plugin wrote to *record*.

    Of several processes of pytest that share a *record* one runs the suite, while the
    others wait.
    """
    with record.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = record.with_suffix(".txt")
        if not text.exists():
            text.write_text(_run(app, variant, record))
        said = text.read_text()
    assert record.exists(), said
    seen = json.loads(record.read_text())
    failed = {_name(test) for test, how in seen["outcomes"].items() if how != "passed"}
    assert variant.fails >= failed, said
    return seen


def _run(app, variant, record):
    """What the run of the suite said."""
    is_ours = variant.settings is not None
    plugins = ["segment_integrations.testing.plugin"] if is_ours else []
    variables = {
        "PYTHONPATH": str(HERE),
        "PYTHONHASHSEED": "0",  # Flask and Starlette send ``Allow`` in a set's order
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "STRANGER_RECORD": str(record),
        "STRANGER_VISITOR": variant.visitor,
        "STRANGER_APP": f"{app}.{'with_ours' if is_ours else 'app'}",
    }
    more = []
    if app == "django_app":
        plugins.append("pytest_django.plugin")
        more.append("--no-migrations")
        settings = "with_ours" if is_ours else "settings"
        variables["DJANGO_SETTINGS_MODULE"] = f"{app}.{settings}"
    if is_ours:
        variables |= {"SEGMENT_WRITE_KEY": "key", "STRANGER_EVENTS": "1"}
        variables |= variant.settings
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in _FOREIGN)
    }
    command = [sys.executable, "-m", "pytest", "-c", "suite.ini"]
    command += [part for plugin in plugins for part in ("-p", plugin)]
    done = subprocess.run(
        [*command, *more, f"{app}/suite.py"],
        cwd=HERE,
        env={**kept, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.stdout


def _name(test):
    return test.rpartition("::")[2].partition("[")[0]
