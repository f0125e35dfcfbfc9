"""Tells of violations: figures, the log, the user's hook, and events of their own."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from segment_integrations.core import events
from segment_integrations.plan.enforcing.mend import STAMPED_MAX
from segment_integrations.plan.violations import UNPLANNED_EVENT, Violation

if TYPE_CHECKING:
    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.message import Message
    from segment_integrations.plan.tracking import TrackingPlan

OTHERS: Final = "(others)"
"""What is counted together once there are too many names."""

KINDS_MAX: Final = 1_000
"""Kinds of violations that are counted one by one. Source: ours, a large plan has 500
events."""

UNPLANNED_MAX: Final = 100
"""Events that are not in the plan and are counted by name. Source: ours: names that
are made of data, such as ``"Order 4711"``, would fill the memory."""

NAME_CHARS: Final = 100
"""What figures and the log show of a name."""

FORWARDS_A_MINUTE: Final = 10
"""Events that are sent in a minute of one violation of one event. Source: ours; the
figures have all of them."""

MINUTE_S: Final = 60.0

WAITING_BYTES: Final = 4 * 1024 * 1024
"""JSON of messages that may wait for the hook. Source: ours; it is outside of the
queue's budget."""

EVENT: Final = "Violation Generated"
USER_ID: Final = "schema-violations"
ID_PREFIX: Final = "sch-"


class Tally:
    """Figures by kind, so many and no more. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counts: dict[str, int] = {}
        self._unplanned: set[str] = set()

    def name(self, title: str, *, is_unplanned: bool) -> str:
        """What *title* is counted as: itself, or `OTHERS` where there are too many."""
        title = title[:NAME_CHARS]
        if not is_unplanned or title in self._unplanned:
            return title
        with self._lock:
            if len(self._unplanned) >= UNPLANNED_MAX:
                return OTHERS
            self._unplanned.add(title)
        return title

    def add(self, kind: str) -> str:
        """Count one of *kind*; returns what it was counted as."""
        with self._lock:
            if kind not in self._counts and len(self._counts) >= KINDS_MAX - 1:
                kind = OTHERS
            self._counts[kind] = self._counts.get(kind, 0) + 1
        return kind

    def counts(self) -> dict[str, int]:
        """A copy of the figures."""
        return dict(self._counts)


class Teller:
    """
    Everybody who is to know of violations.

    Args:
        plan: The plan, for its name.
        throttle: The log.
        drops: Counts what was not forwarded.
        hook: The `on_violation` setting.
        post: Runs a call where hooks run; False: too many wait there. None: hooks
            are called at once.
        put: Takes an event of our own.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        plan: TrackingPlan,
        *,
        throttle: Throttle,
        drops: Drops,
        hook: Callable[..., object] | None,
        post: Callable[[Callable[[], object]], object] | None,
        put: Callable[[bytes, Message], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._throttle = throttle
        self._drops = drops
        self._hook = hook
        self._post = post
        self._put = put
        self._clock = clock
        self._start()

    def _start(self) -> None:
        """Begin at nothing, as each process does: a forked child has its own."""
        self._pid = os.getpid()
        self._tally = Tally()
        self._lock = threading.RLock()
        self._waiting: deque[tuple[Sequence[Violation], bytes]] = deque()
        self._waiting_bytes = 0
        self._is_posted = False
        self._forwarded: dict[tuple[str, str, str], tuple[float, int]] = {}

    def counts(self) -> dict[str, int]:
        """How many violations there were in this process, by kind."""
        return self._tally.counts() if self._pid == os.getpid() else {}

    def tell(
        self,
        violations: Sequence[Violation],
        message: Mapping[str, Any],
        body: bytes,
        *,
        forwards: bool,
    ) -> None:
        """
        Count, log and hand on the *violations* of one message. Never raises.

        Args:
            violations: What was found.
            message: The message, decoded.
            body: Its JSON.
            forwards: Whether events are sent of them.
        """
        name = self.count(violations, message)
        if self._hook is not None:
            self._wait(violations, body)
        if forwards:
            self._forward(violations[:STAMPED_MAX], name, message)

    def count(self, violations: Sequence[Violation], message: Mapping[str, Any]) -> str:
        """Count and log the *violations*; returns what the event is counted as."""
        if self._pid != os.getpid():
            self._start()
        is_unplanned = any(one.type == UNPLANNED_EVENT for one in violations)
        name = self._tally.name(title(message), is_unplanned=is_unplanned)
        for one in violations:
            kind = self._tally.add(name if name == OTHERS else f"{name}: {one.type}")
            # Of unplanned events one line tells enough: their names may be endless.
            key = UNPLANNED_EVENT if is_unplanned else kind
            self._throttle.log(
                f"violation:{key}",
                logging.WARNING,
                "%s breaks the tracking plan: %s at %s%s",
                subject(message),
                one.type,
                shown(one.field),
                f" ({one.pointer})" if one.pointer else "",
            )
        return name

    # -- the hook -----------------------------------------------------------------

    def _wait(self, violations: Sequence[Violation], body: bytes) -> None:
        if self._post is None:
            self._call(violations, body)
            return
        with self._lock:
            has_room = self._waiting_bytes + len(body) <= WAITING_BYTES
            if has_room:
                self._waiting_bytes += len(body)
        if not has_room:
            self._throttle.log(
                "on_violation",
                logging.WARNING,
                "on_violation is not called: too many messages wait for it already",
            )
            return
        self._waiting.append((violations, body))
        self._see_to_it()

    def _see_to_it(self) -> None:
        if self._post is not None and not self._is_posted:
            self._is_posted = True
            if self._post(self._run) is False:
                self._is_posted = False  # the next one tries again

    def _run(self) -> None:
        """Call the hook for all that wait now."""
        self._is_posted = False
        for _ in range(len(self._waiting)):
            try:
                violations, body = self._waiting.popleft()
            except IndexError:  # the process ends, and another thread runs them too
                break
            with self._lock:
                self._waiting_bytes -= len(body)
            self._call(violations, body)
        if self._waiting:
            self._see_to_it()

    def _call(self, violations: Sequence[Violation], body: bytes) -> None:
        with self._throttle.guard("on_violation"):
            assert self._hook is not None  # noqa: S101 - else nothing waits
            self._hook(list(violations), msgspec.json.decode(body))

    # -- events of their own --------------------------------------------------------

    def _forward(
        self, violations: Iterable[Violation], name: str, message: Mapping[str, Any]
    ) -> None:
        for one in violations:
            with self._lock:
                may = self._may_forward((name, one.type, one.pointer))
            if may:
                event = violation_event(one, message, self._plan)
                self._put(msgspec.json.encode(event), event)
            else:
                self._drops.add("forward_limit", level=logging.DEBUG)

    def _may_forward(self, kind: tuple[str, str, str]) -> bool:
        now = self._clock()
        if kind not in self._forwarded and len(self._forwarded) >= KINDS_MAX:
            for known, (since, _) in tuple(self._forwarded.items()):
                if now - since >= MINUTE_S:
                    self._forwarded.pop(known, None)
            if len(self._forwarded) >= KINDS_MAX:
                kind = (OTHERS, "", "")
        since, count = self._forwarded.get(kind, (now, 0))
        if now - since >= MINUTE_S:
            since, count = now, 0
        self._forwarded[kind] = (since, count + 1)
        return count < FORWARDS_A_MINUTE


def title(message: Mapping[str, Any]) -> str:
    """What figures call a message: its event's name, else its call."""
    call = str(message.get("type"))
    return str(message.get("event") or call) if call == "track" else call


def subject(message: Mapping[str, Any]) -> str:
    """How people are told of a message: ``track 'Order Completed'``, ``identify``."""
    call = str(message.get("type"))
    return f"{call} {shown(title(message))}" if call == "track" else call


def shown(name: str) -> str:
    """*name* for the log and for errors: one line, quoted, not endless."""
    return repr(name if len(name) <= NAME_CHARS else f"{name[:NAME_CHARS]}…")


def is_own(message: Mapping[str, Any]) -> bool:
    """Whether *message* is a `violation_event`, which is never looked at itself."""
    return message.get("event") == EVENT and str(
        message.get("messageId", "")
    ).startswith(ID_PREFIX)


def violation_event(
    violation: Violation, message: Mapping[str, Any], plan: TrackingPlan
) -> Message:
    """
    Segment's own event about one *violation* of *message*; holds none of its values.

    What only Segment knows is left out: the source, and when it was sent.

    Source: Segment, Protocols, "Forward violations".
    """
    context = message.get("context")
    context = context if isinstance(context, Mapping) else {}
    app = context.get("app")
    properties = {
        "appVersion": app.get("version") if isinstance(app, Mapping) else None,
        "eventMessageID": message.get("messageId"),
        "eventName": message.get("event") or message.get("name"),
        "eventTimestamp": message.get("timestamp"),
        "eventType": message.get("type"),
        "trackingPlanID": plan.id or None,
        "trackingPlanName": plan.name or None,
        "violationDescription": violation.description,
        "violationField": violation.field,
        "violationType": violation.type,
    }
    return {
        "type": "track",
        "messageId": f"{ID_PREFIX}{events.new_message_id()}",
        "timestamp": events.now(),
        "userId": USER_ID,
        "event": EVENT,
        "properties": {key: one for key, one in properties.items() if one is not None},
        "context": {key: context[key] for key in ("library", "app") if key in context},
    }
