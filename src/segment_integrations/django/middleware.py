"""The middleware: binds the request's context, looks at the response, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import apps

from segment_integrations.core import cookie
from segment_integrations.core.current import VARIABLE
from segment_integrations.core.identity import NONE_WAIT
from segment_integrations.django import config, serving, streaming, transactions
from segment_integrations.django.held import ATTRIBUTE, Answer, Held, held_of
from segment_integrations.django.identity import sends_session
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

__all__ = ["SegmentMiddleware"]

APP = "segment_integrations.django"

_VIEWS_MAX: Final = 1_024
"""Source: ours; far more than a site has views."""


class SegmentMiddleware:
    """
    Goes directly after `AuthenticationMiddleware`; sync or async, as its neighbours.

    Raises:
        ConfigurationError: A setting is wrong, or the app is not installed.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        config.at_start()
        if not apps.is_installed(APP):
            raise ConfigurationError(
                f'SegmentMiddleware needs "{APP}" in INSTALLED_APPS',
                setting="INSTALLED_APPS",
            )
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
        else:
            # Under ASGI a hook of this kind would cost a thread hop per request.
            self.process_view = self._before_view
        self._views: dict[int, tuple[object, bool]] = {}

    def __call__(
        self, request: HttpRequest
    ) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serve one request."""
        attributes = request.__dict__
        if ATTRIBUTE in attributes:
            response: HttpResponseBase = self.get_response(request)
            return response
        analytics = config.analytics()
        if serving.Forked.is_new:
            with analytics.throttle.guard("signals"):
                serving.look_again()
        attributes[ATTRIBUTE] = held = Held(request, analytics)
        if self.is_async:
            return self._async(held)
        # Each request comes by here and below: `try` costs nothing, a guard does, and
        # so does `set_current`, of which this is the content.
        settings = analytics.settings
        previous = VARIABLE.get()
        VARIABLE.set(held.context)
        try:
            if settings.identity == "eager" and settings.enabled:
                try:
                    held.identity.prepare()
                except Exception as error:  # noqa: BLE001 - never the request's
                    analytics.throttle.failed("identity", error)
            response = self.get_response(request)
            self._finish(held, response)
            return response
        finally:
            VARIABLE.set(previous)
            if held.context.waiting is not NONE_WAIT:
                _release(held)

    async def _async(self, held: Held) -> HttpResponseBase:
        analytics = held.analytics
        settings = analytics.settings
        previous = VARIABLE.get()
        VARIABLE.set(held.context)
        try:
            if settings.enabled:
                try:
                    if settings.identity == "eager" or sends_session(held.request):
                        await held.identity.aprepare()
                except Exception as error:  # noqa: BLE001 - never the request's
                    analytics.throttle.failed("identity", error)
            response: HttpResponseBase = await self.get_response(held.request)
            self._finish(held, response)
            return response
        finally:
            VARIABLE.set(previous)
            if held.context.waiting is not NONE_WAIT:
                _release(held)

    def _before_view(
        self,
        request: HttpRequest,
        view: Callable[..., Any],
        _args: object,
        _kwargs: object,
    ) -> None:
        """Read for an async view what it could not read without blocking its loop."""
        known = self._views.get(id(view))
        if known is None:
            if len(self._views) >= _VIEWS_MAX:
                self._views.clear()
            # The view is kept, so that no other can have its id.
            known = self._views[id(view)] = (view, iscoroutinefunction(view))
        if known[1]:
            held = held_of(request)
            if held is not None and held.analytics.is_on:
                with held.analytics.throttle.guard("identity"):
                    held.identity.detect()

    def _finish(self, held: Held, response: HttpResponseBase) -> None:
        analytics = held.analytics
        context = held.context
        try:
            if transactions.InTests.seen:
                transactions.settle()
            settings = analytics.settings
            facts = Answer(response, held)
            if settings.anonymous_cookie and cookie.NAME not in response.cookies:
                header = context.cookie_header(facts)
                if header is not None:
                    response.cookies.load(header)
            pages = analytics.page_calls
            if context.response is None and pages.see(context, facts):
                pages.send(context, facts)
            if settings.stream_context and response.streaming:
                streaming.carry(context, response)
        except Exception as error:  # noqa: BLE001 - never the request's
            analytics.throttle.failed("response", error)


def _release(held: Held) -> None:
    """Send what still waits: a request may end without a response."""
    with held.analytics.throttle.guard("end of the request"):
        held.context.release()
