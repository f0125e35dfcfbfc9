"""Scenarios of `faults.py`: outages, and what collectors answer."""

import time

from faults_bench import Outcome, bold, number, scenario

EARLY_S = 0.05
HELD_MAX_S = 25.0
LIMIT_BYTES = 500 * 1024


def _outage(bench, *, count, rate, fault_s, begin, end, options=None, lead_s=0.0):
    child = bench.spawn("paced", count=count, rate=rate, options=options or {})
    child.line()
    time.sleep(lead_s)
    begin()
    time.sleep(fault_s)
    end()
    told = child.line(90.0)
    outcome = bench.arrived(count, **told)
    if told["refused"]:
        outcome.text += f" ({number(told['refused'])} refused)"
    return outcome


@scenario("503", "5 s of 503, 200 events/s, 1,600")
def _503(bench):
    return _outage(
        bench,
        count=1_600,
        rate=200,
        lead_s=1.0,
        fault_s=5.0,
        begin=lambda: bench.collector.script(default=503),
        end=bench.collector.script,
    )


@scenario("resets", "5 s of resets, 4,000 events/s, 22,000", alone=True)
def _resets(bench):
    bench.collector.script(default="reset")
    return _outage(
        bench,
        count=22_000,
        rate=4_000,
        fault_s=5.0,
        begin=lambda: None,
        end=bench.collector.script,
    )


@scenario(
    "outage", "6 s of refused connections, 800 events (the others: at most 3 retries)"
)
def _refused(bench):
    bench.collector.refuse()
    return _outage(
        bench,
        count=800,
        rate=100,
        fault_s=6.0,
        begin=lambda: None,
        end=bench.collector.listen,
        options={} if bench.is_ours else {"max_retries": 3},
    )


def _answers(name, title, *, script, count=50, flush=8.0, more=None):
    """A row where *count* events are tracked and flushed against a fault script."""

    def run(bench):
        bench.collector.script(*script.get("steps", ()), **script.get("rest", {}))
        told = bench.run("ordinary", count=count, flush=flush)
        outcome = bench.arrived(count, **told)
        outcome.figures["requests"] = bench.collector.peek()["requests"]
        if told.get("pending"):
            kept = f"{number(told['pending'])} kept"
            outcome.is_bad = outcome.figures["lost"] > told["pending"]
            outcome.text = kept if not outcome.is_bad else f"{outcome.text}, {kept}"
        if more:
            more(outcome)
        return outcome

    scenario(name, title)(run)


def _with_requests(outcome):
    requests = outcome.figures["requests"]
    outcome.text += f", {requests} request" + ("s" if requests != 1 else "")


_answers(
    "401",
    "401 throughout, 50",
    script={"rest": {"default": 401}},
    flush=4.0,
    more=_with_requests,
)
_answers("204", "204, 50", script={"rest": {"default": 204}}, flush=8.0)
_answers("408", "408 once, 50", script={"steps": [408]})
_answers(
    "302",
    "302 without location throughout, 50",
    script={"rest": {"default": 302}},
    flush=4.0,
    more=_with_requests,
)
_answers("500-twice", "500 twice, then fine, 50", script={"steps": [500, 500]})
_answers(
    "reset-twice", "reset twice, then fine, 50", script={"steps": ["reset", "reset"]}
)
_answers(
    "413",
    "413 above 20 events a request, 100",
    script={"rest": {"events_max": 20}},
    count=100,
    flush=20.0,
)


@scenario("trickle", "an answer of one byte each 0.2 s without end: held, 50")
def _trickle(bench):
    bench.collector.script("trickle")
    told = bench.run("ordinary", count=50, flush=HELD_MAX_S)
    outcome = bench.arrived(50, **told)
    rows = bench.collector.report(requests=True)["list"]
    held = rows[1]["at"] - rows[0]["at"] if len(rows) > 1 else None
    outcome.figures["held_s"] = held
    is_long = held is None
    text = f">{HELD_MAX_S:.0f} s" if is_long else f"{held:.1f} s"
    outcome.text += "; " + bold(text, is_long)
    outcome.is_bad = outcome.is_bad or is_long
    return outcome


def _taken(step):
    def run(bench):
        bench.collector.script(step)
        told = bench.run("ordinary", count=50, flush=8.0)
        outcome = bench.arrived(50, **told)
        report = bench.collector.report()
        same = report["unique"] == 50 - outcome.figures["lost"]
        outcome.figures["same_ids"] = same
        if outcome.figures["duplicates"]:
            outcome.text += ", same ids" if same else ", **other ids**"
        return outcome

    return run


scenario("taken-reset", "accepted, then reset, 50")(_taken("take-reset"))
scenario("taken-cut", "accepted, then the answer is cut short, 50")(_taken("cut"))


@scenario("retry-after", "waited at 429 `Retry-After: 2` / 429 `1.5` / 503 `2`")
def _retry_after(bench):
    waits, texts = [], []
    for status, asked in ((429, "2"), (429, "1.5"), (503, "2")):
        bench.fresh()
        step = {"status": status, "headers": {"Retry-After": asked}}
        bench.collector.script(step)
        bench.run("ordinary", count=10, flush=12.0)
        rows = bench.collector.report(requests=True)["list"]
        if len(rows) == 1:
            waits.append(None)
            texts.append("**lost**")
            continue
        waited = rows[1]["at"] - rows[0]["at"]
        waits.append(waited)
        texts.append(bold(number(waited, 1), waited < float(asked) - EARLY_S))
    return Outcome(
        " / ".join(texts) + " s", any("*" in text for text in texts), {"waits": waits}
    )


@scenario("poison", "400 for a batch with one poison event, 99 good")
def _poison(bench):
    bench.collector.script(poison="poison")
    told = bench.run("poisoned", count=99)
    outcome = bench.arrived(99, **told)
    outcome.figures["requests"] = bench.collector.peek()["requests"]
    _with_requests(outcome)
    return outcome


@scenario("31-kb", "100 x 31 KB against a limit of 500 KiB a request")
def _big(bench):
    bench.collector.script(bytes_max=LIMIT_BYTES)
    told = bench.run(
        "ordinary", count=100, flush=20.0, properties={"pad": "x" * 31_000}
    )
    outcome = bench.arrived(100, **told)
    rows = bench.collector.report(requests=True)["list"]
    largest = max((row["bytes"] for row in rows), default=0)
    outcome.figures["largest_body"] = largest
    outcome.text += f", largest body {number(largest / 1_000)} kB"
    outcome.is_bad = outcome.is_bad or largest > LIMIT_BYTES
    return outcome
