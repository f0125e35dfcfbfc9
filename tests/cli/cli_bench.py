"""What the tests of the commands share: keys, messages, a program that spools."""

import json
import sys
from pathlib import Path

from segment_integrations.cli import spool_dead

sys.path.append(str(Path(__file__).parents[1] / "delivery"))  # its collectors and peers

KEY = "key-of-the-tests-of-the-commands"
ANOTHER_KEY = "another-key"
SEGMENT_KEY = "k3y0123456789abcdefghijklmnopqrs"
COMMAND = [sys.executable, "-m", "segment_integrations"]
SECRET = "bob@example.com"
PRODUCER = """
import sys, time
from segment_integrations import Analytics
count, folder, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
analytics = Analytics(
    key, host="http://127.0.0.1:9", spool="always", spool_dir=folder
)
for number in range(count):
    id = analytics.track("Paid", {"mail": "bob@example.com"}, user_id=f"u{number}")
    print(id, flush=True)
while count and analytics.stats().last_error is None:
    time.sleep(0.005)  # until it has looked for what others left, and tried to send
print("ready", flush=True)
sys.stdin.read()
"""


def message(name, **fields):
    """A message as bytes, with a value that is nobody's business."""
    return json.dumps(
        {
            "type": "track",
            "event": name,
            "messageId": f"id-{name}",
            "timestamp": "2026-01-02T03:04:05.678Z",
            "userId": SECRET,
            "properties": {"mail": SECRET, "amount": 7},
            **fields,
        }
    ).encode()


def fail(error):
    raise error


def sent_ids(collector):
    """The messageIds of all that *collector* took."""
    return [
        one["messageId"]
        for request in collector.requests
        for one in request.document["batch"]
    ]


def poisoned(request):
    """Refuse every batch that has the event "poison"."""
    return (400, {}, SECRET.encode()) if "poison" in request.events else 200


def dead_events(folder):
    """The names of the events that are dead letters in *folder*."""
    letters = spool_dead.find(folder, spool_dead.Wanted()).letters
    return [json.loads(bytes(letter.message))["event"] for letter in letters]


def states(result, check):
    """How each finding of *check* is."""
    return [state for state, *_ in result.found[check]]


def told(result, check):
    """What stands in the findings of *check*."""
    return " ".join(" ".join(one) for one in result.found[check])


def tree(folder):
    """Every path below *folder* with what it holds and when it was changed."""
    return {
        path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in sorted(folder.rglob("*"))
    }
