"""Scenarios of `faults.py`: odd input, bursts, memory, greenlets and time in calls."""

import faults_odd
from faults_bench import Outcome, bold, number, scenario

STALL_MS = 50.0
LONG_MS = 20.0
RUNS = 3
BUDGET_MB = 32 * 1.048576 + 10.5


@scenario("40-kb", "one 40 KB event among 20 small ones")
def _one_big(bench):
    told = bench.run("mixed", count=20, size=40_000)
    outcome = bench.arrived(20, prefix="e-0000", **told)
    big = "e-999999" in bench.names()["names"]
    what = "raises " + ", ".join(told["types"]) if told["raised"] else "not sent"
    outcome.text += ", the big one " + ("sent" if big else bold(what, told["raised"]))
    outcome.is_bad = outcome.is_bad or bool(told["raised"])
    return outcome


@scenario("odd", "28 odd values: not sent / raise / neighbours lost / sent empty")
def _odd(bench):
    bench.collector.script(strict=True)
    raised = bench.run("odd", timeout=200.0)["raised"]
    report = bench.names(samples=1_000)
    sent = {event["event"]: event for event in report["samples"]}
    labels = [label for label, _ in faults_odd.values()]
    missing = [label for label in labels if f"odd {label}" not in sent]
    around = [
        f"{side} {label}"
        for label in labels
        for side in ("before", "after")
        if f"{side} {label}" not in report["names"]
    ]
    empty = [
        label
        for label in labels
        if label not in missing
        and not sent[f"odd {label}"].get("properties", {}).get("value")
    ]
    counts = (len(missing), len(raised), len(around), len(empty))
    texts = [bold(number(count), count) for count in counts[:3]]
    figures = {"raised": raised, "missing": missing, "neighbours": around}
    return Outcome(
        " / ".join([*texts, number(counts[3])]),
        any(counts[:3]),
        {**figures, "empty": empty},
    )


@scenario("shapes", "identity and shape errors, 8 cases: raise")
def _shapes(bench):
    raised = bench.run("shapes")["raised"]
    return Outcome(bold(number(len(raised)), raised), bool(raised), {"raised": raised})


@scenario("burst", "burst of 50,000, default queue: lost", alone=True)
def _burst(bench):
    told = bench.run("ordinary", count=50_000, flush=90.0, timeout=120.0)
    outcome = bench.arrived(50_000, **told)
    if outcome.figures["lost"] != told["refused"]:
        outcome.text += f" ({number(told['refused'])} refused)"
    return outcome


@scenario("30-kb", "10,000 x 30 KB, collector down: process grows, MB", alone=True)
def _memory(bench):
    bench.collector.refuse()
    told = bench.run("memory", count=10_000, size=30_000, timeout=90.0)
    is_bad = told["grows_mb"] > BUDGET_MB
    return Outcome(bold(number(told["grows_mb"]), is_bad), is_bad, told)


def _quietest(bench, do, **arguments):
    """
    Run it three times; the outcome of the last, the shortest of the longest calls.

    What the machine's other work takes from a call is in one of the three, what the
    client itself takes is in all.
    """
    outcomes, longest = [], []
    for _ in range(RUNS):
        bench.fresh()
        child = bench.spawn(do, **arguments)
        told = child.line(60.0)
        while "longest_ms" not in told:
            told = child.line(60.0)
        child.ended(10.0)
        outcomes.append(bench.arrived(arguments["count"] * arguments.get("each", 1)))
        longest.append(told["longest_ms"])
    worst = max(outcomes, key=lambda outcome: outcome.figures["lost"])
    worst.figures["longest_ms"] = longest
    return worst, min(longest)


@scenario("gevent", "gevent, 20 greenlets x 100: lost; longest call", alone=True)
def _gevent(bench):
    outcome, longest = _quietest(bench, "greenlets", count=20, each=100, gevent=True)
    stalls = longest > STALL_MS
    outcome.text += "; " + bold(f"{longest:.1f} ms", stalls)
    outcome.is_bad = outcome.is_bad or stalls
    return outcome


@scenario(
    "longest", "longest call in normal use (500/s, the first included)", alone=True
)
def _longest(bench):
    outcome, longest = _quietest(bench, "paced", count=1_500, rate=500)
    is_bad = longest > LONG_MS
    text = bold(f"{longest:.1f} ms", is_bad)
    return Outcome(text, is_bad, outcome.figures)
