"""Each acceptance id has a test that carries it, or a written reason."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

import acceptance_table
from acceptance import ids_in_name, ids_in_row
from acceptance_ids import HOLDS, NARROWED, SAME_AS, UNTESTED

TESTS = Path(__file__).parent
_FUNCTION = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)
_ROW = re.compile(r"^    Row\(\s*\"([^\"]+)\"", re.MULTILINE)


def carried():
    """The ids that tests and rows of the decision table carry."""
    found = set()
    for path in TESTS.rglob("test_*.py"):
        for name in _FUNCTION.findall(path.read_text()):
            found |= ids_in_name(name)
    for row in _ROW.findall((TESTS / "conformance/decision_table.py").read_text()):
        found |= ids_in_row(row)
    return found


CARRIED = carried()


@pytest.mark.parametrize("acceptance_id", HOLDS)
def test_each_id_has_a_test_or_a_reason(acceptance_id):
    """Not both, and not neither."""
    assert (acceptance_id in CARRIED) != (acceptance_id in UNTESTED)


def test_no_id_is_unknown():
    """What tests carry, and what has a reason, is in the list."""
    assert set() == CARRIED - set(HOLDS)
    assert set() == {*UNTESTED, *NARROWED, *SAME_AS} - set(HOLDS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_ctx_1_a_dependency", {"CTX-1"}),
        ("test_dj12_switched_off", {"DJ-12"}),
        ("test_ctx_9_ctx_10_tasks", {"CTX-9", "CTX-10"}),
        ("test_fl_5_dj_6_logout", {"FL-5", "DJ-6"}),
        ("test_case_11_a_fork", {"PR-1"}),
        ("test_shown_as_304_page", set()),
        ("test_rule_of_1_thumb", set()),
    ],
)
def test_ids_of_a_name(name, expected):
    """A name begins with its ids, with or without a line between letters and number."""
    assert expected == ids_in_name(name)


PROGRAM = """
import pytest

def test_ctx_1_flask_knows(): pass

@pytest.mark.parametrize("driver", ["starlette-sync", "django-wsgi"])
def test_pg_2_something(driver): assert driver == "django-wsgi"

@pytest.mark.parametrize("row", [0], ids=["PG-3 a boosted visit"])
def test_shown(row): pass

@pytest.fixture
def broken():
    yield
    raise RuntimeError

def test_ctx_2_ends_badly(broken): pass

def test_without_an_id(): pass
"""


@pytest.mark.parametrize("switch", [(), ("-n", "1")])
def test_what_the_plugin_writes(pytester, monkeypatch, switch):
    """Outcomes by id and framework, and the versions, also of xdist's workers."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # others take long
    pytester.makepyfile(PROGRAM)
    pytester.makeconftest(
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        'pytest_plugins = ["acceptance"]'
    )
    options = ("-p", "no:cacheprovider", "-p", "xdist")
    pytester.runpytest_subprocess("--acceptance", "out.json", *options, *switch)
    found = json.loads((pytester.path / "out.json").read_text())
    assert sys.version.startswith(found["python"])
    assert "starlette" in found["versions"]
    assert found["ids"] == {
        "CTX-1": {"flask": {"passed": 1}},
        "CTX-2": {"none": {"failed": 1}},
        "PG-2": {"django": {"passed": 1}, "starlette": {"failed": 1}},
        "PG-3": {"none": {"passed": 1}},
    }


def test_a_row_of_the_table():
    """Frameworks, their versions over all runs, and the tests that passed."""
    runs = [
        {
            "python": python,
            "versions": {"django": django, "flask": "3.1.3"},
            "ids": {
                "CTX-1": {
                    "django": {"passed": 2},
                    "flask": {"skipped": 1},
                    "none": {"passed": 1},
                },
                "CTX-2": {"django": {"passed": 1, "failed": int(python < "3.12")}},
            },
        }
        for python, django in [("3.12.1", "6.1.3"), ("3.11.7", "4.2.8")]
    ]
    cells = acceptance_table.row("CTX-1", runs).split(" | ")
    assert cells[2:] == [
        "Django 4.2, 6.1; no framework (Python 3.11, 3.12)",
        "yes (6 tests) |",
    ]
    assert "**no**: 1 of 3 failed" in acceptance_table.row("CTX-2", runs)
    assert "**not run**" in acceptance_table.row("CTX-3", runs)
    assert "no test: checked by mypy" in acceptance_table.row("DE-10", runs)
    assert f" {NARROWED['PR-5']} | " in acceptance_table.row("PR-5", runs)


def test_the_page_shows_every_id():
    """The table of the docs has a row for each id, in the list's order."""
    text = acceptance_table.PAGE.read_text()
    between = text.partition(acceptance_table.START)[2]
    between = between.partition(acceptance_table.END)[0]
    assert list(HOLDS) == re.findall(r"^\| ([A-Z]+-\d+) \|", between, re.MULTILINE)
