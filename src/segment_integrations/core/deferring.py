"""
Holds messages back until every transaction that they were made in has committed.

Who knows of transactions is a `Deferral`: one of an `Analytics` (Django's), and those
of the whole process (SQLAlchemy's), side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from segment_integrations.core.ports import Deferral

SHARED: Final[list[Deferral]] = []
"""Those of the whole process: a session belongs to no `Analytics`."""


class Deferred:
    """
    One message that waits for the commit of every transaction it was made in.

    Of *put* and *lost* one is called, once, from whichever thread.

    Args:
        put: Hands it on.
        lost: Called instead when one of the transactions was rolled back.
        waits: How many there are.
    """

    __slots__ = ("_put", "_rolled_back", "waits")

    def __init__(
        self, put: Callable[[], object], lost: Callable[[], object], waits: int
    ) -> None:
        self._put: Callable[[], object] | None = put
        self._rolled_back = lost
        self.waits = waits

    def committed(self) -> None:
        """One transaction less to wait for."""
        self.waits -= 1
        if not self.waits:
            put = self.take()
            if put is not None:
                put()

    def lose(self) -> None:
        """One of the transactions will never commit."""
        if self.take() is not None:
            self._rolled_back()

    def take(self) -> Callable[[], object] | None:
        """End the wait; what hands the message on, for the first who asks."""
        # No call in it, so that no other thread can come between.
        put, self._put = self._put, None
        return put


class _Counted(Deferred):
    """
    A message that counts in the budget of *deferrals* with *size* bytes.

    Args:
        put: As `Deferred` has it, and so is *lost*.
        lost: The same.
        deferrals: Whose budget.
        size: How many bytes.
    """

    __slots__ = ("_deferrals", "_size")

    def __init__(
        self,
        put: Callable[[], object],
        lost: Callable[[], object],
        deferrals: Deferrals,
        size: int,
    ) -> None:
        super().__init__(put, lost, 1)
        self._deferrals = deferrals
        self._size = size
        deferrals.held_bytes += size

    def take(self) -> Callable[[], object] | None:
        put = super().take()
        if put is not None:
            self._deferrals.held_bytes -= self._size
        return put


class Deferrals:
    """
    What one `Analytics` has waiting, and no more of it than its budget.

    Args:
        max_bytes: How many bytes of bodies may wait at once, in all transactions.
    """

    __slots__ = ("held_bytes", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        """Bytes of the bodies that wait."""

    def defer(
        self,
        own: Deferral | None,
        size: int,
        put: Callable[[], object],
        lost: Callable[[], object],
    ) -> bool | None:
        """
        Call *put* after the last commit, or *lost* after the first rollback.

        Args:
            own: The `Deferral` of this `Analytics`, asked before the shared ones.
            size: The body's bytes.
            put: Hands the message on.
            lost: Counts it.

        Returns:
            None where no transaction is open: send it now. False where the budget is
            used up: it is not kept, and neither is called.
        """
        if own is None and not SHARED:
            return None
        # One wait more than there are transactions, until all have been asked.
        message = _Counted(put, lost, self, size)
        try:
            for deferral in SHARED if own is None else (own, *SHARED):
                message.waits += 1
                if not deferral.defer(message.committed, message.lose):
                    message.waits -= 1
        except BaseException:
            message.take()
            raise
        if message.waits == 1:
            message.take()
            return None
        if self.held_bytes > self.max_bytes and message.take() is not None:
            return False
        message.committed()
        return True
