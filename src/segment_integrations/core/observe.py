"""Turns a request whose response has started into its automatic page call, or none."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from segment_integrations.core import events, policy
from segment_integrations.core.identity import NONE_WAIT, UNSET
from segment_integrations.core.tracing import TRACE_API, current_trace
from segment_integrations.core.views import shown

if TYPE_CHECKING:
    from segment_integrations.core.counters import Throttle
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.pipeline import Pipeline
    from segment_integrations.core.request import RequestInfo, ResponseInfo
    from segment_integrations.core.settings import Settings


class PageCalls:
    """
    The page policy with what it can not see: consent, identity, sampling.

    Args:
        settings: The settings.
        throttle: The log.
        pipeline: Where page calls go.
    """

    def __init__(
        self,
        settings: Settings,
        throttle: Throttle,
        pipeline: Pipeline,
    ) -> None:
        self._settings = settings
        self._throttle = throttle
        self._pipeline = pipeline
        self.is_on = settings.enabled
        """False while calls do nothing."""
        self.counts: Counter[str] = Counter()
        # Most applications have none of these, which is seen once.
        self._is_short = not settings.exclude
        self._has_consent = settings.consent is not None
        self._heeds_gpc = settings.respect_gpc and settings.consent is None
        self._is_plain = (
            settings.consent is None and settings.group is None and settings.sample >= 1
        )

    def decide(
        self, context: RequestContext, response: ResponseInfo
    ) -> policy.PageDecision:
        """Whether the page call of *context* is sent, and why; changes nothing."""
        if not self.is_on:
            return policy.no("disabled")
        if context.is_page_sent:
            return policy.no("explicit_page")
        info = context.info
        if info is None:
            return policy.no("failed")
        try:
            decision = policy.decide(info, response, self._settings, context)
        except Exception as error:  # noqa: BLE001 - the `exclude` setting's
            self._throttle.failed("exclude", error)
            return policy.no("failed")
        return self._asked(context, info, response) if decision.sends else decision

    def _asked(
        self, context: RequestContext, info: RequestInfo, response: ResponseInfo
    ) -> policy.PageDecision:
        """What the visitor says of a page view that the facts make one."""
        if self._has_consent and context.consent() is False:
            return policy.no("consent")
        if self._heeds_gpc and (info.taken or info.take()).sec_gpc == "1":
            return policy.no("gpc")
        sample = self._settings.sample
        if sample < 1.0 and not context.is_sampled(sample):
            return policy.no("sampled_out")
        if (
            context.anonymous_id is None
            and context.user_id is None
            and not context.may_mint(response)
        ):
            return policy.no("no_identity")
        return policy.SENDS

    def observe(self, context: RequestContext, response: ResponseInfo) -> None:
        """Count the decision on *context*, and send its page call if it is a yes."""
        if self.see(context, response):
            self.send(context, response)

    def see(self, context: RequestContext, response: ResponseInfo) -> bool:
        """Count the decision on *context*; True where `send` is to be called."""
        # Each request comes by here: `try` costs nothing, a guard does.
        try:
            if context.waiting is not NONE_WAIT:
                context.release()
            context.is_answered = True
            info = context.info
            if (
                self._is_short
                and info is not None
                and self.is_on
                and not context.is_page_sent
            ):  # as `decide`, with a call less
                decision = policy.decide(info, response, self._settings, context)
                if decision.sends:
                    decision = self._asked(context, info, response)
            else:
                decision = self.decide(context, response)
            context.response = response
            self.counts[decision.reason] += 1
        except Exception as error:  # noqa: BLE001 - never the request's
            self._throttle.failed("page", error)
            return False
        return decision.sends

    def send(self, context: RequestContext, response: ResponseInfo) -> None:
        """Send the page call of *context*."""
        try:
            info = context.info
            if (
                info is None
                or not self._is_plain
                or context.parent is not None
                or context._traits is not None  # noqa: SLF001 - looked at, not asked
                or context._group_id is not UNSET  # noqa: SLF001 - the same
                or context.waiting is not NONE_WAIT
            ):
                self._emit(context, response)
                return
            user, anonymous = context.user_id, context.anonymous_id
            if user is None and anonymous is None:
                self._emit(context, response)
                return
            # Nearly all requests have nothing but an id: what `emit` does of them, in a
            # third of its steps.
            message: dict[str, Any] = {
                "type": "page",
                "messageId": events.new_message_id(),
                "timestamp": events.wire_time(context.started),
            }
            if user is not None:
                message["userId"] = user
            if anonymous is not None:
                message["anonymousId"] = anonymous
            name, properties = shown(context, info)
            properties["status"] = response.status
            context.is_page_sent = True
            message["properties"] = properties
            if name is not None:
                message["name"] = name
            pipeline = self._pipeline
            facts = {"library": pipeline.library, **context.shared()}
            if "page" not in facts:  # what a client sent could not be read
                facts["page"] = context.page()
            if TRACE_API in sys.modules and (trace := current_trace(self._throttle)):
                facts["trace"] = trace
            message["context"] = facts
            pipeline.hand_on("page", message, context, strict=False)
        except Exception as error:  # noqa: BLE001 - never the request's
            self._throttle.failed("page", error)

    def _emit(self, context: RequestContext, response: ResponseInfo) -> None:
        own = {
            "name": None,
            "category": None,
            "properties": {"status": response.status},
        }
        self._pipeline.emit(
            "page",
            own,
            {},
            context,
            strict=False,
            at=context.started,
            is_allowed=True,
        )
