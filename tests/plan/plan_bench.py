"""What the tests of enforcement share: a plan, and messages that break it."""

import json

from segment_integrations.core.ports import Answer
from segment_integrations.plan.tracking import TrackingPlan

DOCUMENT = {
    "trackingPlan": {"id": "tp_1", "name": "Shop"},
    "rules": [
        {
            "key": "Order Completed",
            "type": "TRACK",
            "version": 1,
            "jsonSchema": {
                "type": "object",
                "properties": {
                    "properties": {
                        "type": "object",
                        "properties": {
                            "order_id": {"type": "string"},
                            "revenue": {"type": "number"},
                            "products": {
                                "type": "array",
                                "items": {
                                    "type": "object",
                                    "properties": {"price": {"type": "number"}},
                                },
                            },
                        },
                        "required": ["order_id"],
                    }
                },
            },
        },
        {
            "type": "IDENTIFY",
            "version": 1,
            "jsonSchema": {
                "type": "object",
                "properties": {
                    "traits": {
                        "type": "object",
                        "properties": {"plan": {"enum": ["free", "pro"]}},
                    }
                },
            },
        },
    ],
}
SECRET = "top-secret-value"
GOOD = {"order_id": "o1", "revenue": 5}
BAD_TYPE = {"order_id": "o1", "revenue": SECRET}
MISSING = {"revenue": 5}
EXTRA = {**GOOD, "color": SECRET}


def plan():
    return TrackingPlan.of(DOCUMENT)


class Scripted:
    """A transport that answers from a list, and 200 after its end; keeps each batch."""

    def __init__(self, *script):
        self.script = list(script)
        self.batches = []

    def send(self, batch):
        self.batches.append(batch)
        return Answer(self.script.pop(0) if self.script else 200)

    @property
    def messages(self):
        """The messages of the batches that were taken, in order."""
        return [json.loads(body) for batch in self.batches for body in batch.bodies]


def protocols(message):
    """What a message says of itself."""
    return message["context"].get("protocols")


def found(message):
    """The types and fields of the violations that a message carries."""
    listed = (protocols(message) or {}).get("violations", ())
    return [(one["type"], one["field"]) for one in listed]
