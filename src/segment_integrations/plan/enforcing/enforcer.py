"""
Holds a plan up to each message on its way out, and does what the modes say.

Where a mode only reports, and the message goes through our own delivery, that happens
on delivery's thread; else in the call, before the message is handed on. No fault of
the check, and no plan, costs a message or delays it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from segment_integrations.core.inspecting import Seen
from segment_integrations.core.tap import SEAT
from segment_integrations.errors import PlanViolation
from segment_integrations.plan.enforcing.mend import (
    Mended,
    is_stamped,
    omit_unplanned,
    omit_violating,
    stamped,
)
from segment_integrations.plan.enforcing.tell import (
    Teller,
    is_own,
    shown,
    subject,
)
from segment_integrations.plan.modes import Mode
from segment_integrations.plan.violations import UNPLANNED_EVENT, Violation

if TYPE_CHECKING:
    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.message import Call, Message
    from segment_integrations.plan.tracking import TrackingPlan

NAMED_MAX: Final = 5
"""Violations that an error's text names. Source: ours; `violations` has all."""

_REPORT: Final = Mode()
_KEPT_BACK: Final = Seen()


class Enforcer:
    """
    One plan, and the modes of one `Analytics`. From any thread.

    Args:
        plan: The plan.
        by_call: The mode of each call.
        teller: Who is told.
        drops: Counts what is not sent.
        throttle: The log.
        is_last: Whether nobody looks at the messages after the call: the sink is not
            our own delivery.
        strict: The `strict` setting: all is looked at in the call.
    """

    def __init__(
        self,
        plan: TrackingPlan,
        by_call: Mapping[Call, Mode],
        teller: Teller,
        *,
        drops: Drops,
        throttle: Throttle,
        is_last: bool,
        strict: bool,
    ) -> None:
        self._plan = plan
        self._modes = by_call
        self._teller = teller
        self._drops = drops
        self._throttle = throttle
        self._in_call = frozenset(
            call for call, mode in by_call.items() if mode.acts or is_last or strict
        )
        self._has_later = not self._in_call.issuperset(
            call for call, mode in by_call.items() if mode.checks
        )

    def prepare(self) -> None:
        """Compile what is looked at in the calls, so that no call takes the time."""
        self._plan.prepare(self._in_call)

    def violations(self) -> dict[str, int]:
        """How many there were so far, by event and type."""
        return self._teller.counts()

    def at_call(
        self,
        call: Call,
        message: Message,
        body: bytes,
        strict: bool,  # noqa: FBT001 - `Inspect` has it so
    ) -> Seen | None:
        """
        Look at a message in the call that made it, where that is needed.

        Args:
            call: Which call.
            message: The message as built; not changed.
            body: Its JSON.
            strict: Whether a violation is raised.

        Returns:
            None where it stays as it is; else what is to be done with it.

        Raises:
            PlanViolation: In strict mode only.
        """
        mode = self._modes[call]
        if not mode.checks:
            return None
        tap = SEAT.tap
        if tap is not None and tap.is_watching:  # it is to see what was called
            mode, strict = _REPORT, False
        if not (
            strict or call in self._in_call or (tap is not None and tap.is_capturing)
        ):
            return None
        try:
            violations = self._plan.check(message)
            if not violations:
                return None
            if not strict:
                sent = msgspec.json.decode(body)  # plain values, of our own
                return self._judged(mode, sent, body, violations)
            self._teller.count(violations, message)
            self._drops.add("plan_blocked", detail="strict mode raises it")
        except Exception as error:  # noqa: BLE001 - a message is worth more than a check
            self._throttle.failed("the tracking plan", error)
            return None
        raise PlanViolation(_text(message, violations), violations)

    def on_worker(self, bodies: list[bytes], is_adopted: bool) -> list[bytes]:  # noqa: FBT001 - `Options.inspect` has it so
        """
        Look at a batch before it is first sent, and report; never raises.

        Args:
            bodies: Messages as JSON.
            is_adopted: Whether another process left them, which may have had another
                plan or none. Those are only reported, whatever the mode.

        Returns:
            As many, in the same order.
        """
        if not (is_adopted or self._has_later):
            return bodies
        return [self._reported(body, is_adopted=is_adopted) for body in bodies]

    def _reported(self, body: bytes, *, is_adopted: bool) -> bytes:
        try:
            message = msgspec.json.decode(body)
            call = message["type"]
            if not self._modes[call].checks or (
                call in self._in_call and not is_adopted
            ):
                return body
            if is_own(message) or is_stamped(message):
                return body
            violations = self._plan.check(message)
            if not violations:
                return body
            seen = self._judged(_REPORT, message, body, violations)
            seen.tell()
        except Exception as error:  # noqa: BLE001 - nor may it hold up a batch
            self._throttle.failed("the tracking plan", error)
            return body
        return seen.body or body

    def _judged(
        self,
        mode: Mode,
        message: dict[str, Any],
        body: bytes,
        violations: Sequence[Violation],
    ) -> Seen:
        """What *mode* does with *message*, which has *violations*."""
        tell = self._teller.tell
        if mode.blocks_unplanned and any(
            one.type == UNPLANNED_EVENT for one in violations
        ):
            self._drops.add("unplanned", detail="events that the plan does not have")
            tell(violations, message, body, forwards=mode.forwards)
            return _KEPT_BACK
        if mode.blocks_violating and not all(one.is_unplanned for one in violations):
            self._drops.add("plan_blocked", detail="they break the tracking plan")
            tell(violations, message, body, forwards=mode.forwards)
            return _KEPT_BACK
        mended = self._mended(mode, message, violations)
        sent, changed = stamped(message, violations, mended)

        def told() -> None:
            tell(violations, changed, sent, forwards=mode.forwards)

        return Seen(sent, changed, told)  # type: ignore[arg-type]  # a message, decoded

    def _mended(
        self, mode: Mode, message: dict[str, Any], violations: Sequence[Violation]
    ) -> Mended:
        unplanned: list[str] = []
        violating: list[str] = []
        if mode.omits_unplanned:
            unplanned = omit_unplanned(message, self._plan.unplanned(message))
        if mode.omits_violating:
            violating = omit_violating(message, violations)
        return Mended(unplanned, violating)


def _text(message: Mapping[str, Any], violations: Sequence[Violation]) -> str:
    """What an error says: names, pointers and the plan's words, never a value."""
    named = "; ".join(
        f"{shown(one.field)} {one.type}"
        + (f" at {one.pointer}" if one.pointer else "")
        + (f": {one.description}" if one.description else "")
        for one in violations[:NAMED_MAX]
    )
    more = len(violations) - NAMED_MAX
    tail = f"; and {more} more" if more > 0 else ""
    return f"{subject(message)} breaks the tracking plan: {named}{tail}"
