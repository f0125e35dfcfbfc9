"""
Holds events back until the transaction of a SQLAlchemy session has committed; opt-in.

For Flask and FastAPI, and whatever else uses SQLAlchemy's sessions. Built on the public
session events alone: nothing of SQLAlchemy is replaced.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from segment_integrations.core import deferring
from segment_integrations.errors import ConfigurationError
from segment_integrations.sqlalchemy.sessions import DEFERRAL, LISTENERS

__all__ = ["hold_events"]


_classes: Final[set[type]] = set()
"""
The watched classes. SQLAlchemy knows a class by its address: as long as it is listened
to, no other one may get that.
"""


def hold_events(target: object) -> ExitStack:
    """
    Let events wait for the transactions of *target*'s sessions.

    An event that is tracked while such a session is in a transaction, in the same task
    or thread, leaves after the outermost commit. A rollback drops it and counts
    ``rolled_back``; that of a savepoint (`begin_nested`) drops what was tracked in it.
    A session that is closed without a commit counts as rolled back, unless it has only
    read. Where several sessions are in a transaction the event waits for all of them.
    Page calls do not wait. ``after_commit=False`` in the settings turns all this off.

    Again for the same target: no effect.

    Args:
        target: `Session` or a subclass, an instance of one, a `sessionmaker`, a
            `scoped_session` (Flask-SQLAlchemy's ``db.session``), or what asyncio has
            for each. An `async_sessionmaker` without a sync class of its own gets one;
            what it made before is not watched. The class `AsyncSession` itself, and
            `Session`, stand for all sessions of the process.

    Returns:
        Its `close()`, or the end of its ``with`` block, takes the hook away again. It
        may be ignored.

    Raises:
        ConfigurationError: *target* is none of these.
    """
    watched = _watchable(target)
    undo = ExitStack()
    if watched not in _classes and not event.contains(
        watched, "after_commit", LISTENERS["after_commit"]
    ):
        for name, listener in LISTENERS.items():
            # Before other listeners, for one that raises ends the row.
            event.listen(watched, name, listener, insert=True)
            undo.callback(event.remove, watched, name, listener)
        if isinstance(watched, type):
            _classes.add(watched)
            undo.callback(_classes.discard, watched)
    if DEFERRAL not in deferring.SHARED:
        deferring.SHARED.append(DEFERRAL)
    return undo


def _watchable(target: object) -> Any:
    """What SQLAlchemy can listen to, for *target*."""
    if isinstance(target, scoped_session | async_scoped_session):
        target = target.session_factory
    if isinstance(target, async_sessionmaker):
        return _own_sync_class(target)
    if isinstance(target, AsyncSession):
        return target.sync_session
    if isinstance(target, type) and issubclass(target, AsyncSession):
        return _watchable(target.sync_session_class)
    if isinstance(target, sessionmaker):
        return target.class_  # a subclass of its own, made by it
    if isinstance(target, Session) or (
        isinstance(target, type) and issubclass(target, Session)
    ):
        return target
    kind = target if isinstance(target, type) else type(target)
    raise ConfigurationError(
        "hold_events takes a session of SQLAlchemy, its class, a sessionmaker or a"
        f" scoped_session, or what asyncio has for them, got {kind.__name__}"
    )


def _own_sync_class(maker: async_sessionmaker[Any]) -> Any:
    """The class of the sync sessions below *maker*'s, which no other maker has."""
    given: Any = maker.kw.get("sync_session_class", maker.class_.sync_session_class)
    if isinstance(given, sessionmaker):
        return given.class_
    if given is Session:
        given = type("Session", (Session,), {})
        maker.configure(sync_session_class=given)
    return _watchable(given)
