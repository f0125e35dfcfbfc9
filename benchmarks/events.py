"""
The events that are tracked, and the floor: what building and encoding them costs.

Each call builds a fresh dict, as an application does, for all clients alike. Sizes are
those of the whole encoded message, about 0.3, 0.8 and 4 KB with every client; the
benchmark's table says what was measured on the wire.
"""

import gzip
import time
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

NAME = "Order Completed"
FLOOR_BATCH = 500


def small(i):
    return {"plan": "pro", "seat": i}


def middle(i):
    return {
        "order_id": f"order-{i}",
        "checkout_id": f"checkout-{i * 7919 % 1_000_003}",
        "affiliation": "Web shop",
        "total": 129.95 + i % 97,
        "revenue": 110.5 + i % 89,
        "shipping": 4.95,
        "tax": 14.5,
        "discount": 0,
        "coupon": "SPRING",
        "currency": "EUR",
        "is_first": i % 5 == 0,
        "payment": {"method": "card", "brand": "visa", "attempts": 1 + i % 3},
        "campaign": {"source": "newsletter", "medium": "email", "name": "spring"},
        "products": ["sku-1041", "sku-2203", f"sku-{i % 5000}"],
        "cohort": "returning customers of the last quarter",
        "landing_page": f"https://shop.example/campaigns/spring?visit={i * 613}",
        "delivery": {"method": "parcel", "country": "DE", "days": 2 + i % 4},
    }


def large(i):
    return {
        **middle(i),
        "items": [
            {
                "product_id": f"product-{(i * 31 + line) % 4001}",
                "sku": f"sku-{(i + line * 17) % 5000}",
                "name": "Trail running shoe, wide fit",
                "category": "shoes/outdoor/trail",
                "brand": "Northern Goods",
                "variant": "blue/44",
                "price": 59.95 + line,
                "quantity": 1 + line % 2,
                "position": line,
                "url": f"https://shop.example/products/{(i * 31 + line) % 4001}",
            }
            for line in range(14)
        ],
    }


BUILDERS = {"0.3": small, "0.8": middle, "4": large}
SIZES = tuple(BUILDERS)
ROUGH_BYTES = {"0.3": 300, "0.8": 800, "4": 4_000}


class Floor:
    """
    The least that any client can do: a dict literal, uuid4, the time, one encoding.

    And where gzip is on, level 1 over batches of 500. Nothing is sent.
    """

    def __init__(self, _host, *, gzip=None, queue=None):
        del queue
        self._gzip = bool(gzip)
        self._encode = msgspec.json.Encoder().encode
        self._bodies = []
        self._library = {"name": "segment-integrations", "version": "0.1.0"}
        self.raw_bytes = self.events = 0

    def track(self, event, properties):
        body = self._encode(
            {
                "type": "track",
                "event": event,
                "userId": "user-1",
                "messageId": uuid4(),
                "timestamp": datetime.fromtimestamp(time.time(), UTC),
                "properties": properties,
                "context": {"library": self._library},
            }
        )
        self._bodies.append(body)
        if len(self._bodies) == FLOOR_BATCH:
            self.flush()
        return True

    def flush(self, _timeout=0.0):
        joined = b",".join(self._bodies)
        self.raw_bytes += len(joined)
        self.events += len(self._bodies)
        if self._gzip and joined:
            gzip.compress(joined, 1)
        self._bodies = []
        return True

    def close(self, _timeout=0.0):
        return True
