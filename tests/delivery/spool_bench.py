"""What the tests of the spool share: a bench with a disk, and what is on it."""

import resource
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from delivery_bench import KEY, Bench, body, names

from segment_integrations.delivery.dead import dead_files, decode
from segment_integrations.delivery.folders import (
    LOCK,
    folders,
    record_files,
)
from segment_integrations.delivery.record import parse

NAMES = [f"e{n:03d}" for n in range(40)]
SLACK = 10.0  # for a slow machine; every wait ends far earlier


class SpoolBench(Bench):
    """
    A worker without a thread, on a fake clock and a real disk.

    Args:
        directory: The spool's.
        script: What the transport answers.
        options: As of `Options`; `spool` is ``"overflow"`` unless told otherwise.
    """

    def __init__(self, directory, *script, **options):
        given = {
            "spool": "overflow",
            "spool_dir": directory,
            "write_key": KEY,
            "overflow": "spill",
            **options,
        }
        super().__init__(*script, **given)
        self.spool = self.worker.spool
        if self.spool is not None:
            start, begun = time.time(), self.clock.now
            self.spool.now = lambda: start + self.clock.now - begun
            with suppress(OSError):
                self.spool.prepare()

    def offer(self, *bodies):
        """Put *bodies*, accepted or not."""
        return [self.worker.queue.offer(one) for one in bodies]

    def wait(self, seconds):
        """Let time pass, then make the turns that are due."""
        self.clock.now += seconds
        return self.steps()

    def settle(self, attempts=100):
        """Make turns until nothing is pending, each retry included."""
        self.steps()
        for _ in range(attempts):
            if not self.worker.backlog.pending:
                break
            self.wait(60)
        assert 0 == self.worker.backlog.pending

    def die(self):
        """End as by `kill -9`: the kernel frees the locks, and nobody tidies up."""
        self.spool.disown()

    def close(self):
        """End in order; how many messages are lost, and how many kept."""
        gone, kept = self.worker.abandon()
        if gone:
            self.drops.add("closed", gone)
        self.spool.release()
        return gone, kept

    @property
    def events(self):
        """The names of all events that were sent, in order."""
        return [event for batch in self.transport.sent for event in batch]

    @property
    def is_accounted(self):
        """Whether each message is in exactly one of the places where it may be."""
        queue, backlog = self.worker.queue, self.worker.backlog
        enqueued = queue.accepted + queue.refused_count + backlog.adopted_count
        uncounted = len(queue.refused)  # `Delivery` would count them now
        placed = (
            self.worker.delivered
            + backlog.pending
            + backlog.kept
            + self.worker.losses.waiting
            + self.worker.losses.dead
            + sum(self.drops.counts().values())
        )
        return enqueued == placed + uncounted


def spooled(directory):
    """The names of the events on disk, in the order in which they would be adopted."""
    return [
        event
        for folder in folders(directory)
        for path in record_files(folder.path)
        for event in names(parse(path.read_bytes()).bodies)
    ]


def dead_letters(directory):
    """The dead letters below *directory*, oldest first."""
    return [
        decode(body)
        for path in dead_files(directory)
        for body in parse(path.read_bytes()).bodies
    ]


def leave(directory, *events_of_files, write_key=KEY):
    """Have a process that has ended leave a file for each list of events."""
    bench = SpoolBench(directory, write_key=write_key)
    for bodies in events_of_files:
        bench.spool.new_file().append(bodies)
    bench.die()
    now = int(time.time() * 1000)
    while now == int(time.time() * 1000):  # the next process starts later than this one
        pass
    return bench.spool.path


def leftovers(directory):
    """What is in *directory* without the dead letters, as paths relative to it."""
    return sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.name != LOCK and path.is_file() and path.parent.name != "dead"
    )


@contextmanager
def file_size_limit(size):
    """Let no file of this process grow over *size* bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def no_descriptors():
    """Let this process open no file, as if it had used up what it may have."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def descriptors(folder):
    """How many files below *folder*, removed ones among them, this process has open."""
    count = 0
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the listing itself
            count += str(one.readlink()).startswith(f"{folder}/")
    return count


def numbered(*numbers):
    return [f"e{n:04d}" for n in numbers]


@contextmanager
def benches(directory):
    """Make benches on one directory; each is accounted, and given up, at the end."""
    made = []

    def start(*script, **options):
        made.append(SpoolBench(directory, *script, **options))
        return made[-1]

    yield start
    for one in made:
        assert one.is_accounted
        one.worker.abandon()
        one.spool.release()


def accounted(delivery):
    """Whether each event that was taken is delivered, waits, or was counted."""
    stats = delivery.stats()
    placed = stats.delivered + stats.pending_events + stats.dead
    return stats.enqueued == placed + sum(stats.dropped.values())


def put(delivery, *events):
    """Put events of these names, all of which are accepted."""
    assert all(delivery.put(body(event), {}) for event in events)
