"""
What an event costs with each client: ours, segment, rudder, posthog, and the floor.

    python benchmarks/delivery.py [--quick] [--spool] [--json FILE] [--svg FILE]

Every figure is of a fresh child process against one collector process; the clients
take turns within each round, so that a busy machine is busy for all of them. CPU time
is the whole process's. Ratios are of medians within the run. See docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import clients
import events
import tables
from control import HERE, Collector, environment

CHILD_S = 240
COUNTS = {"0.3": 20_000, "0.8": 20_000, "4": 6_000}
QUICK_COUNT = 5_000
THREADS = (1, 4, 16)
MAIN_ROUNDS = 5
QUICK_BUDGET_S = 45


def shape(client, size="0.8", threads=1, *, gzip=True, kind="up"):
    """One thing to measure; `kind` is up, down, spool or spool-down."""
    return {
        "client": client,
        "size": size,
        "threads": threads,
        "gzip": gzip,
        "kind": kind,
    }


def main_round(names):
    """The shapes that the goals are about: 0.8 KB, one producer, with and without."""
    return [
        shape(client, gzip=gzip)
        for gzip in (True, False)
        for client in (*names, "floor")
    ]


def down_round(names):
    return [shape(client, kind="down") for client in names]


def spool_round():
    kinds = ("up", "spool", "down", "spool-down")
    return [shape("ours", kind=kind) for kind in kinds]


def full_round(names):
    """Every size, number of producers and gzip."""
    return [
        shape(client, size, threads, gzip=gzip)
        for size in events.SIZES
        for threads in THREADS
        for gzip in (True, False)
        for client in (*names, *(("floor",) if threads == 1 else ()))
    ]


def plan(options):
    """All rounds, the most wanted first: what the time does not allow falls away."""
    names = options.clients
    sixteen = [shape(client, threads=16) for client in names]
    parts = {
        "main": main_round(names),
        "sixteen": sixteen,
        "down": down_round(names),
        "spool": spool_round(),
        "full": full_round(names),
    }
    if options.only:
        return [parts[name] for name in options.only.split(",")] * options.rounds
    spool = [parts["spool"]] if options.spool else []
    first = [parts["main"], sixteen, parts["down"], *spool]
    if options.quick:
        return [*first, parts["main"], *spool, parts["main"]]
    rounds = [*first, parts["full"]]
    rounds += [part for _ in range(MAIN_ROUNDS - 2) for part in first]
    return [*rounds, parts["full"]]


def measure(collector, job, count):
    """Run one child; its figures joined to what the collector has seen."""
    collector.reset()
    if job["kind"].endswith("down"):
        collector.refuse()
    folder = tempfile.mkdtemp(prefix="delivery-spool-")
    options = {}
    if job["kind"].startswith("spool"):
        options = {"spool": "always", "spool_dir": folder}
    child = {
        **job,
        "host": collector.host,
        "events": count,
        "options": options,
        "down": job["kind"].endswith("down"),
    }
    try:
        ran = subprocess.run(
            [sys.executable, str(HERE / "measured.py"), json.dumps(child)],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=CHILD_S,
            check=False,
        )
        spooled = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if ran.returncode:
        return {**job, "error": ran.stderr[-2_000:]}
    figures = json.loads(ran.stdout.splitlines()[-1])
    report = collector.report()
    return {**job, **figures, **joined(job, figures, report), "spooled": spooled}


def joined(job, figures, report):
    """The figures that need both ends."""
    if job["client"] == "floor":
        return {
            "lost": 0,
            "rate": figures["events"] / (figures["ended"] - figures["began"]),
            "event_bytes": figures["floor_bytes"]
            / (figures["events"] + figures["warm_up"]),
            "collector_s": 0.0,
        }
    if job["kind"].endswith("down"):
        return {"lost": 0, "rate": 0.0, "event_bytes": 0.0, "collector_s": 0.0}
    wanted = figures["events"] + figures["warm_up"]
    return {
        "lost": wanted - report["unique"],
        "duplicates": report["duplicates"],
        "rate": figures["events"] / (report["last"] - figures["began"]),
        "event_bytes": report["raw_bytes"] / max(1, report["events"]),
        "wire_event_bytes": report["wire_bytes"] / max(1, report["events"]),
        "requests": report["requests"],
        "collector_s": report["cpu_s"],
    }


def machine():
    """What ran, without naming the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = ""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(x.split(":")[1].strip() for x in lines if x[:10] == "model name")
    except (OSError, StopIteration):
        pass
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "cpu": model,
        "memory_gib": round(memory, 1),
        "load": os.getloadavg()[0],
        "versions": clients.versions(),
    }


def run(options):
    """All rounds within the time; the raw runs."""
    began, runs = time.monotonic(), []
    budget = QUICK_BUDGET_S if options.quick else options.minutes * 60
    with Collector() as collector:
        for number, jobs in enumerate(plan(options)):
            # Who goes first changes with the round.
            turn = number % len(options.clients)
            for job in [*jobs[turn:], *jobs[:turn]]:
                if number and time.monotonic() - began > budget:
                    return runs
                count = QUICK_COUNT if options.quick else COUNTS[job["size"]]
                figures = {"round": number, **measure(collector, job, count)}
                runs.append(figures)
                if options.verbose:
                    print(tables.line(figures), file=sys.stderr, flush=True)
    return runs


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--quick", action="store_true", help="under 60 s")
    parser.add_argument("--spool", action="store_true", help="spool='always' as well")
    parser.add_argument("--only", help="of main, sixteen, down, spool, full; by comma")
    parser.add_argument("--rounds", type=int, default=3, help="of what --only names")
    parser.add_argument("--minutes", type=float, default=13, help="of the full form")
    parser.add_argument("--clients", default=",".join(clients.NAMES))
    parser.add_argument("--json", type=Path, help="write the raw figures")
    parser.add_argument("--svg", type=Path, help="write the plot")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--from-json", type=Path, help="measure nothing: show these")
    options = parser.parse_args()
    options.clients = options.clients.split(",")
    return options


def main():
    options = arguments()
    if options.from_json:
        document = json.loads(options.from_json.read_text(encoding="utf-8"))
    else:
        document = {"machine": machine(), "runs": run(options)}
    if options.json:
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(tables.page(document))
    if options.svg:
        import plot

        plot.write(document["runs"], options.svg)
    failed = [figures for figures in document["runs"] if "error" in figures]
    for figures in failed:
        print(tables.line(figures), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
