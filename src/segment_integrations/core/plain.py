"""Turns a value from anywhere in an application into one that is only data."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from segment_integrations.core.encode import DEPTH_MAX, NODES_MAX

MISSING: Final = object()
"""Stands for a value that is not there, where None is one that is."""

_PLAIN: Final = (int, float, Decimal, UUID, date, time, timedelta, bytes)
_LAZY: Final = frozenset({"LazyProxy", "LazyString", "Promise"})
"""Classes of texts that are translated when they are read: Babel's and Django's."""


class NotPlain(Exception):  # noqa: N818 - a verdict that is always caught
    """A value that JSON has no form for; the text is the name of its type."""


def look_up(path: tuple[str, ...], values: Mapping[str, Any]) -> Any:
    """Follow *path* by key in mappings and by attribute elsewhere, or `MISSING`."""
    value: Any = values
    for segment in path:
        if isinstance(value, Mapping):
            if segment not in value:  # asked first: a defaultdict would make one
                return MISSING
            value = value[segment]
        else:
            value = getattr(value, segment, MISSING)
            if value is MISSING:
                return MISSING
    return value


def plain(value: object) -> Any:
    """
    *value* as something that encodes to JSON without a look at its insides.

    Raises:
        NotPlain: It, or something in it, has no form in JSON.
    """
    budget = [NODES_MAX]

    def copy(value: object, depth: int) -> Any:
        budget[0] -= 1
        if isinstance(value, Enum):
            value = value.value
        if value is None or isinstance(value, _PLAIN):
            return value
        if isinstance(value, str) or not _LAZY.isdisjoint(
            kind.__name__ for kind in type(value).__mro__
        ):
            return str(value)
        if depth > DEPTH_MAX or budget[0] < 0:
            raise NotPlain(f"so large or deep a {type(value).__name__}")
        if isinstance(value, Mapping):
            return {
                copy(key, depth + 1): copy(item, depth + 1)
                for key, item in list(value.items())
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [copy(item, depth + 1) for item in list(value)]
        if inspect.iscoroutine(value):
            value.close()  # nobody will wait for it, and Python would complain
        raise NotPlain(type(value).__name__)

    return copy(value, 0)
