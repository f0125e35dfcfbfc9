"""
The child process of `delivery.py`: one client, one shape of load, one JSON of figures.

Its argument is a JSON object: client, host, size, threads, gzip, events, options, and
`down` for a collector that refuses. It tracks, waits until the collector has all, and
prints what that took. Each client gets its own fresh process.
"""

import array
import importlib
import json
import os
import resource
import sys
import threading
import time

import clients
import events

WARM_UP = 300
WAIT_S = 120.0


def peak_bytes():
    """
    The most memory this process has held.

    `ru_maxrss` of a child starts with its parent's, so Linux is asked for its own.
    """
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - one line of it
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


MODULES = {
    "ours": "segment_integrations.delivery.transport",
    "segment": "segment.analytics.client",
    "rudder": "rudderstack.analytics.client",
    "posthog": "posthog",
}


def make(job):
    maker = events.Floor if job["client"] == "floor" else clients.make
    arguments = () if job["client"] == "floor" else (job["client"],)
    return maker(
        *arguments,
        job["host"],
        gzip=job["gzip"],
        queue=job["events"] + WARM_UP,
        **job.get("options", {}),
    )


def produce(client, build, numbers, times, cpu):
    """Track *numbers*, note each call's nanoseconds and this thread's CPU seconds."""
    track, clock, name = client.track, time.perf_counter_ns, events.NAME
    accepted = 0
    began = time.thread_time()
    for place, i in enumerate(numbers):
        properties = build(i)
        start = clock()
        accepted += track(name, properties)
        times[place] = clock() - start
    cpu.append((time.thread_time() - began, accepted))


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1_000


def run(job):
    if job["client"] in MODULES:  # so that what it imports is not counted
        importlib.import_module(MODULES[job["client"]])
    build, count, threads = events.BUILDERS[job["size"]], job["events"], job["threads"]
    share = count // threads
    slots = [array.array("q", bytes(8 * share)) for _ in range(threads)]
    base = peak_bytes()
    client = make(job)
    for i in range(WARM_UP):
        client.track(events.NAME, build(i))
    if not job.get("down"):
        client.flush(WAIT_S)
    cpu = []
    producers = [
        threading.Thread(
            target=produce,
            args=(client, build, range(n * share, (n + 1) * share), slots[n], cpu),
        )
        for n in range(threads)
    ]
    wall, monotonic, process = (
        time.perf_counter(),
        time.monotonic(),
        time.process_time(),
    )
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    called_s = time.perf_counter() - wall
    done = job.get("down") or client.flush(WAIT_S)
    cpu_s = time.process_time() - process
    flushed = time.monotonic()
    ordered = sorted(taken for slot in slots for taken in slot)
    sent = share * threads
    return {
        "events": sent,
        "warm_up": WARM_UP,
        "accepted": sum(accepted for _, accepted in cpu),
        "flushed": bool(done),
        "began": monotonic,
        "ended": flushed,
        "calls_s": called_s,
        "cpu_us": cpu_s / sent * 1e6,
        "caller_cpu_us": sum(seconds for seconds, _ in cpu) / sent * 1e6,
        "call_mean_us": sum(ordered) / sent / 1_000,
        "call_p50_us": percentile(ordered, 0.5),
        "call_p99_us": percentile(ordered, 0.99),
        "call_p999_us": percentile(ordered, 0.999),
        "call_max_us": ordered[-1] / 1_000,
        "peak_mb": (peak_bytes() - base) / 1e6,
        "floor_bytes": getattr(client, "raw_bytes", 0),
    }


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))), flush=True)
    os._exit(0)  # the figures are out; what a client does at its exit is for faults.py
