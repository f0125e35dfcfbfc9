"""The middleware: binds the request's context, looks at the response, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import apps

from segment_integrations.client import Analytics
from segment_integrations.core import cookie
from segment_integrations.core.current import set_current
from segment_integrations.django import config, serving, streaming, transactions
from segment_integrations.django.held import ATTRIBUTE, Held
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

__all__ = ["SegmentMiddleware"]

APP = "segment_integrations.django"


class SegmentMiddleware:
    """
    Goes directly after `AuthenticationMiddleware`; sync or async, as its neighbours.

    Raises:
        ConfigurationError: A setting is wrong, or the app is not installed.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        config.resolve()
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

    def __call__(
        self, request: HttpRequest
    ) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serve one request."""
        if hasattr(request, ATTRIBUTE):
            response: HttpResponseBase = self.get_response(request)
            return response
        analytics = config.analytics()
        if serving.Forked.is_new:
            with analytics.throttle.guard("signals"):
                serving.look_again()
        held = Held(request, analytics)
        setattr(request, ATTRIBUTE, held)
        return self._async(held) if self.is_async else self._sync(held)

    def _sync(self, held: Held) -> HttpResponseBase:
        analytics = _analytics_of(held)
        previous = set_current(held.context)
        try:
            if analytics.is_on:
                with analytics.throttle.guard("identity"):
                    held.identity.prepare()
            response: HttpResponseBase = self.get_response(held.request)
            self._finish(held, response)
            return response
        finally:
            set_current(previous)
            _release(held, analytics)

    async def _async(self, held: Held) -> HttpResponseBase:
        analytics = _analytics_of(held)
        previous = set_current(held.context)
        try:
            if analytics.is_on:
                with analytics.throttle.guard("identity"):
                    await held.identity.aprepare()
            response: HttpResponseBase = await self.get_response(held.request)
            self._finish(held, response)
            return response
        finally:
            set_current(previous)
            _release(held, analytics)

    def _before_view(
        self,
        request: HttpRequest,
        view: Callable[..., Any],
        _args: object,
        _kwargs: object,
    ) -> None:
        """Read for an async view what it could not read without blocking its loop."""
        held = getattr(request, ATTRIBUTE, None)
        if isinstance(held, Held) and iscoroutinefunction(view):
            analytics = _analytics_of(held)
            if analytics.is_on:
                with analytics.throttle.guard("identity"):
                    held.identity.detect()

    def _finish(self, held: Held, response: HttpResponseBase) -> None:
        analytics = _analytics_of(held)
        with analytics.throttle.guard("response"):
            transactions.settle_in_tests()
            facts = held.response(response)
            settings = analytics.settings
            if settings.anonymous_cookie and cookie.NAME not in response.cookies:
                header = held.context.cookie_header(facts)
                if header is not None:
                    response.cookies.load(header)
            held.context.observe(facts)
            if settings.stream_context and response.streaming:
                streaming.carry(held.context, response)


def _release(held: Held, analytics: Analytics) -> None:
    """Send what still waits: a request may end without a response."""
    if held.context.waiting:
        with analytics.throttle.guard("end of the request"):
            held.context.release()


def _analytics_of(held: Held) -> Analytics:
    analytics = held.context.analytics
    assert isinstance(analytics, Analytics)  # noqa: S101 - `Held` was made with it
    return analytics
