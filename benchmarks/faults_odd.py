"""The 28 odd values, and the calls of a wrong shape."""

import dataclasses
import datetime as dt
import decimal
import enum
import functools
import pathlib
import uuid


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int = 1
    y: int = 2


class Lazy:
    """As Django's lazy texts: a text only when asked."""

    def __str__(self):
        return "a lazy text"


class Hostile:
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def values():
    """Pairs of a label and the properties, made anew."""
    deep = leaf = {}
    for _ in range(2_000):
        leaf["in"] = leaf = {}
    circle = {}
    circle["self"] = circle
    single = {
        "UUID": uuid.UUID(int=7),
        "Decimal": decimal.Decimal("9.90"),
        "Decimal NaN": decimal.Decimal("NaN"),
        "datetime": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        "date": dt.date(2026, 1, 2),
        "time": dt.time(3, 4, 5),
        "timedelta": dt.timedelta(seconds=90),
        "set": {1},
        "frozenset": frozenset({1}),
        "bytes": b"\xff\xfe",
        "enum": Colour.RED,
        "dataclass": Point(),
        "path": pathlib.PurePosixPath("a/b"),
        "exception": ValueError("wrong"),
        "lazy text": Lazy(),
        "object": object(),
        "NaN": float("nan"),
        "Infinity": float("inf"),
        "tuple key": {("a", 1): 1},
        "int key": {1: 1},
        "None key": {None: 1},
        "lone surrogate": "a\ud800b",
        "2,000 levels": deep,
        "circle": circle,
        "hostile __str__": Hostile(),
        "generator": (i for i in range(3)),
        "function": values,
        "huge int": 10**400,
    }
    return [(label, {"value": value}) for label, value in single.items()]


COUNT = 28


def shape_errors(client):
    """
    Pairs of a label and a call that breaks the spec, eight for each client.

    The same mistakes in each client's own arguments; PostHog has groups, no context.
    """
    kind = type(client).__name__
    if kind == "Posthog":
        capture = client.client.capture
        call = functools.partial(capture, "An Event", distinct_id="user-1")
        no_identity = functools.partial(capture, "An Event", properties={})
        with_id = functools.partial(capture, "An Event")
        named = functools.partial(capture, distinct_id="user-1")
        return [
            ("no identity", no_identity),
            ("identity a list", lambda: with_id(distinct_id=["user-1"])),
            ("no event name", lambda: named(None)),
            ("event name a number", lambda: named(5)),
            ("properties a list", lambda: call(properties=["a"])),
            ("properties a text", lambda: call(properties="a")),
            ("timestamp no time", lambda: call(timestamp="yesterday")),
            ("groups a list", lambda: call(groups=["a"])),
        ]
    track = client.client.track
    user = {"user_id": "user-1"}
    return [
        ("no identity", lambda: track(event="An Event")),
        ("identity a list", lambda: track(event="An Event", user_id=["user-1"])),
        ("no event name", lambda: track(event=None, **user)),
        ("event name a number", lambda: track(event=5, **user)),
        ("properties a list", lambda: track(event="E", properties=["a"], **user)),
        ("properties a text", lambda: track(event="E", properties="a", **user)),
        ("timestamp no time", lambda: track(event="E", timestamp="yesterday", **user)),
        ("context a list", lambda: track(event="E", context=["a"], **user)),
    ]
