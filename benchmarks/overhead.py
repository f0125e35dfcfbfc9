"""
What a request costs more with ours, posthog, sentry or OpenTelemetry around it.

    python benchmarks/overhead.py [--rounds 9] [--frameworks starlette,flask]
                                  [--json FILE] [--from-json FILE] [--svg FILE]

A trivial application in each framework is called in its own process, without sockets,
bare and with one thing around it. The processes take turns within each round, so that a
busy machine is busy for all of them. Figures are CPU time of the whole process, threads
of ours and of the peers included. See docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import overhead_tables
from control import HERE, environment
from overhead_apps import FRAMEWORKS
from overhead_peers import VARIANTS

ROUNDS = 9
REQUESTS = 400
SLOW = {"django-asgi": 100}
"""Requests where each takes milliseconds."""
KINDS = ("api", "fetch", "page")
SESSION_KINDS = ("api+session", "page+session")
PACKAGES = (
    *("segment-integrations", "starlette", "fastapi", "flask", "django", "litestar"),
    *("quart", "posthog", "sentry-sdk", "opentelemetry-sdk"),
    "opentelemetry-instrumentation-asgi",
)
START_S = 60


class Child:
    """One framework with one thing around it, in a process of its own."""

    def __init__(self, framework, variant):
        self.framework, self.variant = framework, variant
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "overhead_child.py"), framework, variant],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        if self._process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{framework} with {variant} did not start")

    def measure(self, kind):
        count = SLOW.get(self.framework, REQUESTS)
        self._process.stdin.write(f"{kind} {count}\n")
        self._process.stdin.flush()
        figures = json.loads(self._process.stdout.readline())
        return {
            "framework": self.framework,
            "variant": self.variant,
            "kind": kind,
            **figures,
        }

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)


def kinds_of(framework):
    return (*KINDS, *(SESSION_KINDS if framework.startswith("django") else ()))


def measure(framework, rounds):
    """All rounds of one framework, its variants and the floor in turns."""
    children = []
    try:
        children += [Child(framework, name) for name in VARIANTS]
        floor = Child("floor", "floor")
        children.append(floor)
        runs = []
        for _ in range(rounds):
            for kind in kinds_of(framework):
                runs += [one.measure(kind) for one in children if one is not floor]
            runs.append({**floor.measure("page"), "framework": framework})
        return runs
    finally:
        for one in children:
            one.close()


def versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--frameworks", default=",".join(FRAMEWORKS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--from-json", type=Path)
    parser.add_argument("--svg", type=Path)
    return parser.parse_args()


def main():
    options = arguments()
    if options.from_json:
        told = json.loads(options.from_json.read_text(encoding="utf-8"))
    else:
        told = {
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "versions": versions(),
            "runs": [],
        }
        for framework in options.frameworks.split(","):
            told["runs"] += measure(framework, options.rounds)
            print(framework, "is measured", file=sys.stderr, flush=True)
    if options.json:
        options.json.write_text(json.dumps(told), encoding="utf-8")
    print(f"Python {told['python']}, {told['cpus']} CPUs")
    print(", ".join(f"{name} {number}" for name, number in told["versions"].items()))
    print()
    print(overhead_tables.text(told["runs"]))
    if options.svg:
        import overhead_plot

        overhead_plot.write(told["runs"], options.svg)


if __name__ == "__main__":
    main()
