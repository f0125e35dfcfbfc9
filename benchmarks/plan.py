"""
What a tracking plan of 500 events costs, with ours and with three bare libraries.

    python -m pip install 'segment-integrations[plan]' fastjsonschema jsonschema
    python benchmarks/plan.py

Each library checks whole messages against the whole rule, formats and all, with what it
has compiled before. Ours also finds the rule, looks for unplanned names, and takes care
of values that have another form on the wire. Of an invalid message ours, jsonschema-rs
and jsonschema list all errors, fastjsonschema stops at the first one. Times are of the
CPU; the rounds of all run in turns, and the fastest of each counts. See
docs/plan/plans.md.
"""

import gc
import importlib.metadata
import sys
import time

import fastjsonschema
import jsonschema
import jsonschema_rs
import plan_events as events
from tables import table

from segment_integrations.plan import TrackingPlan

ROUNDS = 60
CALLS = {"ours": 100, "jsonschema-rs": 100, "fastjsonschema": 100, "jsonschema": 10}
"""How often a message is checked in a round."""

GOAL_US, GOAL_TIMES = 5, 20


def rules(document):
    return {rule["key"]: rule["jsonSchema"] for rule in document["rules"]}


def ours(document):
    plan = TrackingPlan.of(document)
    for kind in rules(document):
        plan.check({**events.message(events.KINDS[0]), "event": kind})  # compiles it
    return plan.check


def with_jsonschema_rs(document):
    made = {
        name: jsonschema_rs.Draft7Validator(schema, validate_formats=True)
        for name, schema in rules(document).items()
    }

    def check(message):
        found = made[message["event"]]
        return [] if found.is_valid(message) else list(found.iter_errors(message))

    return check


def with_fastjsonschema(document):
    made = {name: fastjsonschema.compile(one) for name, one in rules(document).items()}

    def check(message):
        try:
            made[message["event"]](message)
        except fastjsonschema.JsonSchemaException as error:
            return [error]
        return []

    return check


def with_jsonschema(document):
    made = {
        name: jsonschema.Draft7Validator(
            schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
        )
        for name, schema in rules(document).items()
    }

    def check(message):
        return list(made[message["event"]].iter_errors(message))

    return check


LIBRARIES = {
    "ours": ours,
    "jsonschema-rs": with_jsonschema_rs,
    "fastjsonschema": with_fastjsonschema,
    "jsonschema": with_jsonschema,
}


def timed(call, *args):
    before = time.thread_time()
    made = call(*args)
    return time.thread_time() - before, made


def per_call_us(check, message, calls):
    before = time.thread_time()
    for _ in range(calls):
        check(message)
    return (time.thread_time() - before) / calls * 1e6


def main():
    document = events.document()
    compiled_ms, checks = {}, {}
    for name, make in LIBRARIES.items():
        taken, checks[name] = timed(make, document)
        compiled_ms[name] = taken * 1e3
    load_ms = timed(TrackingPlan.of, document)[0] * 1e3
    large_s = timed(TrackingPlan.of, events.document(10_000))[0]
    cases = [(kind, valid) for kind in events.KINDS for valid in (True, False)]
    gc.collect()
    gc.freeze()  # or each allocation pays for the plans of all four
    best = {}
    for case in cases:
        message = events.message(case[0], valid=case[1])
        for name, check in checks.items():
            assert (check(message) == []) is case[1], (name, case)
    for _ in range(ROUNDS):
        for case in cases:
            message = events.message(case[0], valid=case[1])
            for name, check in checks.items():
                taken = per_call_us(check, message, CALLS[name])
                best[name, case] = min(best.get((name, case), taken), taken)
    names = list(LIBRARIES)
    versions = {one: importlib.metadata.version(one) for one in names[1:]}
    print(", ".join(f"{one} {version}" for one, version in versions.items()))
    print(f"load {events.EVENTS} events: {load_ms:.0f} ms, 10,000: {large_s:.1f} s\n")
    head = ["us", *names, "jsonschema / ours"]
    lines = [
        [
            f"{kind}, {'valid' if valid else 'invalid'}",
            *[f"{best[name, (kind, valid)]:.1f}" for name in names],
            f"{best['jsonschema', (kind, valid)] / best['ours', (kind, valid)]:.0f}",
        ]
        for kind, valid in cases
    ]
    lines.append(
        ["compile 500, ms", *[f"{compiled_ms[name]:.0f}" for name in names], "-"]
    )
    print(table(head, lines))
    for kind in events.KINDS:
        mine, theirs = best["ours", (kind, True)], best["jsonschema", (kind, True)]
        reached = mine <= GOAL_US and theirs / mine >= GOAL_TIMES
        if not reached:
            print(f"not reached: {kind}", file=sys.stderr)


if __name__ == "__main__":
    main()
