"""The list of behaviours and the tests are one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from behaviours import BEHAVIOURS, NOT_EVERYWHERE, NOT_OF_PLAIN_APPS
from decision_table import ROWS
from driving import DRIVERS

_TEST = re.compile(
    r"^def (test_([a-z]+)_(\d+)_\w+)\((.*?)\):", re.MULTILINE | re.DOTALL
)
_ANY_TEST = re.compile(r"^def (test_\w+)", re.MULTILINE)

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


def test_every_framework_has_a_driver():
    """Each framework is driven, with sync and async views where it has both."""
    kinds = {(one.framework, one.is_async) for one in DRIVERS.values()}
    both = {"starlette", "fastapi", "quart", "litestar", "django"}
    one_kind = {("flask", False), ("aiohttp", True), ("asgi", True), ("wsgi", False)}
    assert {(one, kind) for one in both for kind in (True, False)} | one_kind == kinds
    for path in (Path(__file__).parent / "drivers").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 150


def test_what_plain_apps_can_not_do_is_in_a_test():
    """Each exception for the plain applications names a test or a row that there is."""
    found = {
        name
        for path in Path(__file__).parent.glob("test_*.py")
        for name in _ANY_TEST.findall(path.read_text())
    }
    assert set(NOT_OF_PLAIN_APPS) <= found | {row.id for row in ROWS}
