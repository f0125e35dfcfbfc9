"""
A long run against a collector that changes its fault every few seconds.

    python benchmarks/soak.py [--seconds 600] [--seed N] [--rate 2000]

A child process produces events with our client; a seeded script sets the faults: 503,
429 with Retry-After, resets, hangs, answers cut short, refused connections, and none.
At the end the collector is well again and the client flushes. Then the ids delivered
must be exactly the ids accepted (copies only with equal ids, counted), and the
producer's memory flat: its median in the last quarter is compared with the second's.
Exits 1 when either is not so.
"""

import argparse
import contextlib
import json
import os
import random
import sys
import threading
import time
from statistics import median

import clients
from control import HERE, Collector
from faults_bench import Child

GROWTH_MAX_MB = 20 * 1.048576
"""Beside the most that the queue held: what it gives back may stay with the process."""

FLUSH_S = 120.0
HANG_S = 2.0
FINE = ("fine", 200)
STEPS = (
    ("503", 503),
    ("429", {"status": 429, "headers": {"Retry-After": "1"}}),
    ("reset", "reset"),
    ("hang", "hang"),
    ("cut", "cut"),
    ("refused", None),
)
SECONDS = (2.0, 6.0)
IN_A_ROW = 0.2
"""How often a fault follows on another with nothing good between."""


def properties(i):
    return {"n": i, "plan": "pro", "path": f"/products/{i % 5_000}"}


# -- the producer ---------------------------------------------------------------------


def resident_mb():
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - one line, each second
        pages = int(statm.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def produce(job):
    """Track at the rate until the time is over; say memory each second, then how."""
    client = clients.Ours(job["host"], timeout=HANG_S)
    track, accepted = client.client.track, bytearray()
    began = time.monotonic()
    second = i = 0
    longest = 0.0
    while (now := time.monotonic() - began) < job["seconds"]:
        while i < now * job["rate"]:
            start = time.perf_counter()
            taken = track(
                "Soaked", properties(i), user_id="user-1", message_id=f"s-{i}"
            )
            longest = max(longest, time.perf_counter() - start)
            accepted.append(taken is not None)
            i += 1
        if now >= second:
            second += 1
            stats = client.client.stats()
            print(
                json.dumps({"rss": resident_mb(), "held": stats.pending_bytes / 1e6}),
                flush=True,
            )
        time.sleep(0.001)
    print(json.dumps({"tracked": i}), flush=True)
    sys.stdin.readline()  # the collector is well again
    client.flush(FLUSH_S)  # False as well when something was ever refused
    stats = client.client.stats()
    print(
        json.dumps(
            {
                "end": True,
                "pending": stats.pending_events,
                "dropped": dict(stats.dropped),
                "retried": stats.retried,
                "longest_ms": longest * 1e3,
                "refused": [n for n, taken in enumerate(accepted) if not taken],
            }
        ),
        flush=True,
    )


# -- the faults, and what arrives -----------------------------------------------------


class Faults(threading.Thread):
    """Sets one fault after the other until stopped; the same for the same seed."""

    def __init__(self, collector, seed):
        super().__init__(daemon=True)
        self.collector = collector
        self.random = random.Random(seed)
        self.counts = dict.fromkeys((name for name, _ in (FINE, *STEPS)), 0)
        self.stopped = threading.Event()

    def run(self):
        name = ""
        while not self.stopped.is_set():
            is_rest = name not in ("", "fine") and self.random.random() > IN_A_ROW
            name, step = FINE if is_rest else self.random.choice(STEPS)
            seconds = self.random.uniform(*SECONDS)
            self.counts[name] += 1
            if step is None:
                self.collector.refuse()
            else:
                self.collector.listen()
                self.collector.script(default=step)
            self.stopped.wait(min(seconds, HANG_S) if name == "hang" else seconds)

    def heal(self):
        self.stopped.set()
        self.join(10.0)
        self.collector.listen()
        self.collector.script()


def gather(collector, seen):
    """Count the ids that came since the last time."""
    for name in collector.take()["ids"]:
        number = int(name.removeprefix("s-"))
        seen[number] = seen.get(number, 0) + 1


def watch(collector, child, seconds, seed, seen):
    """Let it run; the memory samples and what the producer said at its end."""
    samples, end = [], {}
    faults = Faults(collector, seed)
    faults.start()
    deadline = time.monotonic() + seconds + 2 * FLUSH_S
    while "end" not in end and time.monotonic() < deadline:
        said = child.line(FLUSH_S + 30.0)
        if "rss" in said:
            samples.append(said)
            gather(collector, seen)
        elif "tracked" in said:
            faults.heal()
            child.write("well\n")
        end = {**end, **{k: v for k, v in said.items() if k not in ("rss", "held")}}
    gather(collector, seen)
    return samples, end, faults.counts


def quarter(samples, number):
    """The median of the process's memory in a quarter of the run."""
    size = max(1, len(samples) // 4)
    part = samples[number * size : (number + 1) * size] or samples[-1:]
    return median(one["rss"] for one in part)


def verdict(samples, end, seen):
    """What is wrong, as a list of sentences; the line's figures."""
    refused = set(end.get("refused", ()))
    wanted = set(range(end.get("tracked", 0))) - refused
    missing, strange = wanted - seen.keys(), seen.keys() - wanted
    growth = quarter(samples, 3) - quarter(samples, 1)
    held = max(one["held"] for one in samples)
    wrong = []
    if end.get("pending") != 0:
        wrong.append(f"{end.get('pending')} events are pending after the flush")
    if missing:
        wrong.append(
            f"{len(missing)} accepted events are missing: {sorted(missing)[:5]}"
        )
    if strange:
        wrong.append(f"{len(strange)} events came that were refused")
    if growth > GROWTH_MAX_MB + held:
        wrong.append(f"memory grew by {growth:.1f} MB")
    figures = {
        "accepted": len(wanted),
        "refused": len(refused),
        "delivered": len(seen),
        "copies": sum(seen.values()) - len(seen),
        "growth_mb": growth,
        "rss_mb": [min(one["rss"] for one in samples), max(s["rss"] for s in samples)],
        "held_max_mb": held,
    }
    return wrong, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--produce", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.produce:
        produce(json.loads(options.produce))
        return 0
    seed = random.randrange(10**6) if options.seed is None else options.seed
    seen = {}
    with Collector() as collector, contextlib.ExitStack() as stack:
        job = {"seconds": options.seconds, "rate": options.rate}
        job = json.dumps({**job, "host": collector.host})
        child = Child(str(HERE / "soak.py"), "--produce", job)
        stack.callback(child.end)
        samples, end, counts = watch(collector, child, options.seconds, seed, seen)
    wrong, figures = verdict(samples, end, seen)
    low, high = figures["rss_mb"]
    print(
        f"soak {'FAILED' if wrong else 'ok'}: seed {seed}, {options.seconds:.0f} s,"
        f" {figures['accepted']:,} accepted, {figures['delivered']:,} delivered,"
        f" {figures['copies']:,} copies, {figures['refused']:,} refused,"
        f" {end.get('retried', 0):,} retried; memory {low:.0f} to {high:.0f} MB"
        f" (queue up to {figures['held_max_mb']:.1f} MB),"
        f" {figures['growth_mb']:+.1f} MB from second to last quarter; longest call"
        f" {end.get('longest_ms', 0.0):.1f} ms; faults"
        f" {', '.join(f'{name} {n}' for name, n in counts.items())}"
    )
    for sentence in wrong:
        print(f"  {sentence}")
    if wrong and end.get("dropped"):
        print(f"  dropped: {end['dropped']}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
