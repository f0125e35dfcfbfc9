"""The message that a call returns, in plain types as their client returns it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final

NODES_MAX: Final = 10_000
"""What has more values than this is returned as it was given. Source: ours."""


def plain(message: dict[str, Any]) -> dict[str, Any]:
    """
    A copy of *message*, so that it is not the caller's own dicts.

    Decimals are floats in it, members of an enum their values, tuples and sets lists;
    dates stay dates.
    """
    left = NODES_MAX

    def copied(value: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            return value
        if isinstance(value, Enum):
            return copied(value.value)
        if isinstance(value, Decimal):
            return float(value)
        if isinstance(value, Mapping):
            return {key: copied(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [copied(item) for item in value]
        return value

    try:
        copy: dict[str, Any] = copied(message)
    except Exception:  # noqa: BLE001 - a circle, a dict that changes meanwhile
        return message
    return copy
