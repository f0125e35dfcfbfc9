"""
From the fields of a call to an accepted message: identity, context, processors, bytes.

Runs on the caller's thread and does no I/O. Every way out but the last counts a drop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from segment_integrations.core import encode, events
from segment_integrations.core.deferring import Deferrals
from segment_integrations.core.held import Held
from segment_integrations.core.identified import Identified
from segment_integrations.core.identity import NONE_WAIT, in_sample
from segment_integrations.core.message import EVENT_MAX_BYTES, Call, Message
from segment_integrations.core.tracing import current_trace
from segment_integrations.core.views import PAGE_FIELDS, VIEWS, view_fields
from segment_integrations.errors import EventTooLarge, InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.calls import Options
    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.identified import Ticket
    from segment_integrations.core.ports import Deferral
    from segment_integrations.core.settings import Settings


NO_IDENTITY: Final = (
    "no user or anonymous id is known here: pass user_id=, or call inside a request or"
    " bind(user_id=...)"
)


class Pipeline:
    """
    Builds messages and hands them on.

    Args:
        settings: The settings.
        drops: Where what is not sent is counted.
        throttle: The log.
        library: The value of `context.library`.
        put: Takes an encoded message; False means refused (and counted there).
        set_aside: Takes one over Segment's limit; False means that it has no place.
        identified: The identify calls that stand; by default a memory of its own.
    """

    def __init__(
        self,
        settings: Settings,
        drops: Drops,
        throttle: Throttle,
        library: Mapping[str, str],
        put: Callable[[bytes, Message], bool],
        *,
        set_aside: Callable[[bytes], bool] = lambda _: False,
        identified: Identified | None = None,
    ) -> None:
        self.settings = settings
        self.drops = drops
        self.throttle = throttle
        self.library = dict(library)
        self._bare_context: dict[str, Any] = {"library": self.library}
        self._is_sampling = settings.sample < 1.0
        self.put = put
        self.set_aside = set_aside
        self.identified = Identified() if identified is None else identified
        self.deferral: Deferral | None = None
        self._deferrals = Deferrals(settings.queue_bytes)

    def allows(self, context: RequestContext | None) -> bool:
        """False, and counted, where consent or sampling say no: cheap, asked first."""
        if context is None:
            return True
        if context.consent() is False:
            self.drops.add("consent", level=logging.DEBUG)
            return False
        if self._is_sampling and not context.is_sampled(self.settings.sample):
            self.drops.add("sampled_out", level=logging.DEBUG)
            return False
        return True

    def emit(
        self,
        call: Call,
        own: dict[str, Any],
        options: Options,
        context_now: RequestContext | None,
        *,
        strict: bool,
    ) -> str | None:
        """
        Build the message of one call and hand it on.

        Args:
            call: Which call.
            own: The call's own fields, checked.
            options: What the caller gave besides, unchecked.
            context_now: The request or `bind` block that the call is made in.
            strict: Whether what breaks the spec is raised.

        Raises:
            InvalidEvent: In strict mode only.
        """
        if context_now is not None and not self.allows(context_now):
            return None
        return self.build(call, own, options, context_now, strict=strict)

    def build(
        self,
        call: Call,
        own: dict[str, Any],
        options: Options,
        context_now: RequestContext | None,
        *,
        strict: bool,
        at: float | None = None,
    ) -> str | None:
        """
        `emit` where consent and sampling have been asked.

        Args:
            call: As for `emit`, and so are the next four.
            own: The same.
            options: The same.
            context_now: The same.
            strict: The same.
            at: When it happened, in Unix seconds; by default now.

        Raises:
            InvalidEvent: In strict mode only.
        """
        message: dict[str, Any] = {"type": call}
        given = switches = user = anonymous = None
        if options:
            try:
                user, anonymous, given, switches = self._read(
                    options, message, strict=strict
                )
            except InvalidEvent as error:
                return self.refuse(error, strict=strict)
        is_plain = len(message) == 1 and not given and not switches
        message.setdefault("messageId", events.new_message_id())
        if "timestamp" not in message:
            message["timestamp"] = events.now() if at is None else events.wire_time(at)
        if not self._address(message, call, context_now, user, anonymous):
            return None
        if call in VIEWS:
            own = view_fields(call, own, context_now)
        message.update(own)
        if context_now is None and not given and call != "page":
            spec_context = self._bare_context
        else:
            spec_context = self._context(call, own, context_now, given)
        trace = current_trace(self.throttle)
        if trace is not None and "trace" not in spec_context:
            spec_context = {**spec_context, "trace": trace}
        message["context"] = spec_context
        if switches:
            message["integrations"] = switches
        return self._in_turn(
            call, message, own, context_now, is_plain=is_plain, strict=strict
        )

    def _in_turn(
        self,
        call: Call,
        message: dict[str, Any],
        own: dict[str, Any],
        context: RequestContext | None,
        *,
        is_plain: bool,
        strict: bool,
    ) -> str | None:
        """Hand *message* on behind those that wait in its request."""
        if call == "identify":
            return self._identify(
                message, own, context, is_plain=is_plain, strict=strict
            )
        if context is not None:
            root = context if context.parent is None else context.root
            waiting = root.waiting
            if waiting is not NONE_WAIT and waiting and not root.is_holding:
                waiting.release()
        return self._hand_on(call, message, context, strict=strict)

    def _identify(
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
            sent = self._hand_on("identify", message, context, ticket, strict=strict)
            return sent
        finally:
            for one in taken:
                if sent is None or one.call != "identify":
                    self._hold(context, one.again())

    def _address(
        self,
        message: dict[str, Any],
        call: Call,
        context: RequestContext | None,
        user: str | None,
        anonymous: str | None,
    ) -> bool:
        """Say whom *message* is about; False, and counted, where it is not sent."""
        # Where a visitor is known, `allows` has asked: all of its events or none.
        is_new = self._is_sampling and not _is_known(context)
        if context is not None:
            user, anonymous = _identity(call, context, user, anonymous)
        if user is not None:
            message["userId"] = user
        if anonymous is not None:
            message["anonymousId"] = anonymous
        elif user is None:
            self.drops.add("no_identity", detail=NO_IDENTITY)
            return False
        if is_new and not in_sample(anonymous or user or "", self.settings.sample):
            self.drops.add("sampled_out", level=logging.DEBUG)
            return False
        return True

    def _read(
        self, options: Options, message: dict[str, Any], *, strict: bool
    ) -> tuple[str | None, str | None, dict[str, Any] | None, dict[str, Any] | None]:
        """
        Check what the caller gave; id and time go into *message*.

        Returns:
            The user's id, the anonymous id, the context, the integrations.

        Raises:
            InvalidEvent: One of them is not what it should be.
        """
        user = anonymous = context = integrations = None
        for name, value in options.items():
            if name == "user_id":
                user = events.identifier(value, name)
            elif value is None:
                continue
            elif name == "anonymous_id":
                anonymous = events.identifier(value, name)
            elif name == "context":
                context = events.mapping(value, name)
            elif name == "integrations":
                integrations = events.mapping(value, name)
            elif name == "message_id":
                message["messageId"] = events.message_id(value)
            else:
                self._stamp(message, value, strict=strict)
        return user, anonymous, context, integrations

    def _stamp(self, message: dict[str, Any], given: object, *, strict: bool) -> None:
        try:
            message["timestamp"] = events.timestamp(given, strict=strict)
        except InvalidEvent as error:
            if strict:
                raise
            # An event at the time of its call is worth more than none.
            self.throttle.log(
                "timestamp", logging.WARNING, "the call's own time is used: %s", error
            )

    def refuse(self, error: InvalidEvent, *, strict: bool) -> str | None:
        """Count a call that breaks the spec; raise it in strict mode."""
        self.drops.add(
            "too_large" if isinstance(error, EventTooLarge) else "invalid",
            detail=str(error),
        )
        if strict:
            raise error
        return None

    def _context(
        self,
        call: Call,
        own: dict[str, Any],
        context: RequestContext | None,
        given: dict[str, Any] | None,
    ) -> dict[str, Any]:
        """The spec's `context`: the request's, then `bind`'s, then the call's own."""
        result: dict[str, Any] = {"library": self.library}
        if context is not None:
            result.update(context.shared())
            if self.settings.consent is not None and isinstance(
                preferences := context.consent(), dict
            ):
                result["consent"] = {"categoryPreferences": preferences}
            if call != "group":
                group = context.group_id
                if group is not None:
                    result["groupId"] = group
            if call != "identify" and (traits := context.traits):
                result["traits"] = traits
            extra = context.extra()
            if extra:
                result = events.merged(result, extra)
        if call == "page":
            properties = own["properties"]
            facts = dict(result.get("page", ()))
            for name in PAGE_FIELDS:
                if name in properties:
                    facts[name] = properties[name]
            if facts:
                result["page"] = facts
        return events.merged(result, given) if given else result

    def _hand_on(
        self,
        call: Call,
        built: dict[str, Any],
        context: RequestContext | None,
        ticket: Ticket | None = None,
        *,
        strict: bool,
    ) -> str | None:
        message = cast("Message", built)
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
        if len(body) > EVENT_MAX_BYTES:
            if not strict and self.set_aside(body):
                return None
            return self.refuse(EventTooLarge(len(body), EVENT_MAX_BYTES), strict=strict)
        message_id = message["messageId"]
        if (
            context is not None
            and (context if context.parent is None else context.root).is_holding
        ):
            send = lambda: self._put(body, message, ticket)  # noqa: E731 - as below
            traits = built.get("traits", {})
            self._hold(context, Held(call, message, traits, send, self._lost))
            return message_id
        if call != "page" and self.settings.after_commit:
            kept = self._deferrals.defer(
                self.deferral,
                len(body),
                lambda: self._put(body, message, ticket),
                self._lost,
            )
            if kept is not None:
                return message_id if kept else self._overflowed()
        if ticket is None:
            return message_id if self.put(body, message) else None
        return message_id if self._put(body, message, ticket) else None

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

    def _put(self, body: bytes, message: Message, ticket: Ticket | None) -> bool:
        accepted = self.put(body, message)
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


def _is_known(context: RequestContext | None) -> bool:
    return context is not None and bool(context.anonymous_id or context.user_id)


def _identity(
    call: Call,
    context: RequestContext,
    user: str | None,
    anonymous: str | None,
) -> tuple[str | None, str | None]:
    """Who the message is about: the call's own ids, else the context's."""
    if call == "alias":
        return user, anonymous
    known = context.user_id
    if anonymous is None and (user is None or known is None or user == known):
        # An event about somebody else must not carry this visitor's history.
        anonymous = context.anonymous_id
    user = user or known
    if user is None and anonymous is None:
        anonymous = context.rotate_anonymous_id()
    return user, anonymous
