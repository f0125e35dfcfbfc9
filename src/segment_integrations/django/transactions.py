"""
Holds events back until Django's transaction has committed.

What is read of Django's connections is in this file: the open atomic blocks, and the
list of what is to be done on commit.
"""

from __future__ import annotations

import itertools
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.db import connections, transaction

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_numbers: Final = itertools.count()


class _Held:
    """
    One message that waits for a commit.

    The connection's list of what is to be done on commit is the only one to hold it,
    so that its end without a call is a rollback: Django tells that to nobody.
    """

    def __init__(
        self, put: Callable[[], None], rolled_back: Callable[[], None]
    ) -> None:
        self.number = next(_numbers)
        self.connection: BaseDatabaseWrapper | None = None
        self._put: Callable[[], None] | None = put
        self._rolled_back = rolled_back

    __qualname__ = "segment_integrations event"  # for Django's log

    def wait_for(self, connection: BaseDatabaseWrapper) -> None:
        """Be called after the commit of *connection*'s transaction."""
        self.connection = connection
        transaction.on_commit(self, using=connection.alias, robust=True)
        if _is_from_testcase(connection):
            _waiting_in_tests.add(self)
            _let_tests_settle()
        else:
            _move_forward(connection)

    def __call__(self) -> None:
        """Hand the message on, unless another database's transaction is open."""
        if self._put is None:
            return
        connection = _open_connection()
        if connection is not None:
            self.wait_for(connection)
            return
        put, self._put = self._put, None
        put()

    def __del__(self) -> None:
        if self._put is not None and not sys.is_finalizing():
            self._rolled_back()


class TransactionDeferral:
    """The `Deferral` of Django's connections in the calling thread."""

    def defer(self, put: Callable[[], None], rolled_back: Callable[[], None]) -> bool:
        """Call *put* after the commit, or *rolled_back* after a rollback."""
        connection = _open_connection()
        if connection is None:
            settle_in_tests()  # what waits there came first
            return False
        _Held(put, rolled_back).wait_for(connection)
        return True


def _is_open(connection: BaseDatabaseWrapper) -> bool:
    """True inside an atomic block other than those around a `TestCase`."""
    return connection.in_atomic_block and any(
        not getattr(block, "_from_testcase", False)
        for block in connection.atomic_blocks
    )


def _is_from_testcase(connection: BaseDatabaseWrapper) -> bool:
    """True where the outermost block is a `TestCase`'s, so that nothing commits."""
    return any(
        getattr(block, "_from_testcase", False)
        for block in connection.atomic_blocks[:1]
    )


def _open_connection() -> BaseDatabaseWrapper | None:
    """A connection of this thread in a transaction; makes no connection."""
    for connection in connections.all(initialized_only=True):
        if _is_open(connection):
            return connection
    return None


def _move_forward(connection: BaseDatabaseWrapper) -> None:
    """
    Put what was added last before the application's own callbacks, behind ours.

    An exception in a callback that is not robust ends the run, and what stands behind
    it would be lost though the transaction has committed.
    """
    callbacks = connection.run_on_commit
    if callbacks and isinstance(callbacks[-1][1], _Held):
        added = callbacks.pop()
        position = next(
            (
                index
                for index, callback in enumerate(callbacks)
                if not isinstance(callback[1], _Held)
            ),
            len(callbacks),
        )
        callbacks.insert(position, added)


# -- under TestCase, where nothing ever commits -----------------------------------

_waiting_in_tests: Final[weakref.WeakSet[_Held]] = weakref.WeakSet()


def _let_tests_settle() -> None:
    from segment_integrations.testing.gate import settlers

    if settle not in settlers:
        settlers.append(settle)


def settle_in_tests() -> None:
    """`settle`, where anything waits: never in production."""
    if _waiting_in_tests:
        settle()


def settle() -> None:
    """
    Hand on what waits for a block inside a `TestCase` that has ended well.

    The test's own transaction never commits, so no callback would ever be called. What
    was rolled back is no longer in the connection's list; in production, nothing waits
    here.
    """
    for held in sorted(_waiting_in_tests, key=lambda one: one.number):
        connection = held.connection
        if connection is None or _is_open(connection):
            continue
        callbacks = connection.run_on_commit
        left = [callback for callback in callbacks if callback[1] is not held]
        _waiting_in_tests.discard(held)
        if len(left) < len(callbacks):
            callbacks[:] = left
            held()
