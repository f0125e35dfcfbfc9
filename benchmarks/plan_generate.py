"""
How long generating a module takes: ``python benchmarks/plan_generate.py [EVENTS]``.

The events have eight properties each, of all kinds, two of them objects. Of five runs
the fastest is printed, in seconds of this process's own time and on the clock.
"""

import sys
import time

from segment_integrations.plan import TrackingPlan, generate

RUNS = 5


def rule(number):
    """One event, as Segment's editor writes them."""
    item = {
        "type": "object",
        "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer"}},
        "required": ["sku"],
    }
    properties = {
        "orderId": {"type": "string", "description": "The number of the order"},
        "revenue": {"type": ["number", "null"], "minimum": 0},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "method": {"type": "string", "enum": ["card", "invoice"]},
        "paidAt": {"type": "string", "format": "date-time"},
        "isGift": {"type": "boolean"},
        "products": {"type": "array", "items": item},
        "shipping": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    facts = {"type": "object", "properties": properties, "required": ["orderId"]}
    return {
        "key": f"Thing {number} Done",
        "type": "TRACK",
        "jsonSchema": {
            "description": f"Somebody has done the thing with the number {number}.",
            "type": "object",
            "properties": {"properties": facts},
        },
    }


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    plan = TrackingPlan.of([rule(number) for number in range(events)])
    taken = []
    for _ in range(RUNS):
        before = time.process_time(), time.perf_counter()
        source = generate(plan)
        taken.append((time.process_time() - before[0], time.perf_counter() - before[1]))
    own, clock = (min(one) for one in zip(*taken, strict=True))
    lines = source.count("\n")
    print(
        f"{events:,} events, {lines:,} lines: {own:.2f} s, {clock:.2f} s on the clock"
    )


if __name__ == "__main__":
    main()
