"""
What looks at messages on their way out: it may change them, or keep them back.

The core knows where a message is looked at, and nothing of what for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from segment_integrations.core.message import Call, Message


class Plan(Protocol):
    """A tracking plan that is loaded: `TrackingPlan`, for all that the core knows."""

    def check(self, message: Mapping[str, Any]) -> Sequence[object]:
        """What in *message* breaks the plan."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What became of a message that was looked at.

    Args:
        body: What is sent in its place; None: nothing, which has been counted.
        message: The same, decoded.
        tell: Called when the message is handed on, which may be after a transaction.
    """

    body: bytes | None = None
    message: Message | None = None
    tell: Callable[[], object] = lambda: None

    def telling(self, put: Callable[[bytes, Message], bool]) -> Callable[..., bool]:
        """*put*, and then `tell`."""

        def told(body: bytes, message: Message) -> bool:
            is_accepted = put(body, message)
            self.tell()
            return is_accepted

        return told


Inspect = Callable[["Call", "Message", bytes, bool], Seen | None]
"""
Takes the call, the message as built, its JSON and whether it may raise.

None: it stays as it is. It may raise `PlanViolation`, in strict mode, and nothing else.
"""
