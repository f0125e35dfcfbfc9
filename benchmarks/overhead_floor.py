"""The floor of a page call: build that message as a dict and encode it, no more."""

import time
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
from overhead_apps import AGENT, ANONYMOUS, path_of

encode = msgspec.json.Encoder().encode


def page(path):
    """The same message that our middleware makes of the same request."""
    now = time.time()
    page = {
        "path": path,
        "referrer": "https://search.example/results",
        "search": "",
        "url": f"http://shop.example{path}",
    }
    return encode(
        {
            "type": "page",
            "messageId": str(uuid4()),
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(
                timespec="milliseconds"
            ),
            "anonymousId": ANONYMOUS,
            "name": "/items/{item}",
            "properties": {
                **page,
                "name": "/items/{item}",
                "route": "/items/{item}",
                "view": "item",
                "method": "GET",
                "status": 200,
            },
            "context": {
                "library": {"name": "segment-integrations", "version": "0.1.0"},
                "page": page,
                "ip": "203.0.113.9",
                "userAgent": AGENT,
                "locale": "en-US",
                "referrer": {"url": page["referrer"]},
            },
        }
    )


def serve(kind, count):
    for number in range(count):
        page(path_of(kind, number))
