"""Processes that are killed at any moment: what they had accepted arrives."""

import random
import secrets
import sys
import time

import msgspec
import pytest
from spool_bench import leftovers, spooled
from spool_crash import (
    CRASHING,
    FLUSHING,
    REFUSED,
    SETTINGS,
    Arrivals,
    Running,
    message,
    refused,
    whole_number,
)

KILLS = whole_number("SEGMENT_TEST_KILLS", 30)
READY_S = 20
SEED = whole_number("SEGMENT_TEST_SEED", secrets.randbelow(2**32))

STATES = ["up", "503", "hang", "refused", "changing"]
FAULTS = [503, 429, "reset", "drop", "cut"]


@pytest.fixture
def run(tmp_path):
    """Start programs on one spool, ended with the test."""
    made = []

    def start(script, host, name, **given):
        settings = {
            **SETTINGS,
            "host": host,
            "spool_dir": str(tmp_path / "spool"),
            **given.pop("settings", {}),
        }
        made.append(
            Running(tmp_path / name, script, name=name, settings=settings, **given)
        )
        return made[-1]

    yield start
    for one in made:
        one.end()


def reported(program, count, pause, is_ready=lambda: True):
    """Kill *program* some time after its call number *count*; what it has reported."""
    found = [program.line() for _ in range(count)]
    assert None not in found, program.errors
    until = time.monotonic() + READY_S
    while not is_ready() and time.monotonic() < until:
        time.sleep(0.01)  # its worker has not had its turn
    time.sleep(pause)
    program.process.kill()
    assert -9 == program.ended(), program.errors
    return found + program.ids()


def test_case_17_nothing_accepted_is_lost_by_a_kill(run, collector, tmp_path):
    """`always`: killed at random moments, in any weather: all arrives as it was."""
    say(f"SEGMENT_TEST_SEED={SEED} SEGMENT_TEST_KILLS={KILLS}")
    dice = random.Random(SEED)
    target, arrivals = collector(), Arrivals()
    accepted = set()
    with refused() as nobody:
        for number in range(KILLS):
            state = dice.choice(STATES)
            target.default = {"503": 503, "hang": "hang"}.get(state, arrivals.take)
            target.script.clear()
            if state == "changing":
                faults = [*FAULTS, arrivals.take]
                target.script.extend(dice.choices(faults, k=20))
            one = run(
                CRASHING,
                nobody if state == "refused" else target.host,
                f"round{number}",
                threads=dice.choice([1, 3]),
                most=1_500,
                settings={
                    "flush_at": dice.choice([5, 100, 500]),
                    "queue_bytes": dice.choice([1_500_000, 32_000_000]),
                },
            )
            found = reported(one, dice.randrange(600), dice.random() * 0.1)
            assert REFUSED not in found
            say(f"round {number}: {state}, {len(found)} accepted")
            accepted |= set(found)
    target.default = arrivals.take
    target.script.clear()
    last = run(FLUSHING, target.host, "last", settings={"timeout": 30.0})
    assert "True 0 0 0" == last.line(), last.errors
    assert 0 == last.ended()
    arrivals.look(target.requests)
    assert set() == accepted - arrivals.taken
    assert [] == leftovers(tmp_path / "spool")


def test_case_17_overflow_loses_only_what_was_in_memory(run, collector, tmp_path):
    """`overflow`: what had gone to disk arrives; lost is only what was in memory."""
    budget = 60_000
    target, arrivals = collector(default=503), Arrivals()
    one = run(
        CRASHING,
        target.host,
        "killed",
        threads=1,
        most=600,
        pause=0.001,
        settings={"spool": "overflow", "queue_bytes": budget, "flush_at": 10},
    )
    found = reported(one, 300, 0.3, lambda: spooled(tmp_path / "spool"))
    on_disk = [event.removeprefix("Event ") for event in spooled(tmp_path / "spool")]
    assert on_disk
    target.default = arrivals.take
    last = run(FLUSHING, target.host, "last", settings={"spool": "overflow"})
    assert "True 0 0 0" == last.line(), last.errors
    arrivals.look(target.requests)
    assert set(on_disk) == arrivals.taken
    lost = set(found) - arrivals.taken - {REFUSED}
    assert sum(size(one) for one in lost) <= budget


def say(line):
    """Show *line* where the test fails."""
    sys.stdout.write(f"{line}\n")


def size(message_id):
    return len(msgspec.json.encode(message(message_id)))
