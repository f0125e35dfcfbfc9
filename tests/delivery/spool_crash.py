"""A program that tracks until it is killed, and what it is to have sent."""

import json
import os
import socket
from contextlib import contextmanager

import msgspec
from process_programs import Program

from segment_integrations import __version__

SETTINGS = {"spool": "always", "flush_interval": 0.02, "timeout": 0.5}

REFUSED = "refused"

CRASHING = """
import json, os, signal, sys, threading, time
from segment_integrations import Analytics
from spool_crash import REFUSED, call

signal.alarm(120)
given = json.loads(sys.argv[1])
analytics = Analytics("key", **given["settings"])

def run(thread):
    for n in range(given["most"]):
        message_id = f"{given['name']}-{thread}-{n}"
        event, arguments = call(message_id)
        said = analytics.track(event, **arguments) or REFUSED
        os.write(1, f"{said}\\n".encode())  # one write: it is not torn
        time.sleep(given.get("pause", 0))

for thread in range(given["threads"]):
    threading.Thread(target=run, args=(thread,)).start()
"""

FLUSHING = """
import json, sys
from segment_integrations import Analytics

given = json.loads(sys.argv[1])
analytics = Analytics("key", **given["settings"])
ok = analytics.flush(50)
stats = analytics.stats()
print(ok, stats.pending_events, stats.dead, sum(stats.dropped.values()), flush=True)
"""


def call(message_id):
    """The arguments of the call with *message_id*; the same in every process."""
    number = int(message_id.rpartition("-")[2])
    return f"Event {message_id}", {
        "properties": {"n": number, "pad": "xé\n"[number % 3] * (number * 37 % 700)},
        "user_id": f"user-{number}",
        "message_id": message_id,
        "timestamp": "2026-01-02T03:04:05.678Z",
    }


def message(message_id):
    """The whole message that the call makes."""
    event, arguments = call(message_id)
    return {
        "type": "track",
        "messageId": message_id,
        "timestamp": arguments["timestamp"],
        "userId": arguments["user_id"],
        "event": event,
        "properties": arguments["properties"],
        "context": {
            "library": {"name": "segment-integrations", "version": __version__}
        },
    }


class Running(Program):
    """
    One of the programs above.

    Args:
        folder: Where its files are put.
        script: The program.
        given: What it gets as JSON.
    """

    def __init__(self, folder, script, **given):
        folder.mkdir()
        self._given = json.dumps(given)
        super().__init__(folder, script)

    def _start(self, folder, command, variables):
        super()._start(folder, [*command, self._given], variables)

    def ids(self):
        """All that it has reported until its end."""
        found = []
        while (line := self.line()) is not None:
            found.append(line)
        return found


class Arrivals:
    """What a collector has seen: each message's bytes, and which were answered 200."""

    def __init__(self):
        self.seen = {}
        self.taken = set()

    def take(self, request):
        """A step of the collector's script: a 200."""
        self.taken |= {json.loads(one)["messageId"] for one in bodies(request)}
        return 200

    def look(self, requests):
        """Check that whatever has arrived, answered or not, is what was sent."""
        for request in requests:
            for one in bodies(request):
                document = json.loads(one)
                message_id = document["messageId"]
                assert message(message_id) == document
                assert self.seen.setdefault(message_id, one) == one


def bodies(request):
    """The messages of a request, as bytes."""
    batch = msgspec.json.decode(request.body, type=dict[str, msgspec.Raw])["batch"]
    return [bytes(one) for one in msgspec.json.decode(batch, type=list[msgspec.Raw])]


@contextmanager
def refused():
    """The address of a port at which nobody listens, and nobody else can."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


def whole_number(variable, default):
    """A number that the environment may set."""
    return int(os.environ.get(variable) or default)
