"""
The child process of `overhead.py`: one framework with one thing around it.

It reads ``kind count`` lines, serves that many requests, and answers with the
microseconds of one request: of the clock, and of the whole process's CPU.
"""

import gc
import json
import os
import sys
import time

import overhead_apps
import overhead_floor
import overhead_peers

WARM_UP = 300


def measure(serve, flush, kind, count):
    serve(kind, 10)
    flush()
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    serve(kind, count)
    called = time.perf_counter() - wall
    flush()
    return {
        "wall_us": called / count * 1e6,
        "cpu_us": (time.process_time() - cpu) / count * 1e6,
    }


def main(framework, variant):
    if framework == "floor":
        serve, flush = overhead_floor.serve, lambda: None
    else:
        around = overhead_peers.VARIANTS[variant]()
        serve = overhead_apps.FRAMEWORKS[framework](around).serve
        flush = around.flush
    for kind in ("api", "fetch", "page"):
        serve(kind, WARM_UP)
    flush()
    print("ready", flush=True)
    for line in sys.stdin:
        kind, count = line.split()
        print(json.dumps(measure(serve, flush, kind, int(count))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # what is left to do at the end is no part of a request
