"""A batch in the worker's hands: taken from the queue, not yet settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segment_integrations.delivery.queue import Entry


@dataclass(frozen=True, slots=True)
class Work:
    """A batch taken from the queue; *attempts* were made with it in vain."""

    entries: tuple[Entry, ...]
    attempts: int = 0

    @property
    def size(self) -> int:
        """Bytes of the bodies."""
        return size(self.entries)


def bodies(entries: Iterable[Entry]) -> list[bytes]:
    """The encoded messages alone."""
    return [entry.body for entry in entries]


def size(entries: Iterable[Entry]) -> int:
    """Bytes of their bodies."""
    return sum(len(entry.body) for entry in entries)
