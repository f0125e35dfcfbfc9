"""
What waits in SQLAlchemy's sessions, and what their events tell.

Read are the public session events and the `info` of a session; nothing else of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.core import deferring
from segment_integrations.core.counters import Throttle
from segment_integrations.core.current import current

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

    from segment_integrations.core.identity import Identity

KEY: Final = "segment_integrations"
"""Where a session keeps what is ours, in the dict that it has for such."""

_throttle: Final = Throttle()


class _Level:
    """
    One transaction of a session: the outermost, or a savepoint.

    Args:
        transaction: Which one it is.
    """

    __slots__ = ("has_committed", "has_written", "is_lost", "transaction", "waiting")

    def __init__(self, transaction: SessionTransaction) -> None:
        self.transaction = transaction
        self.waiting: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self.has_written = False
        self.has_committed = False
        self.is_lost = False

    def lose(self) -> None:
        """It was rolled back: so is all that waits in it."""
        self.is_lost = True
        waiting, self.waiting = self.waiting, []
        for _, rolled_back in waiting:
            rolled_back()

    def commit(self) -> None:
        """It was the outermost one, and has committed."""
        waiting, self.waiting = self.waiting, []
        for put, _ in waiting:
            put()


class _Transactions:
    """
    What a session has open, outermost first, and who uses it.

    Nothing but the session holds it for long: one that is left to the garbage collector
    while it is open has its connection rolled back by the pool.
    """

    def __init__(self) -> None:
        self.levels: list[_Level] = []
        self.root: Identity | None = None
        self.task: weakref.ref[asyncio.Task[Any]] | None = None
        self.thread = 0
        self.pid = 0
        self.is_about_to_write = False
        """Whether the statement that begins the next transaction writes."""

    def touch(self) -> None:
        """Note that the running task, thread and request use the session now."""
        self.root, task, self.thread = _whoever_runs()
        self.task = None if task is None else weakref.ref(task)

    def leave(self) -> None:
        """Note that nobody uses it: no transaction is open any more."""
        _open.pop(id(self), None)
        self.root = self.task = None

    def is_of(self, who: _Who) -> bool:
        """Whether who calls is who used the session last."""
        root, task, thread = who
        if root is not None and self.root is not None and root is not self.root:
            return False  # left open by another request
        mine = None if self.task is None else self.task()
        if task is not None and mine is not None:
            return task is mine
        if root is not None and root is self.root:
            return True  # a request's threads: FastAPI's dependencies and its endpoint
        return task is None and mine is None and thread == self.thread

    def innermost(self) -> _Level | None:
        """What an event that is tracked now waits for."""
        for level in reversed(self.levels):
            if not level.has_committed:
                return level
        return None

    def __del__(self) -> None:
        if sys.is_finalizing():
            return
        with _throttle.guard("the SQLAlchemy hook"):
            is_own = self.pid == os.getpid()
            while self.levels:
                level = self.levels.pop()
                if is_own:
                    _end(level, self.levels[-1] if self.levels else None)
                else:  # the parent's, which sends them itself
                    level.lose()


_open: Final[weakref.WeakValueDictionary[int, _Transactions]] = (
    weakref.WeakValueDictionary()
)
"""Those with an open transaction: about as many as there are connections in use."""

_Who = tuple["Identity | None", "asyncio.Task[Any] | None", int]
"""A request, if there is one; a task, if there is one; a thread."""


def _whoever_runs() -> _Who:
    context = current()
    root = None if context is None else context.root
    if root is not None and root.info is None:
        root = None  # a `bind` block is nobody's own
    task = None
    with contextlib.suppress(RuntimeError):  # no event loop runs here
        task = asyncio.current_task()
    return root, task, threading.get_ident()


class SessionDeferral:
    """The `Deferral` of the watched sessions that the calling task or thread uses."""

    def defer(self, put: Callable[[], None], rolled_back: Callable[[], None]) -> bool:
        """Call *put* after the commit, or *rolled_back* after a rollback."""
        if not _open:
            return False
        who = _whoever_runs()
        levels = [
            level
            for ref in _open.valuerefs()
            if (found := ref()) is not None
            and found.is_of(who)
            and (level := found.innermost()) is not None
        ]
        if not levels:
            return False
        message = deferring.Deferred(put, rolled_back, len(levels))
        for level in levels:
            if level.is_lost:  # rolled back by a failed flush, and not yet ended
                message.lose()
            else:
                level.waiting.append((message.committed, message.lose))
        return True


DEFERRAL: Final = SessionDeferral()


# -- what SQLAlchemy tells ----------------------------------------------------------


def _of(session: Session) -> _Transactions | None:
    found = session.info.get(KEY)
    return found if isinstance(found, _Transactions) else None


def _on_create(session: Session, transaction: SessionTransaction) -> None:
    with _throttle.guard("the SQLAlchemy hook"):
        found = _of(session)
        if transaction.parent is None:
            if found is not None and found.levels:
                return  # watched twice: by its maker, and as one of all
            if found is None:
                found = session.info[KEY] = _Transactions()
            _open[id(found)] = found
            found.pid = os.getpid()
        elif found is None or not found.levels:
            return  # it began before it was watched
        elif found.levels[-1].transaction is transaction:
            return
        found.touch()
        if transaction.parent is None or transaction.nested:
            level = _Level(transaction)
            level.has_written = found.is_about_to_write
            found.levels.append(level)
            found.is_about_to_write = False
        else:
            found.levels[-1].has_written = True  # these are made by a flush only


def _on_end(session: Session, transaction: SessionTransaction) -> None:
    with _throttle.guard("the SQLAlchemy hook"):
        found = _of(session)
        if found is None or not any(
            level.transaction is transaction for level in found.levels
        ):
            return
        while found.levels:
            level = found.levels.pop()
            if not found.levels:
                found.leave()
            _end(level, found.levels[-1] if found.levels else None)
            if level.transaction is transaction:
                break


def _end(level: _Level, outer: _Level | None) -> None:
    """Settle what waits in *level*, which is over, or hand it to the one around it."""
    if level.is_lost or (level.has_written and not level.has_committed):
        level.lose()
    elif outer is None:
        level.commit()
    else:
        outer.has_written = outer.has_written or level.has_written
        outer.waiting += level.waiting


def _on_commit(session: Session) -> None:
    with _throttle.guard("the SQLAlchemy hook"):
        found = _of(session)
        if found is None or not found.levels:
            return
        level = found.levels[-1]
        level.has_committed = True
        if len(found.levels) == 1:
            level.commit()  # now: what other listeners do can't take it back


def _on_rollback(session: Session) -> None:
    with _throttle.guard("the SQLAlchemy hook"):
        found = _of(session)
        if found is not None and found.levels:
            found.levels[-1].lose()


def _on_begin(
    session: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    del transaction
    with _throttle.guard("the SQLAlchemy hook"):
        found = _of(session)
        options = connection.get_execution_options()
        if found is not None and options.get("isolation_level") == "AUTOCOMMIT":
            for level in found.levels:
                level.has_committed = True
                level.commit()


def _used(session: Session, *, writes: bool) -> None:
    with _throttle.guard("the SQLAlchemy hook"):
        found = _of(session)
        if found is None:
            found = session.info[KEY] = _Transactions()
        if not found.levels:
            found.is_about_to_write = writes
            return
        found.touch()
        if writes:
            found.levels[-1].has_written = True


def _on_execute(state: ORMExecuteState) -> None:
    _used(state.session, writes=not state.is_select)


def _on_pending(session: Session, instance: object) -> None:
    del instance
    _used(session, writes=True)


LISTENERS: Final[dict[str, Callable[..., None]]] = {
    "after_transaction_create": _on_create,
    "after_transaction_end": _on_end,
    "after_begin": _on_begin,
    "after_commit": _on_commit,
    "after_rollback": _on_rollback,
    "do_orm_execute": _on_execute,
    "transient_to_pending": _on_pending,
}
