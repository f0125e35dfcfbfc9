"""What a login and a logout mean for the events of their request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_logged_in, user_logged_out

from segment_integrations.client import Analytics
from segment_integrations.core.current import set_current
from segment_integrations.django.held import held_of
from segment_integrations.django.identity import id_of

if TYPE_CHECKING:
    from segment_integrations.django.held import Held


def connect() -> None:
    """Listen; once, however often it is called."""
    for signal, receiver in (
        (user_logged_in, on_login),
        (user_logged_out, on_logout),
    ):
        signal.connect(
            receiver,
            dispatch_uid=f"segment_integrations.{receiver.__name__}",
            weak=False,
        )


def on_login(*, request: object, user: object, **_: Any) -> None:
    """
    Let the request's later events be *user*'s, and join the visitor's history to them.

    Without our middleware around the request, as in ``client.force_login()``, nothing
    happens.
    """
    held = held_of(request)
    if held is None or not isinstance(held.context.analytics, Analytics):
        return
    analytics = held.context.analytics
    with analytics.throttle.guard("user_logged_in"):
        user_id = _user_id(held, analytics, user)
        if user_id is None:
            return
        context = held.context
        # First: the request's user is the new one by now, and so is what is detected.
        is_other = held.identity.replaces(user_id)
        if is_other or context.user_id not in {None, user_id}:
            # Another person on the same browser: its history is not theirs.
            context.reset()
        previous = set_current(context)
        try:
            analytics.identify(user_id)
        finally:
            set_current(previous)


def _user_id(held: Held, analytics: Analytics, user: object) -> str | None:
    """The new user's id, by the application's own callable where there is one."""
    if analytics.settings.user is None:
        return id_of(user)
    found = analytics.settings.user(held.request)
    return None if found is None else str(found)


def on_logout(*, request: object, **_: Any) -> None:
    """Let the request's later events carry no user."""
    held = held_of(request)
    if held is not None:
        held.context.sign_out()
