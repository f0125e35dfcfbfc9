"""The benchmark's end of a collector process: starts it, scripts it, asks it."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).parent


def environment(**extra):
    """This process's environment without what would lead requests elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
        and not name.startswith(("SEGMENT_", "PYTEST_"))
    }
    path = f"{HERE}{os.pathsep}{kept['PYTHONPATH']}" if "PYTHONPATH" in kept else HERE
    return {**kept, "NO_PROXY": "*", "PYTHONPATH": str(path), **extra}


class Collector:
    """A running `collector.py`; a context manager."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "collector.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        ports = json.loads(self._process.stdout.readline())
        self.host = f"http://127.0.0.1:{ports['port']}"
        self._socket = socket.create_connection(("127.0.0.1", ports["control"]), 120)
        self._stream = self._socket.makefile("rwb")
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._socket.close()
        self._process.stdin.close()
        self._process.wait(10)

    def _ask(self, do, **arguments):
        line = json.dumps({"do": do, **arguments}).encode() + b"\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()
            return json.loads(self._stream.readline())

    def reset(self):
        """Forget everything; listen and answer 200."""
        self._ask("reset")

    def delay(self, seconds):
        """Answer so late, until `reset`; also forgets the script."""
        self._ask("script", latency=seconds)

    def script(self, *steps, default=200, **rules):
        """Answer as *steps* say, then as *default*; see `collector` and `Rules`."""
        self._ask("script", steps=steps, default=default, rules=rules)

    def refuse(self):
        """Close the listener: connections are refused until `listen`."""
        self._ask("refuse")

    def listen(self):
        """Let them in again, on the same port."""
        self._ask("listen")

    def report(self, **wanted):
        """What arrived; see `contents.summary`."""
        return self._ask("report", **wanted)

    def take(self):
        """What arrived since the last `take`, with its ids; forgets it."""
        return self._ask("take")

    def peek(self):
        """How many requests came, and when the last did; parses nothing."""
        return self._ask("peek")
