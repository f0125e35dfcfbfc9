"""How much memory a process takes while nothing gets through, in one of its own."""

import json
import subprocess
import sys

import pytest
from process_programs import environment

MIB = 1024 * 1024
BUDGET_MIB = 32
SLACK_MIB = 10

FLOOD = """
import json, logging, os, resource, sys
from segment_integrations import Analytics

size, count, seed = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
lines = []

class Lines(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())

logging.getLogger("segment_integrations").addHandler(Lines())

def peak():
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

settings = {"spool": seed[0], "spool_dir": seed[1]} if seed else {}
dropped = []
analytics = Analytics(
    "key", host="http://127.0.0.1:1", on_drop=lambda *drop: dropped.append(drop),
    **settings
)
analytics.track("Warm", {"pad": "x" * size}, user_id="u")
before = peak()
accepted = 1 + sum(
    analytics.track("Flood", {"pad": "x" * size}, user_id="u") is not None
    for _ in range(count)
)
grown = peak() - before
stats = analytics.stats()
print(json.dumps({
    "grown": grown, "accepted": accepted, "enqueued": stats.enqueued,
    "pending": stats.pending_events, "dead": stats.dead,
    "dropped": dict(stats.dropped), "told": len(dropped), "lines": lines,
    "held": stats.pending_bytes, "spooled": stats.spooled_bytes,
}))
sys.stdout.flush()
os._exit(0)
"""


def flood(*arguments):
    ran = subprocess.run(
        [sys.executable, "-c", FLOOD, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(measured=False),
        check=True,
    )
    return json.loads(ran.stdout)


@pytest.mark.parametrize(("size", "count"), [(30_000, 10_000), (300, 150_000)])
def test_case_04_an_outage_costs_the_budget_and_no_more(size, count):
    """Many times the budget is offered: the process grows by it; the rest counts."""
    told = flood(size, count)
    assert told["grown"] <= BUDGET_MIB + SLACK_MIB
    assert told["held"] <= BUDGET_MIB * MIB
    assert count + 1 == told["enqueued"]
    assert told["accepted"] == told["pending"]
    assert {"queue_full": count + 1 - told["accepted"]} == told["dropped"]
    assert 1 == len([line for line in told["lines"] if "queue_full" in line])


@pytest.mark.parametrize("spool", ["overflow", "always"])
def test_case_04_with_a_spool_an_outage_costs_the_disk(tmp_path, spool):
    """Three times the budget waits on disk, and the process grows no more for it."""
    told = flood(30_000, 3_000, spool, tmp_path)
    assert told["grown"] <= BUDGET_MIB + SLACK_MIB
    assert told["accepted"] == told["pending"]
    assert 3_001 == told["pending"] + sum(told["dropped"].values())
    if spool == "always":
        assert {} == told["dropped"]
    assert told["held"] + told["spooled"] >= told["accepted"] * 30_000
