"""The settings of delivery, carried over to a forked child as they are."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from segment_integrations.delivery.spool import (
    SPOOL_MAX_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from segment_integrations.core.settings import Settings
    from segment_integrations.delivery.queue import Overflow
    from segment_integrations.errors import DeliveryError

SpoolMode = Literal["off", "overflow", "always"]
"""What is written to disk: nothing, what can't be sent soon, or everything at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    What `Delivery` was told.

    Args:
        queue_bytes: Budget for the bodies queued and in flight, in memory.
        flush_at: Messages that are sent without waiting for more, and the most in
            one batch; over 2,500 counts as that.
        flush_interval: Seconds that the first message of a batch waits for others.
        timeout: Seconds that one attempt may take.
        max_age: Seconds after which a batch is given up.
        overflow: Whom a full queue costs.
        write_key: Whose messages these are, for the spool.
        spool: What is written to disk.
        spool_dir: Where; without *spool* too it takes the dead letters.
        spool_max_bytes: What all files of *spool_dir* together may have.
        on_error: Gets each `DeliveryError`; on the worker, guarded.
        on_delivered: Gets the messages of each delivered batch; likewise.
        inspect: Looks at the bodies of each batch before it is first sent, on the
            worker: gets them and whether another process left them, and returns them
            in their order, perhaps longer. It must not raise.
        clock: Monotonic seconds.
        rand: A number from 0 up to 1, for the jitter of retries.
    """

    queue_bytes: int
    flush_at: int
    flush_interval: float
    timeout: float
    max_age: float
    overflow: Overflow
    write_key: str = ""
    spool: SpoolMode = "off"
    spool_dir: Path | None = None
    spool_max_bytes: int = SPOOL_MAX_BYTES
    on_error: Callable[[DeliveryError], object] | None = None
    on_delivered: Callable[[list[dict[str, Any]]], object] | None = None
    inspect: Callable[[list[bytes], bool], list[bytes]] | None = None
    clock: Callable[[], float] = time.monotonic
    rand: Callable[[], float] = random.random

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        inspect: Callable[[list[bytes], bool], list[bytes]] | None = None,
    ) -> Options:
        """The part of *settings* that delivery needs, and what looks at bodies."""
        return cls(
            queue_bytes=settings.queue_bytes,
            flush_at=settings.flush_at,
            flush_interval=settings.flush_interval,
            timeout=settings.timeout,
            max_age=settings.max_age,
            overflow=settings.overflow,
            write_key=settings.write_key or "",
            spool=settings.spool,
            spool_dir=settings.spool_dir,
            on_error=settings.on_error,
            on_delivered=settings.on_delivered,
            inspect=inspect,
        )
