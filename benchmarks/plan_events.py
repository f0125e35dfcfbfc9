"""The plan of 500 events that `plan.py` measures, and messages for it."""

DRAFT = "http://json-schema.org/draft-07/schema#"
EVENTS = 500
KINDS = ("Feature Used", "Form Submitted", "Order Completed")

PRODUCT = {
    "type": "object",
    "required": ["product_id"],
    "properties": {
        "product_id": {"type": "string"},
        "sku": {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"},
        "name": {"type": "string"},
        "category": {"type": ["string", "null"]},
        "price": {"type": "number", "minimum": 0},
        "quantity": {"type": "integer", "minimum": 1},
        "url": {"type": "string"},
    },
}

FACTS = {
    "Feature Used": {
        "feature_name": {"type": "string"},
        "context": {"type": "string"},
        "plan": {"type": "string", "pattern": "free|pro|enterprise"},
        "count": {"type": "integer"},
    },
    "Form Submitted": {
        "form_name": {"type": "string"},
        "submitted_at": {"type": "string", "format": "date-time"},
        "is_valid": {"type": "boolean"},
        "seconds": {"type": "number"},
        "source": {"enum": ["web", "app", "mail"]},
        "fields": {"type": "array", "items": {"type": "string"}},
        "address": {
            "type": "object",
            "properties": {
                "country": {"type": "string", "minLength": 2, "maxLength": 2},
                "city": {"type": ["string", "null"]},
            },
        },
    },
    "Order Completed": {
        "order_id": {"type": "string"},
        "checkout_id": {"type": "string"},
        "affiliation": {"type": "string"},
        "total": {"type": "number"},
        "revenue": {"type": "number"},
        "shipping": {"type": "number"},
        "tax": {"type": "number"},
        "coupon": {"type": ["string", "null"]},
        "currency": {"type": "string", "pattern": "EUR|USD|GBP"},
        "products": {"type": "array", "items": PRODUCT},
    },
}
NEEDED = {
    "Feature Used": ["feature_name"],
    "Form Submitted": ["form_name"],
    "Order Completed": ["order_id", "currency", "products"],
}
VALUES = {
    "Feature Used": {"feature_name": "export", "plan": "pro", "count": 3},
    "Form Submitted": {
        "form_name": "contact",
        "submitted_at": "2026-01-01T12:00:00Z",
        "is_valid": True,
        "seconds": 12.5,
        "source": "web",
        "fields": ["name", "text", "country"],
        "address": {"country": "DE", "city": "Berlin"},
    },
    "Order Completed": {
        "order_id": "order-17",
        "checkout_id": "checkout-99",
        "affiliation": "Web shop",
        "total": 129.95,
        "revenue": 110.5,
        "shipping": 4.95,
        "tax": 14.5,
        "coupon": None,
        "currency": "EUR",
        "products": [
            {
                "product_id": f"product-{line}",
                "sku": f"SKU-{line}",
                "name": "Trail running shoe, wide fit",
                "category": "shoes/outdoor",
                "price": 59.95,
                "quantity": 1,
                "url": f"https://shop.example/products/{line}",
            }
            for line in range(2)
        ],
    },
}


def schema(kind):
    """The schema of a message, as Segment's Public API gives it."""
    known = {
        name: {"description": "", "id": f"/properties/{name}", **found}
        for name, found in FACTS[kind].items()
    }
    facts = {"type": "object", "properties": known, "required": NEEDED[kind]}
    return {
        "$schema": DRAFT,
        "description": f"{kind}.",
        "labels": {},
        "type": "object",
        "properties": {
            "context": {},
            "traits": {"type": "object"},
            "properties": facts,
        },
        "required": ["properties"],
    }


def key(number):
    kind = KINDS[number % len(KINDS)]
    return kind if number < len(KINDS) else f"{kind} {number}"


def document(events=EVENTS):
    """A whole plan."""
    return {
        "trackingPlan": {"id": "tp_1", "name": "Shop"},
        "rules": [
            {
                "key": key(number),
                "type": "TRACK",
                "version": 1,
                "jsonSchema": schema(KINDS[number % len(KINDS)]),
            }
            for number in range(events)
        ],
    }


def message(kind, *, valid=True):
    """A whole message of one kind; if not valid, one value has the wrong type."""
    facts = dict(VALUES[kind])
    if not valid:
        facts[NEEDED[kind][0]] = 5
    return {
        "type": "track",
        "event": kind,
        "userId": "user-1",
        "messageId": "7b0c3e5e-8f0e-4b8e-a5b9-9f6f1d2f2c11",
        "timestamp": "2026-01-01T12:00:00.000Z",
        "context": {
            "ip": "192.0.2.1",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0",
            "page": {"path": "/checkout", "url": "https://shop.example/checkout"},
            "library": {"name": "segment-integrations", "version": "0.1.0"},
            "locale": "de",
        },
        "properties": facts,
    }
