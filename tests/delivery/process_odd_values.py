"""The 28 odd values of delivery cases 2 and 3, each with what has to arrive for it."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import math
import pathlib
import uuid

from django.utils.functional import lazystr

NOON = dt.datetime(2026, 1, 2, 12, 30, 15)  # noqa: DTZ001 - naive
DEEP = 2_000


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Item:
    sku: str


class Hostile:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __hash__ = __str__


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024 - as users write them


def deep():
    value = current = {}
    for _ in range(DEEP):
        current["d"] = current = {}
    return value


def circle():
    value = {"name": "round"}
    value["self"] = value
    return value


ANY = object()
"""Stands for what only has to be there, in some form."""

ODD = {
    "uuid": (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    "decimal": (decimal.Decimal("9.90"), "9.90"),
    "decimal nan": (decimal.Decimal("NaN"), "NaN"),
    "nan": (math.nan, None),
    "infinity": (math.inf, None),
    "minus infinity": (-math.inf, None),
    "aware datetime": (NOON.replace(tzinfo=dt.UTC), "2026-01-02T12:30:15Z"),
    "naive datetime": (NOON, "2026-01-02T12:30:15"),
    "date": (NOON.date(), "2026-01-02"),
    "time": (NOON.time(), "12:30:15"),
    "timedelta": (dt.timedelta(minutes=1), "PT60S"),
    "set": ({1}, [1]),
    "frozenset": (frozenset({1}), [1]),
    "named tuple": (Pair(1, 2), [1, 2]),
    "bytes": (b"\xff\x00", "/wA="),
    "enum": (Colour.RED, "red"),
    "int enum": (Number.ONE, 1),
    "dataclass": (Item("a"), {"sku": "a"}),
    "path": (pathlib.PurePosixPath("/a/b"), "/a/b"),
    "exception": (ValueError("ada@example.com"), "<ValueError>"),
    "lazy text": (lazystr("lazy"), "lazy"),
    "any object": (object(), "<object>"),
    "hostile": (Hostile(), "<Hostile>"),
    "lone surrogate": ("a\ud800b", "a\ufffdb"),
    "tuple key": ({(1, 2): 3}, {"(1, 2)": 3}),
    "big int": (2**70, ANY),
    "deep": (deep(), ANY),
    "circular": (circle(), ANY),
}
assert len(ODD) == 28
