"""
From a built message to an accepted one: its turn, its bytes, processors, transactions.

Runs on the caller's thread and does no I/O. Every way out but the last counts a drop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import msgspec

from segment_integrations.core import deferring, encode
from segment_integrations.core.deferring import Deferrals
from segment_integrations.core.held import Held
from segment_integrations.core.identified import Identified
from segment_integrations.core.identity import NONE_WAIT
from segment_integrations.core.message import EVENT_MAX_BYTES, Call, Message
from segment_integrations.errors import EventTooLarge, InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.identified import Ticket
    from segment_integrations.core.inspecting import Inspect
    from segment_integrations.core.ports import Deferral
    from segment_integrations.core.settings import Settings


class Outlet:
    """
    Hands built messages on.

    Args:
        settings: The settings.
        drops: Where what is not sent is counted.
        throttle: The log.
        put: Takes an encoded message; False means refused (and counted there).
        set_aside: Takes one over Segment's limit; False means that it has no place.
        identified: The identify calls that stand; by default a memory of its own.
        inspect: Looks at each message last of all.
    """

    def __init__(
        self,
        settings: Settings,
        drops: Drops,
        throttle: Throttle,
        put: Callable[[bytes, Message], bool],
        *,
        set_aside: Callable[[bytes], bool] = lambda _: False,
        identified: Identified | None = None,
        inspect: Inspect | None = None,
    ) -> None:
        self.settings = settings
        self.drops = drops
        self.throttle = throttle
        self.put = put
        self.set_aside = set_aside
        self.identified = Identified() if identified is None else identified
        self.inspect = inspect
        self.deferral: Deferral | None = None
        self._deferrals = Deferrals(settings.queue_bytes)

    def let_go(self, context: RequestContext) -> None:
        """Send what waits in the request of *context*, for the next message comes."""
        root = context if context.parent is None else context.root
        waiting = root.waiting
        if waiting is not NONE_WAIT and waiting and not root.is_holding:
            waiting.release()

    def identify(
        self,
        message: dict[str, Any],
        own: dict[str, Any],
        context: RequestContext | None,
        *,
        is_plain: bool,
        strict: bool,
    ) -> str | None:
        """
        Hand an identify on, unless one that said the same stands.

        It takes the place of one that waits and joins the same ids.
        """
        waiting = None if context is None else context.root.waiting
        taken: list[Held] = []
        if waiting and context is not None and context.root.is_holding:
            stands = waiting.message_id(message)
            if stands is not None:
                return stands
        elif waiting:
            taken = waiting.displaced_by(message)
            given = [one.traits for one in taken if one.call == "identify"]
            for traits in given:
                own = {"traits": {**traits, **own["traits"]}}
            message.update(own)
        sent = None
        try:
            ticket: Ticket | None = (asked := self.identified.ticket(message, own))
            if not is_plain or (context is not None and context.extra()):
                self.identified.forget(asked)  # it may say what is not looked at
                ticket = None
            elif (stands := self.identified.known(asked)) is not None:
                sent = stands
                return stands
            sent = self.hand_on("identify", message, context, ticket, strict=strict)
            return sent
        finally:
            for one in taken:
                if sent is None or one.call != "identify":
                    self._hold(context, one.again())

    def refuse(self, error: InvalidEvent, *, strict: bool) -> str | None:
        """Count a call that breaks the spec; raise it in strict mode."""
        self.drops.add(
            "too_large" if isinstance(error, EventTooLarge) else "invalid",
            detail=str(error),
        )
        if strict:
            raise error
        return None

    def hand_on(  # noqa: C901 - as `Pipeline.emit`: a call more costs each event
        self,
        call: Call,
        built: dict[str, Any],
        context: RequestContext | None,
        ticket: Ticket | None = None,
        *,
        strict: bool,
    ) -> str | None:
        """
        Encode *built* and put it, or let it wait for its transaction.

        Args:
            call: Which call made it.
            built: The message.
            context: The request or `bind` block that it was made in.
            ticket: Of an identify: under what it is remembered.
            strict: Whether what breaks the spec is raised.

        Returns:
            Its id where it was accepted.

        Raises:
            InvalidEvent: In strict mode only.
            PlanViolation: The same.
        """
        put = self.put
        message: Message = built  # type: ignore[assignment]  # a cast would be a call
        try:
            body = encode.encode(built, self._refuse_odd if strict else self._note_odd)
        except InvalidEvent as error:
            return self.refuse(error, strict=True)
        if self.settings.processors:
            processed = self._process(body)
            if processed is None:
                return None
            message = processed
            body = encode.encode(message)
        if self.inspect is not None:
            seen = self.inspect(call, message, body, strict)
            if seen is not None:
                if seen.body is None:
                    return None
                body, put = seen.body, seen.telling(put)
                message = seen.message or message
        if len(body) > EVENT_MAX_BYTES:
            if not strict and self.set_aside(body):
                return None
            return self.refuse(EventTooLarge(len(body), EVENT_MAX_BYTES), strict=strict)
        message_id = message["messageId"]
        if (
            context is not None
            and (context if context.parent is None else context.root).is_holding
        ):
            send = lambda: self._put(put, body, message, ticket)  # noqa: E731 - as below
            traits = built.get("traits", {})
            self._hold(context, Held(call, message, traits, send, self._lost))
            return message_id
        if (
            (self.deferral is not None or deferring.SHARED)
            and call != "page"
            and self.settings.after_commit
        ):
            kept = self._deferrals.defer(
                self.deferral,
                len(body),
                lambda: self._put(put, body, message, ticket),
                self._lost,
            )
            if kept is not None:
                return message_id if kept else self._overflowed()
        if ticket is None:
            return message_id if put(body, message) else None
        return message_id if self._put(put, body, message, ticket) else None

    def _hold(self, context: RequestContext | None, held: Held) -> None:
        """Let *held* wait in its request, and for the transaction that is open."""
        if self.settings.after_commit:
            kept = self._deferrals.defer(self.deferral, 0, held.send, held.lose)
            if kept is False:
                self._overflowed()
                return
            held.is_deferred = kept is not None
        if context is not None:
            context.root.waiting.add(held)

    def _note_odd(self, trouble: str) -> None:
        self.throttle.log(
            "encode",
            logging.WARNING,
            "a value was replaced by a description of it: %s",
            trouble,
        )

    def _refuse_odd(self, trouble: str) -> None:
        raise InvalidEvent("event", f"holds what JSON can not: {trouble}")

    def _put(
        self,
        put: Callable[[bytes, Message], bool],
        body: bytes,
        message: Message,
        ticket: Ticket | None,
    ) -> bool:
        accepted = put(body, message)
        if accepted and ticket is not None:
            self.identified.note(ticket, message["messageId"])
        return accepted

    def _lost(self) -> None:
        self.drops.add("rolled_back", level=logging.DEBUG)

    def _overflowed(self) -> str | None:
        self.drops.add("queue_full", detail="too many wait for their transaction")
        return None

    def _process(self, body: bytes) -> Message | None:
        """
        Run the processors on the message as it would be sent, decoded anew.

        They get plain values of their own: nothing that they change is the caller's.
        One that raises drops the message, for it may be the one that removes secrets;
        so does a message that Segment would answer with a 200 and lose.
        """
        message: Message | None = msgspec.json.decode(body)
        reason = "processor_failed"
        with self.throttle.guard("processor"):
            for processor in self.settings.processors:
                message = processor(cast("Message", message))
                if message is None:
                    reason = "processor"
                    break
            else:
                if _is_whole(cast("Message", message)):
                    return message
        self.drops.add(
            reason,
            level=logging.DEBUG if reason == "processor" else logging.WARNING,
        )
        return None


def _is_whole(message: Message) -> bool:
    """Whether *message* still has its own id, and somebody whom it is about."""
    ids = (message.get("userId"), message.get("anonymousId"))
    return any(ids) and bool(message["messageId"])
