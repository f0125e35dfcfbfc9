"""
A plugin of our own test runs: ``--acceptance FILE.json`` keeps what each id showed.

For each acceptance id in a test's name, or in the id of a row of the decision table, it
counts how the tests ended, by framework, and writes that with the versions installed.
`acceptance_table.py` makes one table of such files.
"""

from __future__ import annotations

import json
import platform
import re
from collections import Counter, defaultdict
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest

from acceptance_ids import HOLDS, SAME_AS

DISTRIBUTIONS: Final = {
    "aiohttp": "aiohttp",
    "celery": "celery",
    "django": "Django",
    "fastapi": "fastapi",
    "flask": "Flask",
    "litestar": "litestar",
    "ninja": "django-ninja",
    "quart": "Quart",
    "rest_framework": "djangorestframework",
    "starlette": "starlette",
}
PLAIN: Final = ("asgi", "wsgi")
"""Labels of plain applications, which have no framework."""

NONE: Final = "none"
"""What stands for a framework where the behaviour is about none."""

_AREAS = "|".join(sorted({one.partition("-")[0].lower() for one in HOLDS}))
_IN_NAME = re.compile(rf"(?<=_)({_AREAS})_?(\d+)(?=_)")
_NAME = re.compile(rf"test_(?:(?:{_AREAS})_?\d+_)+")
_ROW = re.compile(rf"\b(?:{_AREAS.upper()})-\d+\b")
_WORD = re.compile(r"[a-z]+")


def ids_in_name(name: str) -> set[str]:
    """The acceptance ids that the name of a test function begins with."""
    found = {one for one, case in SAME_AS.items() if name.startswith(f"test_{case}_")}
    start = _NAME.match(name)
    if start:
        pairs = _IN_NAME.findall(start[0])
        found |= {f"{area.upper()}-{number}" for area, number in pairs}
    return found


def ids_in_row(parameters: str) -> set[str]:
    """The acceptance ids in the id of a parameter set."""
    return set(_ROW.findall(parameters))


def framework_of(item: pytest.Item) -> str:
    """
    The framework that a test runs: its driver's, a parameter's, else its file's.

    Where both the file and the name are silent it is `NONE`.
    """
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params if callspec is not None else {}
    texts = [one for one in parameters.values() if isinstance(one, str)]
    driver = str(parameters.get("driver", ""))
    for among, places in (
        (DISTRIBUTIONS, (*texts, item.path.stem, item.name)),
        (PLAIN, (driver, item.path.stem)),
    ):
        words = (word for text in places for word in _WORD.findall(text.lower()))
        for word in words:
            if word in among:
                return word
    return NONE


def versions() -> dict[str, str]:
    """The installed version of each framework."""
    found = {}
    for name, distribution in DISTRIBUTIONS.items():
        try:
            found[name] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return found


class Acceptance:
    """Counts outcomes by id and framework; in xdist's workers it only marks tests."""

    def __init__(self, path: Path, *, is_worker: bool) -> None:
        self.path = path
        self.is_worker = is_worker
        self.ended: dict[str, dict[str, str]] = defaultdict(dict)
        self.about: dict[str, tuple[list[str], str]] = {}

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        ids = ids_in_name(getattr(item, "originalname", item.name))
        callspec = getattr(item, "callspec", None)
        if callspec is not None and "row" in callspec.params:
            ids |= ids_in_row(callspec.id)
        if ids:
            # A report's properties are what a worker's test has that the run sees.
            given = (sorted(ids), framework_of(item))
            item.user_properties.append(("acceptance", given))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == "acceptance":
                ids, framework = value  # type: ignore[misc] - a pair, after xdist too
                self.about[report.nodeid] = (ids, framework)
                self.ended[report.nodeid][report.when] = report.outcome

    def pytest_sessionfinish(self) -> None:
        if self.is_worker:
            return
        counts: dict[str, dict[str, Counter[str]]] = {}
        for test, phases in self.ended.items():
            ids, framework = self.about[test]
            by_severity = ("failed", "skipped", "passed")
            outcome = next(one for one in by_severity if one in phases.values())
            for one in ids:
                frameworks = counts.setdefault(one, {})
                frameworks.setdefault(framework, Counter())[outcome] += 1
        found: dict[str, Any] = {
            "python": platform.python_version(),
            "versions": versions(),
            "ids": counts,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--acceptance",
        metavar="FILE",
        type=Path,
        help="write what each acceptance id showed to FILE, as JSON",
    )


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--acceptance")
    if path is not None:
        is_worker = hasattr(config, "workerinput")
        plugin = Acceptance(path.absolute(), is_worker=is_worker)
        config.pluginmanager.register(plugin, "acceptance-ids")
