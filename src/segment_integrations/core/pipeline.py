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
from segment_integrations.core.identity import in_sample
from segment_integrations.core.message import EVENT_MAX_BYTES, Call, Message
from segment_integrations.errors import EventTooLarge, InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.ports import Deferral
    from segment_integrations.core.settings import Settings

PAGE_FIELDS: Final = ("path", "referrer", "search", "title", "url")
"""Of a page call's properties, those that `context.page` repeats (segment-spec 2.6)."""


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
    ) -> None:
        self.settings = settings
        self.drops = drops
        self.throttle = throttle
        self.library = dict(library)
        self.put = put
        self.set_aside = set_aside
        self.deferral: Deferral | None = None

    def allows(self, context: RequestContext | None) -> bool:
        """False, and counted, where consent or sampling say no: cheap, asked first."""
        if context is None:
            return True
        if context.consent() is False:
            self.drops.add("consent", level=logging.DEBUG)
            return False
        if not context.is_sampled(self.settings.sample):
            self.drops.add("sampled_out", level=logging.DEBUG)
            return False
        return True

    def emit(
        self,
        call: Call,
        own: dict[str, Any],
        context_now: RequestContext | None,
        *,
        strict: bool,
        user_id: object = None,
        anonymous_id: object = None,
        context: Mapping[str, Any] | None = None,
        integrations: Mapping[str, Any] | None = None,
        timestamp: object = None,
        message_id: object = None,
    ) -> str | None:
        """
        Build the message of one call and hand it on.

        Args:
            call: Which call.
            own: The call's own fields, checked.
            context_now: The request or `bind` block that the call is made in.
            strict: Whether what breaks the spec is raised.
            user_id: As the caller gave it; see `Options` for it and the others.
            anonymous_id: The same.
            context: The same.
            integrations: The same.
            timestamp: The same.
            message_id: The same.

        Raises:
            InvalidEvent: In strict mode only.
        """
        if not self.allows(context_now):
            return None
        try:
            message: dict[str, Any] = {
                "type": call,
                "messageId": events.new_message_id()
                if message_id is None
                else events.message_id(message_id),
                "timestamp": self._time(timestamp, strict=strict),
            }
            given = events.mapping(context, "context")
            switches = events.mapping(integrations, "integrations")
            user = events.identifier(user_id, "user_id")
            anonymous = events.identifier(anonymous_id, "anonymous_id")
        except InvalidEvent as error:
            return self.refuse(error, strict=strict)
        # Where a visitor is known, `allows` has asked: all of its events or none.
        is_new = self.settings.sample < 1.0 and (
            context_now is None
            or (context_now.anonymous_id or context_now.user_id) is None
        )
        user, anonymous = _identity(call, context_now, user, anonymous)
        if user is None and anonymous is None:
            self.drops.add(
                "no_identity",
                detail="no user or anonymous id is known here: pass user_id=, or call"
                " inside a request or bind(user_id=...)",
            )
            return None
        if is_new and not in_sample(anonymous or user or "", self.settings.sample):
            self.drops.add("sampled_out", level=logging.DEBUG)
            return None
        if user is not None:
            message["userId"] = user
        if anonymous is not None:
            message["anonymousId"] = anonymous
        if call in {"page", "screen"}:
            own = _view_fields(call, own, context_now)
        message.update(own)
        message["context"] = self._context(call, own, context_now, given)
        if switches:
            message["integrations"] = switches
        return self._hand_on(call, message, strict=strict)

    def refuse(self, error: InvalidEvent, *, strict: bool) -> str | None:
        """Count a call that breaks the spec; raise it in strict mode."""
        self.drops.add(
            "too_large" if isinstance(error, EventTooLarge) else "invalid",
            detail=str(error),
        )
        if strict:
            raise error
        return None

    def _time(self, given: object, *, strict: bool) -> str:
        if given is None:
            return events.now()
        try:
            return events.timestamp(given, strict=strict)
        except InvalidEvent as error:
            if strict:
                raise
            # An event at the time of its call is worth more than none.
            self.throttle.log(
                "timestamp", logging.WARNING, "the call's own time is used: %s", error
            )
            return events.now()

    def _context(
        self,
        call: Call,
        own: dict[str, Any],
        context: RequestContext | None,
        given: dict[str, Any],
    ) -> dict[str, Any]:
        """The spec's `context`: the request's, then `bind`'s, then the call's own."""
        result: dict[str, Any] = {"library": self.library}
        if context is not None:
            result.update(context.shared())
            preferences = context.consent()
            if isinstance(preferences, dict):
                result["consent"] = {"categoryPreferences": preferences}
            if call != "group":
                group = context.group_id
                if group is not None:
                    result["groupId"] = group
            if call != "identify" and context.traits:
                result["traits"] = context.traits
            extra = context.extra()
            if extra:
                result = events.merged(result, extra)
        if call == "page":
            properties = own["properties"]
            facts = {
                name: properties[name] for name in PAGE_FIELDS if name in properties
            }
            if facts:
                result["page"] = {**result.get("page", {}), **facts}
        return events.merged(result, given) if given else result

    def _hand_on(
        self, call: Call, built: dict[str, Any], *, strict: bool
    ) -> str | None:
        message = cast("Message", built)
        body, trouble = encode.encode(built)
        if trouble is not None:
            error = InvalidEvent("event", f"holds what JSON can not: {trouble}")
            if strict:
                return self.refuse(error, strict=True)
            self.throttle.log(
                "encode",
                logging.WARNING,
                "a value was replaced by a description of it: %s",
                trouble,
            )
        if self.settings.processors:
            processed = self._process(body)
            if processed is None:
                return None
            message = processed
            body, _ = encode.encode(message)
        if len(body) > EVENT_MAX_BYTES:
            if not strict and self.set_aside(body):
                return None
            return self.refuse(EventTooLarge(len(body), EVENT_MAX_BYTES), strict=strict)
        message_id = message["messageId"]
        if (
            self.deferral is not None
            and self.settings.after_commit
            and call != "page"
            and self.deferral.defer(lambda: self._late(body, message), self._lost)
        ):
            return message_id
        return message_id if self.put(body, message) else None

    def _late(self, body: bytes, message: Message) -> None:
        self.put(body, message)

    def _lost(self) -> None:
        self.drops.add("rolled_back", level=logging.DEBUG)

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


def _identity(
    call: Call,
    context: RequestContext | None,
    user: str | None,
    anonymous: str | None,
) -> tuple[str | None, str | None]:
    """Who the message is about: the call's own ids, else the context's."""
    if context is None or call == "alias":
        return user, anonymous
    known = context.user_id
    if anonymous is None and (
        user is None or known is None or user == known or call == "identify"
    ):
        # An event about somebody else must not carry this visitor's history.
        anonymous = context.anonymous_id
    user = user or known
    if user is None and anonymous is None:
        anonymous = context.rotate_anonymous_id()
    return user, anonymous


def _view_fields(
    call: Call, own: dict[str, Any], context: RequestContext | None
) -> dict[str, Any]:
    """A page or screen call's fields, completed with what the request says."""
    properties = own["properties"]
    name = own["name"]
    if call == "page" and context is not None and context.root.info is not None:
        routing = context.routing
        facts: dict[str, Any] = {**context.page(), "method": context.root.info.method}
        if routing.template is not None:
            facts["route"] = routing.template
        if routing.view is not None:
            facts["view"] = routing.view
        properties = {**facts, **properties}
        name = name or page_name(routing.endpoint) or routing.template
        context.root.is_page_sent = True
    fields: dict[str, Any] = {"properties": properties}
    if name is not None:
        fields["name"] = name
    if own["category"] is not None:
        fields["category"] = own["category"]
        properties.setdefault("category", own["category"])
    return fields


def page_name(endpoint: object) -> str | None:
    """The name that `page_name` put on the view, if any."""
    marked = getattr(endpoint, "__segment_page_name__", None)
    return marked if isinstance(marked, str) else None
