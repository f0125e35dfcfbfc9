"""What a sign-up, a login and a logout mean for the events of their request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.contrib.auth.signals import user_logged_in, user_logged_out

from segment_integrations.core import events, lifecycle
from segment_integrations.core.current import set_current
from segment_integrations.django.held import held_of
from segment_integrations.django.identity import id_of

if TYPE_CHECKING:
    from segment_integrations.client import Analytics
    from segment_integrations.django.held import Held

ALLAUTH: Final = "allauth.account"
"""The app of django-allauth that announces sign-ups."""


def connect() -> None:
    """Listen; once, however often it is called."""
    receivers: list[tuple[Any, Any]] = [
        (user_logged_in, on_login),
        (user_logged_out, on_logout),
    ]
    if apps.is_installed(ALLAUTH):
        from allauth.account.signals import user_signed_up

        receivers.append((user_signed_up, on_signup))
    for signal, receiver in receivers:
        signal.connect(
            receiver,
            dispatch_uid=f"segment_integrations.{receiver.__name__}",
            weak=False,
        )


def on_signup(*, request: object, user: object, **_: Any) -> None:
    """As `on_login`, for a user of allauth who was not there before."""
    _enter(request, user, lifecycle.SIGNED_UP)


def on_login(*, request: object, user: object, **_: Any) -> None:
    """
    Let the request's later events be *user*'s, and join the visitor's history to them.

    Without our middleware around the request, as in ``client.force_login()``, nothing
    happens.
    """
    _enter(request, user, lifecycle.SIGNED_IN)


def _enter(request: object, user: object, event: str) -> None:
    held = held_of(request)
    if held is None:
        return
    analytics = held.analytics
    with analytics.throttle.guard("user_logged_in"):
        user_id = _user_id(held, analytics, user)
        if user_id is None:
            return
        context = held.context
        _turn_to(held, user_id, event)
        traits = lifecycle.traits_of(user, analytics)
        previous = set_current(context)
        try:
            # The view may have traits to add to the identify.
            with context.holding():
                lifecycle.entered(
                    analytics,
                    context,
                    event,
                    user_id,
                    traits=traits,
                    properties=lifecycle.properties_of(event, traits),
                )
        finally:
            set_current(previous)


def _turn_to(held: Held, user_id: str, event: str) -> None:
    """Forget another person on the same browser: its history is not theirs."""
    context = held.context
    if lifecycle.was_announced(context, user_id):
        return
    # First: the request's user is the new one by now, and so is what is detected. A
    # sign-up comes before the login, so that nothing of the session has changed yet.
    is_other = event == lifecycle.SIGNED_IN and held.identity.replaces(user_id)
    if is_other or context.user_id not in {None, user_id}:
        context.reset()


def _user_id(held: Held, analytics: Analytics, user: object) -> str | None:
    """The new user's id, by the application's own callable where there is one."""
    if analytics.settings.user is None:
        return id_of(user)
    return events.identifier(analytics.settings.user(held.request), "user_id")


def on_logout(*, request: object, user: object = None, **_: Any) -> None:
    """Let the request's later events carry no user; ``Signed Out`` still does."""
    held = held_of(request)
    if held is None:
        return
    with held.analytics.throttle.guard("user_logged_out"):
        _announce_logout(held, held.analytics, user)
    held.context.sign_out()


def _announce_logout(held: Held, analytics: Analytics, user: object) -> None:
    # Django sends this before the session is emptied, and also for nobody.
    if not analytics.settings.auth_events or id_of(user) is None:
        return
    traits = lifecycle.traits_of(user, analytics)
    previous = set_current(held.context)
    try:
        lifecycle.left(
            analytics,
            held.context,
            _user_id(held, analytics, user),
            properties=lifecycle.properties_of(lifecycle.SIGNED_OUT, traits),
        )
    finally:
        set_current(previous)
