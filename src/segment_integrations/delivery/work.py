"""A batch from its first message until it is settled: in memory, on disk, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segment_integrations.delivery.record import RecordFile


class Work:
    """
    Messages that travel together, in the order of the calls.

    Args:
        first: The number of its first message among all that this process accepted,
            from 1; 0 for what another process accepted.
        accepted_at: When that one was accepted, in monotonic seconds.
        files: Where its messages are on disk, too or only.
    """

    __slots__ = (
        "accepted_at",
        "attempts",
        "bodies",
        "count",
        "files",
        "first",
        "is_part",
        "sealed_at",
        "size",
    )

    def __init__(
        self, first: int, accepted_at: float, files: Sequence[RecordFile] = ()
    ) -> None:
        self.first = first
        self.accepted_at = accepted_at
        self.sealed_at = accepted_at
        """When it took its last message: it is as old as its youngest."""
        self.bodies: list[bytes] | None = []
        """Each one message as UTF-8 JSON; None while they are in `files` only."""
        self.count = 0
        self.size = 0
        """Bytes of all bodies, those on disk included."""
        self.attempts = 0
        """Attempts that were made with it in vain."""
        self.files = list(files)
        self.is_part = False
        """Whether the files hold more than it: the other half of a split."""

    def fill(self, bodies: list[bytes], sealed_at: float) -> None:
        """Give it its messages; it takes no more."""
        self.bodies = bodies
        self.count = len(bodies)
        self.size = sum(map(len, bodies))
        self.sealed_at = sealed_at

    @property
    def is_on_disk(self) -> bool:
        """Whether the files hold all of it, so that the memory may forget it."""
        return (
            all(file.is_whole for file in self.files)
            and sum(file.records for file in self.files) >= self.count > 0
        )

    def join(self, other: Work) -> None:
        """Take in what comes right after it; both are in memory."""
        assert self.bodies is not None  # noqa: S101 - what the types cannot say
        assert other.bodies is not None  # noqa: S101 - the same
        self.bodies += other.bodies
        self.count += other.count
        self.size += other.size
        self.sealed_at = other.sealed_at
        self.files += other.files

    def drop_first(self) -> bytes:
        """Take the oldest message out; it is in memory."""
        assert self.bodies is not None  # noqa: S101 - what the types cannot say
        body = self.bodies.pop(0)
        self.first += 1
        self.count -= 1
        self.size -= len(body)
        return body

    def split(self) -> tuple[Work, Work]:
        """
        Halve it, in order; it is in memory and has at least two messages.

        The files go with the second half, which is settled last.
        """
        assert self.bodies is not None  # noqa: S101 - what the types cannot say
        middle = (self.count + 1) // 2
        left = Work(self.first, self.accepted_at)
        left.fill(self.bodies[:middle], self.sealed_at)
        right = Work(self.first and self.first + middle, self.accepted_at, self.files)
        right.fill(self.bodies[middle:], self.sealed_at)
        right.is_part = True
        return left, right
