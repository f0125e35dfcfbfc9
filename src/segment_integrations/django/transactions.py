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

from segment_integrations.core.deferring import Deferred

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_numbers: Final = itertools.count()


class _Callback:
    """
    Waits in one connection's list of what is to be done on commit.

    Nothing else holds it, so that its end without a call is a rollback: Django tells
    that to nobody.
    """

    __qualname__ = "segment_integrations"  # for Django's log

    def __init__(self, held: Deferred, connection: BaseDatabaseWrapper) -> None:
        self.number = next(_numbers)
        self.connection = connection
        self._held: Deferred | None = held

    def __call__(self) -> None:
        """The transaction has committed."""
        held, self._held = self._held, None
        if held is not None:
            held.committed()

    def __del__(self) -> None:
        if self._held is not None and not sys.is_finalizing():
            self._held.lose()


class TransactionDeferral:
    """The `Deferral` of Django's connections in the calling thread."""

    def defer(self, put: Callable[[], None], rolled_back: Callable[[], None]) -> bool:
        """Call *put* after the commit, or *rolled_back* after a rollback."""
        opened = [
            connection
            for connection in connections.all(initialized_only=True)
            if _is_open(connection)
        ]
        if not opened:
            if InTests.seen:
                settle()  # what waits there came first
            return False
        held = Deferred(put, rolled_back, len(opened))
        for connection in opened:
            callback = _Callback(held, connection)
            transaction.on_commit(callback, using=connection.alias, robust=True)
            if _is_from_testcase(connection):
                InTests.seen = True
                _waiting_in_tests.add(callback)
                _let_tests_settle()
            else:
                _move_forward(connection)
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


def _move_forward(connection: BaseDatabaseWrapper) -> None:
    """
    Put what was added last before the application's own callbacks, behind ours.

    An exception in a callback that is not robust ends the run, and what stands behind
    it would be lost though the transaction has committed.
    """
    callbacks = connection.run_on_commit
    if callbacks and isinstance(callbacks[-1][1], _Callback):
        added = callbacks.pop()
        position = next(
            (
                index
                for index, callback in enumerate(callbacks)
                if not isinstance(callback[1], _Callback)
            ),
            len(callbacks),
        )
        callbacks.insert(position, added)


# -- under TestCase, where nothing ever commits -----------------------------------


class InTests:
    """Whether a `TestCase` has held anything back in this process: asked cheaply."""

    seen = False
    """Never true in production."""


_waiting_in_tests: Final[weakref.WeakSet[_Callback]] = weakref.WeakSet()


def _let_tests_settle() -> None:
    from segment_integrations.testing.gate import settlers

    if settle not in settlers:
        settlers.append(settle)


def settle() -> None:
    """
    Hand on what waits for a block inside a `TestCase` that has ended well.

    The test's own transaction never commits, so no callback would ever be called. What
    was rolled back is no longer in the connection's list; in production, nothing waits
    here.
    """
    for waiting in sorted(_waiting_in_tests, key=lambda one: one.number):
        if _is_open(waiting.connection):
            continue
        _waiting_in_tests.discard(waiting)
        callbacks = waiting.connection.run_on_commit
        left = [callback for callback in callbacks if callback[1] is not waiting]
        if len(left) < len(callbacks):
            callbacks[:] = left
            waiting()
