"""
The ground of `faults.py`: one client against one collector, its children, an outcome.

A scenario is a function that takes a `Bench`, runs what the client does in fresh child
processes (`faults_child.py`), and returns an `Outcome`. Every wait has a bound.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from control import HERE, environment

GRACE_S = 40.0
LATENCY_S = 0.05
"""From a server to an endpoint in the next region and back, TLS set up before."""


@dataclass
class Outcome:
    """What one client did in one scenario; `text` is the table's cell."""

    text: str
    is_bad: bool = False
    figures: dict = field(default_factory=dict)

    def as_json(self):
        return asdict(self)


@dataclass(frozen=True)
class Scenario:
    """One row of the table."""

    name: str
    title: str
    run: Callable
    alone: bool
    skip: frozenset
    may_lose: bool


SCENARIOS = {}


def scenario(name, title, *, alone=False, skip=(), may_lose=False):
    """
    Put a function into the table as the row *name*.

    Args:
        name: What `--only` takes.
        title: What the table says.
        alone: Measures speed or memory, so no other client runs at the same time.
        skip: Clients that have nothing of the kind.
        may_lose: Ours loses events here too: what it offers against it is another row.
    """

    def put(run):
        SCENARIOS[name] = Scenario(name, title, run, alone, frozenset(skip), may_lose)
        return run

    return put


def number(value, digits=0):
    return f"{value:,.{digits}f}"


def bold(text, is_bad):
    return f"**{text}**" if is_bad else text


class Child:
    """A child process that prints JSON lines; killed with its group at the end."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
            text=True,
        )
        self.lines = queue.Queue()
        self.errors = []
        self._pumps = [
            threading.Thread(target=self._pump_lines, daemon=True),
            threading.Thread(target=self._pump_errors, daemon=True),
        ]
        for pump in self._pumps:
            pump.start()

    def _pump_lines(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def _pump_errors(self):
        for line in self.process.stderr:
            self.errors = [*self.errors[-40:], line]

    def line(self, timeout=GRACE_S):
        """The next thing it says, as a dict."""
        try:
            return json.loads(self.lines.get(timeout=timeout))
        except queue.Empty:
            text = "".join(self.errors[-5:])
            raise RuntimeError(f"the child says nothing: {text}") from None

    def write(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def ended(self, timeout=GRACE_S):
        """Seconds until it ended, or None where it was still running after that."""
        began = time.monotonic()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - began

    def end(self):
        """End what is left of it and of the children it forked."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        for pump in self._pumps:
            pump.join(2)
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()


class Bench:
    """One client and one collector."""

    def __init__(self, client, collector):
        self.client = client
        self.collector = collector
        self.children = []
        self.folder = tempfile.mkdtemp(prefix="faults-")

    def __enter__(self):
        self.fresh()
        return self

    def __exit__(self, *exc_info):
        for child in self.children:
            child.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self):
        """The collector as new: nothing seen, 200, and the latency of a real one."""
        self.collector.reset()
        self.collector.delay(LATENCY_S)

    @property
    def is_ours(self):
        return self.client == "ours"

    def spawn(self, do, **arguments):
        """Start a child that does *do*; see `faults_child`."""
        job = {"do": do, "client": self.client, "host": self.collector.host}
        job = json.dumps({**job, "options": {}, **arguments})
        child = Child(str(HERE / "faults_child.py"), job)
        self.children.append(child)
        return child

    def run(self, do, *, timeout=GRACE_S, **arguments):
        """Run a child to its end; the last thing it said."""
        child = self.spawn(do, **arguments)
        said = child.line(timeout)
        if child.ended(timeout) is None:
            child.end()
        return said

    def names(self, **wanted):
        """The collector's report with the names of the events."""
        return self.collector.report(names=True, **wanted)

    def arrived(self, sent, *, prefix="e-", **extra):
        """The usual outcome: lost of sent, and copies."""
        found = self.names()["names"]
        mine = {name: n for name, n in found.items() if str(name).startswith(prefix)}
        lost, copies = sent - len(mine), sum(mine.values()) - len(mine)
        text = bold(number(lost), lost)
        if copies:
            text += f", {number(copies)} duplicates"
        figures = {"sent": sent, "lost": lost, "duplicates": copies, **extra}
        return Outcome(text, bool(lost), figures)
