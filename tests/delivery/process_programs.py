"""Programs of these tests: written, started, talked to, and ended by id."""

import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent

WAIT_S = 60
"""For a slow machine; every wait ends far earlier."""

PRELUDE = """
import os, signal, sys, threading, time
from segment_integrations import Analytics

def make(**settings):
    return Analytics("key", **{{"host": {host!r}, "flush_interval": 600.0, **settings}})

def put(name, count, client=None):
    for n in range(count):
        assert (client or analytics).track(f"{{name}}-{{n}}", user_id="u")

def wait(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.005)

def hear(word):
    assert sys.stdin.readline().strip() == word

def say(*words):
    print(*words, flush=True)

analytics = make({settings})
"""
"""What most programs begin with: a client that sends nothing by itself."""


def expected(name, count):
    """What `put` of the prelude sends."""
    return [f"{name}-{n}" for n in range(count)]


def expected_of(names, count):
    return [event for name in names for event in expected(name, count)]


def environment(*, measured=True, **variables):
    """
    The environment of a program that is no part of the test run.

    Not measured where coverage would hurt: its lock, held by a thread at a fork, stops
    the child, and its tracing makes a storm of signals a calm.
    """
    hidden = ["PYTEST", "PROXY", "SEGMENT", *([] if measured else ["COVERAGE"])]
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in hidden)
    }
    path = os.pathsep.join([str(HERE), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, **variables}


class Program:
    """
    A process that runs *script* in a session of its own.

    Args:
        folder: Where the script and what it writes to stderr are put.
        script: The text after the prelude.
        host: The collector. None: the script is all there is, without a prelude.
        settings: Of the prelude's client, as in source text.
        flags: For the interpreter.
        measured: See `environment`.
        variables: More of the environment.
    """

    def __init__(
        self,
        folder,
        script,
        host=None,
        *,
        settings="",
        flags=("-W", "error"),
        measured=True,
        **variables,
    ):
        path = folder / "program.py"
        text = "" if host is None else PRELUDE.format(host=host, settings=settings)
        path.write_text(text + script)
        self._start(
            folder,
            [sys.executable, *flags, str(path)],
            environment(measured=measured, **variables),
        )

    def _start(self, folder, command, variables):
        self._log = folder / "errors.txt"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._lines = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    @property
    def pid(self):
        return self.process.pid

    @property
    def errors(self):
        return self._log.read_text()

    def line(self):
        """The next line that it writes; None at its end."""
        try:
            return self._lines.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError(f"it hangs:\n{self.errors}") from None

    def hear(self, word):
        """Wait until it says *word*."""
        line = self.line()
        assert word == line, self.errors

    def say(self, word):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def send(self, number):
        self.process.send_signal(number)

    def ended(self, seconds=WAIT_S):
        """Its exit code, when it has ended."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it hangs:\n{self.errors}") from None

    def end(self):
        """Leave nothing of it, nor of what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        self.process.stdin.close()
        self.process.stdout.close()


class Server(Program):
    """A server's process, by its *command*."""

    def __init__(self, folder, command, **variables):
        self._start(folder, command, environment(**variables))
