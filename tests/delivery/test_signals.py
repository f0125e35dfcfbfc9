"""Handlers that use the client inside of a call that they interrupt: cases 1 and 16."""

import os

import pytest
from process_programs import Program

SEEDS = range(int(os.environ.get("SEGMENT_TEST_STORMS", "2")))
"""More for a longer look, in programs of two seconds each."""


@pytest.fixture
def output(tmp_path):
    """Run one of this folder's programs; the lines that it writes."""
    started = []

    def run(name, *arguments):
        program = Program(
            tmp_path,
            f"import {name}\n{name}.main(*{arguments!r})\n",
            flags=(),
            measured=False,  # tracing moves the points, and makes a storm a calm
        )
        started.append(program)
        lines = []
        while (line := program.line()) is not None:
            lines.append(line)
        assert 0 == program.ended(), program.errors
        return lines

    yield run
    for program in started:
        program.end()


@pytest.mark.parametrize("before", [0, 1, 4], ids=["first", "next", "fills-a-batch"])
@pytest.mark.parametrize("action", ["track", "flush", "track flush", "track close"])
def test_case_01_a_handler_may_track_and_wait_wherever_it_interrupts(
    output, action, before
):
    """At each point of a call: no hang, a wait that is kept short, nothing missing."""
    *troubles, points = output("process_interrupted", action, before)
    assert [] == troubles
    assert int(points.split()[0]) > 30


@pytest.mark.parametrize("before", [0, 1, 4], ids=["first", "next", "fills-a-batch"])
def test_case_01_a_handler_that_raises_costs_one_call(output, before):
    """Ctrl-C at each point of a call: the client works on, and sends nothing twice."""
    *troubles, points = output("process_interrupted", "raise", before)
    assert [] == troubles
    assert int(points.split()[0]) > 30


def test_case_01_a_handler_that_raises_costs_one_flush(output):
    """Ctrl-C at each point of a flush: no lock stays taken, and nothing is missing."""
    *troubles, points = output("process_interrupted", "raise in flush", 3)
    assert [] == troubles
    assert int(points.split()[0]) > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_case_01_signals_at_chance_places_lose_nothing(output, seed):
    """Handlers that track and flush, under four threads that track: all arrive once."""
    assert ["over"] == output("process_storm", seed)
