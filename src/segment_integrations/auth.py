"""
Sign-up, sign-in and sign-out, for applications whose framework announces none.

Each is one line where the application does it. Django, allauth and flask-login are
listened to; where these are called as well, nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from segment_integrations.core import events, lifecycle
from segment_integrations.core.current import current
from segment_integrations.defaults import analytics_now
from segment_integrations.errors import InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.calls import Id

__all__ = ["signed_in", "signed_out", "signed_up"]


def signed_up(
    user_id: Id,
    traits: Mapping[str, Any] | None = None,
    properties: Mapping[str, Any] | None = None,
) -> None:
    """
    Say that the visitor has become the user *user_id*.

    Sends an identify, which joins the visitor's history to the user, and ``Signed Up``
    where the setting `auth_events` is on. The later events of this request are the
    user's, and a sign-in that follows in it sends no ``Signed In``.

    Args:
        user_id: The new user's database id.
        traits: Facts about the user, for the identify.
        properties: Facts about the event, ``{"type": "invited"}``.

    Raises:
        InvalidEvent: In strict mode, as from the calls.
    """
    _enter(lifecycle.SIGNED_UP, user_id, traits, properties)


def signed_in(
    user_id: Id,
    traits: Mapping[str, Any] | None = None,
    properties: Mapping[str, Any] | None = None,
) -> None:
    """
    Say that the user *user_id* has signed in.

    Sends an identify, unless this process has sent the same, and ``Signed In`` where
    the setting `auth_events` is on. The later events of this request are the user's.

    Args:
        user_id: The user's database id.
        traits: Facts about the user, for the identify.
        properties: Facts about the event, ``{"username": "ada"}``.

    Raises:
        InvalidEvent: In strict mode, as from the calls.
    """
    _enter(lifecycle.SIGNED_IN, user_id, traits, properties)


def signed_out(properties: Mapping[str, Any] | None = None) -> None:
    """
    Say that the user of this request signs out.

    Sends ``Signed Out`` with that user's id where the setting `auth_events` is on. The
    later events of this request have no user; where `anonymous_cookie` is on, a new
    visitor begins. Outside of a request, or with nobody signed in, nothing is sent.

    Args:
        properties: Facts about the event, ``{"username": "ada"}``.

    Raises:
        InvalidEvent: In strict mode, as from the calls.
    """
    analytics, context = analytics_now(), current()
    if context is None:
        return
    if analytics is not None:
        lifecycle.left(analytics, context, context.user_id, properties=properties)
    context.sign_out()


def _enter(
    event: str,
    user_id: Id,
    traits: Mapping[str, Any] | None,
    properties: Mapping[str, Any] | None,
) -> None:
    analytics, context = analytics_now(), current()
    if analytics is None:
        return
    try:
        user = events.identifier(user_id, "user_id")
        if user is None:
            raise InvalidEvent("user_id", "is missing")  # noqa: TRY301 - one way out
    except InvalidEvent as error:
        analytics.refuse(error)
        return
    lifecycle.turn_to(context, user)
    lifecycle.entered(
        analytics, context, event, user, traits=traits, properties=properties
    )
