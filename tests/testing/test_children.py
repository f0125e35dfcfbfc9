"""Processes that a test run starts: part of it, or programs of their own."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys

from segment_integrations.core.tap import is_test_run

WAIT_S = 30


def answer(answers):
    answers.put(is_test_run())


def answer_of_a_spawned_child():
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    child = spawn.Process(target=answer, args=(answers,))
    child.start()
    found = answers.get(timeout=WAIT_S)
    child.join(WAIT_S)
    return found


def test_a_spawned_child_belongs_to_the_test_run():
    """A child of multiprocessing knows that it is part of a test run, and is quiet."""
    assert answer_of_a_spawned_child() is True


def test_a_program_that_a_test_starts_is_its_own():
    """A server that a test starts as a program sends as it does in production."""
    code = (
        "import multiprocessing;"
        "from segment_integrations.core.tap import is_test_run;"
        "raise SystemExit(is_test_run())"
    )
    ran = subprocess.run([sys.executable, "-c", code], timeout=WAIT_S, check=False)
    assert ran.returncode == 0
