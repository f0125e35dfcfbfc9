"""The list of behaviours and the tests are one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from behaviours import BEHAVIOURS, NOT_EVERYWHERE
from decision_table import ROWS
from driving import DRIVERS

_TEST = re.compile(
    r"^def (test_([a-z]+)_(\d+)_\w+)\((.*?)\):", re.MULTILINE | re.DOTALL
)

TESTS = {
    name: (f"{area.upper()}-{number}", arguments)
    for path in Path(__file__).parent.glob("test_*.py")
    for name, area, number, arguments in _TEST.findall(path.read_text())
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_each_behaviour_has_a_test(behaviour):
    """Each id has a test that carries it, or rows of the decision table do."""
    arguments = [given for one, given in TESTS.values() if one == behaviour]
    rows = [row for row in ROWS if row.id.startswith(f"{behaviour} ")]
    assert arguments or rows
    if behaviour not in NOT_EVERYWHERE:
        assert any("make_site" in given for given in arguments)


def test_each_test_s_id_is_in_the_list():
    """No test carries an id that the list does not have."""
    assert {one for one, _ in TESTS.values()} <= set(BEHAVIOURS)
    assert {row.id.partition(" ")[0] for row in ROWS} <= set(BEHAVIOURS)


def test_all_four_frameworks_have_a_driver():
    """The drivers are Starlette, FastAPI, Flask and Django, sync and async."""
    kinds = {(one.framework, one.is_async) for one in DRIVERS.values()}
    both = {"starlette", "fastapi", "django"}
    assert {(one, kind) for one in both for kind in (True, False)} | {
        ("flask", False)
    } == kinds
    for one in (Path(__file__).parent / "drivers").glob("*.py"):
        assert len(one.read_text().splitlines()) <= 150
