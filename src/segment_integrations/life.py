"""How an `Analytics` is flushed, drained and closed, and what it tells of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from segment_integrations import defaults
from segment_integrations.core.stats import Health, Stats
from segment_integrations.sigterm import DrainFirst
from segment_integrations.waiting import in_thread

if TYPE_CHECKING:
    from types import TracebackType

    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.identified import Identified
    from segment_integrations.core.observe import PageCalls
    from segment_integrations.core.ports import Sink
    from segment_integrations.delivery.engine import Delivery
    from segment_integrations.plan.enforcing.enforcer import Enforcer


class Life:
    """The part of `Analytics` that is used at start and end, and not by events."""

    is_closed: bool
    """Whether calls do nothing from here on."""
    drops: Drops
    throttle: Throttle
    page_calls: PageCalls
    _delivery: Delivery | None
    _enforcer: Enforcer | None
    _identified: Identified
    _sink: Sink

    def flush(self, timeout: float = 5.0) -> bool:
        """
        Wait until everything sent before this call is delivered.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            True when all of it was delivered, what is in flight included.
        """
        return bool(self._of_sink("flush", timeout, default=True, failed=False))

    def close(self, timeout: float = 5.0) -> int:
        """
        Deliver what is queued and stop; calls after it do nothing.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            How many messages were left: they stay in the spool for the next process;
            without one they are dropped and counted.
        """
        self.is_closed = True
        self.page_calls.is_on = False
        self._identified.clear()
        defaults.unregister(self)
        left = self._of_sink("close", timeout, default=0, failed=0)
        return left if isinstance(left, int) else 0

    def drain(self, timeout: float = 5.0) -> bool:
        """
        `flush`, for a server that stops; calls after it still work.

        What is left stays queued, and the process's end does not wait for it again: a
        dead collector costs *timeout* once.

        Returns:
            As `flush`.
        """
        if self._delivery is not None:
            return self._delivery.drain(timeout)
        return self.flush(timeout)

    def drain_on_sigterm(self, timeout: float = 5.0) -> None:
        """
        Drain before SIGTERM ends this process; for scripts and servers of your own.

        What handled the signal before is called afterwards; where nothing did, the
        process ends as it would have, exit status included. A second SIGTERM does not
        wait. To be called on the main thread. Not needed behind an ASGI server with a
        lifespan, gunicorn or uWSGI, nor in Django.

        Args:
            timeout: Seconds that the end may be delayed.

        Raises:
            ValueError: This is not the main thread.
        """

        def drain(left: float) -> bool:
            with self.throttle.guard("drain"):
                return self.drain(left)
            return False

        DrainFirst(drain, timeout).install()

    def _of_sink(
        self, name: str, timeout: float, *, default: object, failed: object
    ) -> object:
        """Call what a sink may have, guarded; *default* is for one without it."""
        method = getattr(self._sink, name, None)
        if method is None:
            return default
        result = failed
        with self.throttle.guard(f"sink.{name}"):
            result = method(timeout)
        return result  # noqa: RET504 - the guard may have swallowed the call

    async def aflush(self, timeout: float = 5.0) -> bool:  # noqa: ASYNC109 - as flush
        """`flush` that does not block the event loop."""
        return await in_thread(lambda: self.flush(timeout))

    async def aclose(self, timeout: float = 5.0) -> int:  # noqa: ASYNC109 - as close
        """`close` that does not block the event loop."""
        return await in_thread(lambda: self.close(timeout))

    async def adrain(self, timeout: float = 5.0) -> bool:  # noqa: ASYNC109 - as drain
        """`drain` that does not block the event loop."""
        if self._delivery is not None and not self._delivery.stats().pending_events:
            return True  # nothing to wait for, so no thread to wait on
        return await in_thread(lambda: self.drain(timeout))

    def stats(self) -> Stats:
        """Figures of this process since its start; see `Stats`. Takes no lock."""
        if self._delivery is None:
            stats = Stats(dropped=self.drops.counts())
        else:
            stats = self._delivery.stats()
        return replace(
            stats,
            pages=dict(self.page_calls.counts),
            unchanged=self._identified.skipped,
            violations={} if self._enforcer is None else self._enforcer.violations(),
        )

    def health(self) -> Health:
        """Whether delivery works, and if not, why."""
        if self._delivery is None:
            reason = "closed" if self.is_closed else None
            return Health(ok=not self.is_closed, reason=reason)
        return self._delivery.health()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
