"""Processes in sequence on one spool, whatever happens to them."""

import itertools
from contextlib import ExitStack

from delivery_bench import body
from hypothesis import given, settings
from hypothesis import strategies as st
from spool_bench import (
    SpoolBench,
    file_size_limit,
    leftovers,
    numbered,
    spooled,
)

MOVES = st.lists(
    st.one_of(
        st.integers(1, 6),  # so many are put
        st.sampled_from(["step", "wait", "restart", "die", "full", "room"]),
    ),
    max_size=40,
)


class Life:
    """One process after the other on one directory; each is a bench."""

    def __init__(self, directory, script, **options):
        self.directory = directory
        self.script = script
        self.options = options
        self.accepted, self.lost, self.arrived = [], set(), []
        self.numbers = itertools.count()
        self.start()

    def start(self):
        self.delivered = []
        self.one = SpoolBench(
            self.directory, on_delivered=self.delivered.extend, **self.options
        )
        self.one.transport.script = self.script
        self.first = len(self.accepted)

    def put(self, count):
        for event in numbered(*itertools.islice(self.numbers, count)):
            if all(self.one.offer(body(event))):
                self.accepted.append(event)

    def crash(self):
        """What was in memory only is lost, and nothing else."""
        self.note()
        on_disk = {*spooled(self.directory), *self.arrived}
        self.lost |= set(self.accepted) - on_disk
        self.one.die()
        self.start()

    def restart(self):
        gone, _ = self.one.close()
        on_disk = {*spooled(self.directory), *self.arrived}
        self.note()
        missing = set(self.accepted) - on_disk - {*self.arrived} - self.lost
        assert gone == len(missing)
        self.lost |= missing
        assert self.one.is_accounted
        self.start()

    def note(self):
        """Look at what this process has delivered: its own is in order."""
        events = [message["event"] for message in self.delivered]
        mine = [event for event in events if event in self.accepted[self.first :]]
        assert mine == sorted(mine)
        self.arrived += events

    def finish(self):
        self.script.clear()
        self.one.settle()
        self.note()
        assert set(self.accepted) - self.lost == set(self.arrived)
        assert len(self.arrived) == len(set(self.arrived))
        assert [] == leftovers(self.directory)
        self.one.close()


@settings(max_examples=80, deadline=None)
@given(
    mode=st.sampled_from(["overflow", "always"]),
    flush_at=st.integers(1, 4),
    budget=st.integers(3, 12),
    room=st.sampled_from([0, 30, 75, 130]),
    moves=MOVES,
    script=st.lists(st.sampled_from([200, 503, 429]), max_size=30),
)
def test_case_17_whatever_happens_nothing_that_was_kept_is_lost(
    tmp_path_factory, *, mode, flush_at, budget, room, moves, script
):
    """Outages, full disks, restarts and crashes: in order, accounted, once each."""
    life = Life(
        tmp_path_factory.mktemp("spool"),
        script,
        spool=mode,
        flush_at=flush_at,
        queue_bytes=budget * len(body("e0000")),
    )
    with ExitStack() as limit:
        for move in moves:
            if move == "step":
                life.one.steps()
            elif move == "wait":
                life.one.wait(12)
            elif move == "restart":
                life.restart()
            elif move == "die":
                life.crash()
            elif move == "full":
                limit.enter_context(file_size_limit(room))
            elif move == "room":
                limit.close()
            else:
                life.put(move)
            assert life.one.is_accounted
    life.finish()
