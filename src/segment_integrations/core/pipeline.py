"""
From the fields of a call to a message: who, when, in which context.

Runs on the caller's thread and does no I/O. Every way out but the last counts a drop.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.core import events
from segment_integrations.core.identity import NONE_WAIT, in_sample
from segment_integrations.core.message import Call, Message
from segment_integrations.core.outlet import Outlet
from segment_integrations.core.tracing import TRACE_API, current_trace
from segment_integrations.core.views import VIEWS, page_fields, view_fields
from segment_integrations.errors import InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.calls import Options
    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.identified import Identified
    from segment_integrations.core.inspecting import Inspect
    from segment_integrations.core.settings import Settings


NO_IDENTITY: Final = (
    "no user or anonymous id is known here: pass user_id=, or call inside a request or"
    " bind(user_id=...)"
)


class Pipeline(Outlet):
    """
    Builds messages and hands them on, as `Outlet` does.

    Args:
        settings: The settings.
        drops: Where what is not sent is counted.
        throttle: The log.
        library: The value of `context.library`.
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
        library: Mapping[str, str],
        put: Callable[[bytes, Message], bool],
        *,
        set_aside: Callable[[bytes], bool] = lambda _: False,
        identified: Identified | None = None,
        inspect: Inspect | None = None,
    ) -> None:
        super().__init__(
            settings,
            drops,
            throttle,
            put,
            set_aside=set_aside,
            identified=identified,
            inspect=inspect,
        )
        self.library = dict(library)
        self._bare_context: dict[str, Any] = {"library": self.library}
        self._is_sampling = settings.sample < 1.0

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

    def emit(  # noqa: C901, PLR0912 - on the path of each event a call costs more
        self,
        call: Call,
        own: dict[str, Any],
        options: Options,
        context_now: RequestContext | None,
        *,
        strict: bool,
        at: float | None = None,
        is_allowed: bool = False,
    ) -> str | None:
        """
        Build the message of one call and hand it on.

        Args:
            call: Which call.
            own: The call's own fields, checked.
            options: What the caller gave besides, unchecked.
            context_now: The request or `bind` block that the call is made in.
            strict: Whether what breaks the spec is raised.
            at: When it happened, in Unix seconds; by default now.
            is_allowed: Whether consent and sampling have been asked.

        Raises:
            InvalidEvent: In strict mode only.
            PlanViolation: The same.
        """
        if context_now is not None and not is_allowed and not self.allows(context_now):
            return None
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
        if TRACE_API in sys.modules and "trace" not in spec_context:
            trace = current_trace(self.throttle)
            if trace is not None:
                spec_context = {**spec_context, "trace": trace}
        message["context"] = spec_context
        if switches:
            message["integrations"] = switches
        if call == "identify":
            return self.identify(
                message, own, context_now, is_plain=is_plain, strict=strict
            )
        if context_now is not None and (
            context_now.waiting is not NONE_WAIT or context_now.parent is not None
        ):
            self.let_go(context_now)
        return self.hand_on(call, message, context_now, strict=strict)

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
            # Looked at, not asked: each event comes by.
            is_root = context.parent is None
            traits = context._traits if is_root else context.traits  # noqa: SLF001
            if traits and call != "identify":
                result["traits"] = traits
            extra = context._extra if is_root else context.extra()  # noqa: SLF001
            if extra:
                result = events.merged(result, extra)
        if call == "page" and (
            facts := page_fields(result.get("page", ()), own["properties"])
        ):
            result["page"] = facts
        return events.merged(result, given) if given else result


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
        anonymous = context.mint_anonymous_id()
    return user, anonymous
