"""The settings of delivery, carried over to a forked child as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.delivery.queue import Overflow
    from segment_integrations.errors import DeliveryError


@dataclass(frozen=True, slots=True)
class Options:
    """What `Delivery` was told; its docstring says what each means."""

    queue_bytes: int
    flush_at: int
    flush_interval: float
    timeout: float
    max_age: float
    overflow: Overflow
    on_error: Callable[[DeliveryError], object] | None
    on_delivered: Callable[[list[dict[str, Any]]], object] | None
    clock: Callable[[], float]
    rand: Callable[[], float]
