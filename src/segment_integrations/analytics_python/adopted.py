"""`adopt`: the module-level calls of segment-analytics-python run on our engine."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any, Final

from segment import analytics as theirs

from segment_integrations.analytics_python.client import WAIT_S, Client
from segment_integrations.analytics_python.options import DEFAULTS
from segment_integrations.analytics_python.queue import Queue
from segment_integrations.client import Analytics
from segment_integrations.defaults import analytics_now
from segment_integrations.errors import ConfigurationError

UNUSED: Final = ("on_error", "host", "sync_mode", "oauth_client_id")
"""Settings of their module that somebody may rely on, and that nothing reads here."""

logger = logging.getLogger("segment_integrations")


def adopt(analytics: Analytics | None = None) -> ExitStack:
    """
    Let `segment.analytics.track(...)` and its like run on our engine.

    From here on they are about the request's user and visitor where they do not say,
    carry its address and page, wait for the transaction, and are seen by a test's
    `segment_events`. `flush` waits, bounded; so do `join` and `shutdown`, which leave
    *analytics* open for the others. What the module returns and raises stays.

    It sets `segment.analytics.default_client`, as that package lets one do, and nothing
    else. Of its settings `send` is still obeyed; the others are those of *analytics*.
    A client that was there before keeps its own queue and goes on delivering it.

    Args:
        analytics: Where the calls go; by default that of the running request, else the
            default one, at each call.

    Returns:
        Its `close()`, or the end of its ``with`` block, puts the former client back. It
        may be ignored.

    Raises:
        ConfigurationError: *analytics* is something else.
    """
    if analytics is not None and not isinstance(analytics, Analytics):
        raise ConfigurationError(
            "adopt takes an Analytics of segment_integrations, or nothing, got"
            f" {type(analytics).__name__}"
        )
    unused = [
        name for name in UNUSED if getattr(theirs, name) != getattr(DEFAULTS, name)
    ]
    key = theirs.write_key
    if analytics is not None and key and key != analytics.settings.write_key:
        unused.append("write_key, which is another one")
    if unused:
        logger.warning(
            "settings of segment.analytics without effect from here on, for those of"
            " Analytics are used: %s",
            ", ".join(unused),
        )
    client = _Adopted(analytics, theirs.default_client)
    theirs.default_client = client
    undo = ExitStack()
    undo.callback(client.release)
    return undo


class _Adopted(Client):
    """
    A client on an engine that is somebody else's.

    Args:
        analytics: The engine; None: whichever the module's calls would use.
        former: The client before this one.
    """

    def __init__(self, analytics: Analytics | None, former: Any) -> None:
        key = None if analytics is None else analytics.settings.write_key
        super(Client, self).__init__(key or "adopted", sync_mode=True)
        self.sync_mode = False
        self.consumers = []
        self._own = analytics
        self.queue = Queue(lambda: self.analytics, 0)
        self._former = former
        self._is_released = False

    @property
    def analytics(self) -> Analytics | None:
        """The engine below."""
        return analytics_now() if self._own is None else self._own

    def _is_muted(self) -> bool:
        self.send = bool(theirs.send)
        return super()._is_muted()

    def join(self) -> None:
        """Wait as `flush`; the engine stays open, for it is somebody else's."""
        analytics = self.analytics
        if analytics is not None and not analytics.drain(WAIT_S):
            logger.warning("join: not everything was delivered")

    def release(self) -> None:
        """Put the client before this one back, whatever the order of releases."""
        self._is_released = True
        now = theirs.default_client
        while isinstance(now, _Adopted) and now._is_released:  # noqa: SLF001 - its own
            now = now._former  # noqa: SLF001 - its own
        theirs.default_client = now
