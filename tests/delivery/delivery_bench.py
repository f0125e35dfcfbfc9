"""What the tests of delivery share: messages, a scripted transport, a bench."""

import json

from segment_integrations.core.counters import Drops, Throttle
from segment_integrations.core.ports import Answer
from segment_integrations.delivery.options import Options
from segment_integrations.delivery.worker import Worker

KEY = "write-key-of-this-test"
DEFAULTS = {
    "queue_bytes": 32 * 1024 * 1024,
    "flush_at": 500,
    "flush_interval": 0.5,
    "timeout": 10.0,
    "max_age": 43_200.0,
    "overflow": "drop_newest",
    "on_error": None,
    "on_delivered": None,
}


class Clock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class Scripted:
    """A transport that answers from a list, and 200 after its end."""

    def __init__(self, *script):
        self.script = list(script)
        self.batches = []

    def send(self, batch):
        self.batches.append(batch)
        step = self.script.pop(0) if self.script else 200
        if callable(step):
            step = step(batch)
        if isinstance(step, Exception):
            raise step
        return Answer(step) if isinstance(step, int) else step

    @property
    def sent(self):
        """The names of the events of each batch."""
        return [names(batch.bodies) for batch in self.batches]


def body(name, pad=0):
    """A message with *name*, made longer by *pad* bytes."""
    message = {"type": "track", "event": name, "messageId": f"id-{name}"}
    if pad:
        message["properties"] = {"pad": "x" * pad}
    return json.dumps(message).encode()


def names(bodies):
    return [json.loads(one)["event"] for one in bodies]


class Bench:
    """A worker without a thread, on a fake clock."""

    def __init__(self, *script, **options):
        self.clock = Clock()
        self.transport = Scripted(*script)
        self.throttle = Throttle(self.clock)
        self.drops = Drops(self.throttle)
        self.tokens = 0
        self.worker = Worker(
            self.transport,
            Options(**{**DEFAULTS, **options}, clock=self.clock, rand=lambda: 1.0),
            drops=self.drops,
            throttle=self.throttle,
            wake=self._wake,
        )

    def _wake(self):
        self.tokens += 1

    def put(self, *events):
        for event in events:
            assert self.worker.queue.offer(body(event))

    def steps(self):
        """Make turns until one has to wait; how long."""
        for _ in range(1_000):
            wait = self.worker.step()
            if wait:
                return wait
        raise AssertionError("the worker spins")
