"""`capture()` and what it gives: the events that would have been sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from segment_integrations.core.tap import SEAT
from segment_integrations.testing.asserts import Asserts, Message
from segment_integrations.testing.gate import GATE, settle
from segment_integrations.testing.reasons import Baseline

if TYPE_CHECKING:
    from types import TracebackType

    from segment_integrations.core.message import Call


def capture() -> SegmentEvents:
    """
    Capture events instead of sending them, from this call on.

    Use it in a ``with`` block, or call `stop` when done, in `unittest`
    ``self.addCleanup(events.stop)``. It sees the events of all threads of this process.
    Of captures that run at once, the one started last gets the events.
    """
    events = SegmentEvents()
    GATE.add(events._add)  # noqa: SLF001 - of this module
    return events


class SegmentEvents(Asserts):
    """The captured events; made by `capture()` and the fixture `segment_events`."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._baseline = Baseline()

    def _add(self, body: bytes) -> None:
        self._bodies.append(body)

    def stop(self) -> None:
        """End the capture; what was captured can still be read. Again: no effect."""
        settle()
        GATE.remove(self._add)

    def clear(self) -> None:
        """Forget what was captured so far."""
        settle()
        SEAT.epoch += 1
        self._bodies.clear()
        self._baseline = Baseline()

    # -- reading ----------------------------------------------------------------

    @property
    def messages(self) -> list[Message]:
        """All messages in order of arrival, decoded anew at each reading."""
        settle()
        return [json.loads(body) for body in tuple(self._bodies)]

    @property
    def tracks(self) -> list[Message]:
        """The track calls."""
        return self._of("track")

    @property
    def pages(self) -> list[Message]:
        """The page calls, automatic ones included."""
        return self._of("page")

    @property
    def identifies(self) -> list[Message]:
        """The identify calls."""
        return self._of("identify")

    @property
    def groups(self) -> list[Message]:
        """The group calls."""
        return self._of("group")

    def _of(self, call: Call) -> list[Message]:
        return [message for message in self.messages if message["type"] == call]

    def _reasons(self, call: Call, *, is_empty: bool) -> list[str]:
        return self._baseline.reasons(call, is_empty=is_empty)

    # -- the rest ---------------------------------------------------------------

    def __len__(self) -> int:
        settle()
        return len(self._bodies)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        """Show how many of which call, and no data."""
        counts = Counter(message["type"] for message in self.messages)
        shown = ", ".join(f"{call} {count}" for call, count in counts.items())
        return f"SegmentEvents({shown or 'nothing'})"
