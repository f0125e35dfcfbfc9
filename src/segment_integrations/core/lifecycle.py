"""
Sign-up, sign-in and sign-out: the identify, and the events of Segment's B2B spec.

Frameworks announce them by signals and applications by `segment_integrations.auth`;
whichever does, and if both do, each is sent once in a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from segment_integrations.core.plain import NotPlain, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segment_integrations.core.calls import Id
    from segment_integrations.core.counters import Throttle
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.settings import Settings

SIGNED_UP: Final = "Signed Up"
SIGNED_IN: Final = "Signed In"
SIGNED_OUT: Final = "Signed Out"

SPEC_PROPERTIES: Final = {
    SIGNED_UP: ("first_name", "last_name", "email", "phone", "username", "title"),
    SIGNED_IN: ("username",),
    SIGNED_OUT: ("username",),
}
"""Source: Segment spec, "B2B SaaS": what each event says of the user."""


class Caller(Protocol):
    """What is needed of an `Analytics`."""

    settings: Settings
    throttle: Throttle

    def identify(
        self, user_id: Id | None = None, traits: Mapping[str, Any] | None = None
    ) -> str | None:
        """As `Analytics.identify`."""
        ...

    def track(
        self,
        event: str,
        properties: Mapping[str, Any] | None = None,
        *,
        user_id: Id | None = None,
    ) -> str | None:
        """As `Analytics.track`."""
        ...


def entered(
    analytics: Caller,
    context: RequestContext | None,
    event: str,
    user_id: str,
    *,
    traits: Mapping[str, Any] | None = None,
    properties: Mapping[str, Any] | None = None,
) -> None:
    """
    Identify *user_id*, who has signed up or in, and send *event* under `auth_events`.

    Args:
        analytics: Where the calls go.
        context: The request; its later events are the user's.
        event: `SIGNED_UP` or `SIGNED_IN`.
        user_id: The user.
        traits: Facts about the user.
        properties: Facts about the event.
    """
    is_news = _is_news(analytics, context, event, user_id)
    if is_news and context is not None and event == SIGNED_UP:
        context.root.waiting.retract(SIGNED_IN, user_id)
    analytics.identify(user_id, traits)
    if is_news:
        analytics.track(event, properties, user_id=user_id)


def left(
    analytics: Caller,
    context: RequestContext | None,
    user_id: str | None,
    *,
    properties: Mapping[str, Any] | None = None,
) -> None:
    """
    Send ``Signed Out`` of *user_id* under `auth_events`; the caller forgets the user.

    Args:
        analytics: Where the call goes.
        context: The request.
        user_id: Who has signed out; None for nobody, of whom nothing is sent.
        properties: Facts about the event.
    """
    if user_id is not None and _is_news(analytics, context, SIGNED_OUT, user_id):
        analytics.track(SIGNED_OUT, properties, user_id=user_id)


def turn_to(context: RequestContext | None, user_id: str) -> None:
    """Forget another user of the same browser: the history is not *user_id*'s."""
    if context is not None and context.user_id not in {None, user_id}:
        context.reset()


def was_announced(context: RequestContext, user_id: str) -> bool:
    """True where *user_id* has signed up or in before, in this request."""
    announced = context.root.announced
    return announced is not None and announced.get(user_id, SIGNED_OUT) != SIGNED_OUT


def traits_of(user: object, analytics: Caller) -> dict[str, Any]:
    """The attributes of *user* that the setting `user_traits` names, where they are."""
    found: dict[str, Any] = {}
    for name in analytics.settings.user_traits:
        with analytics.throttle.guard("user_traits"):
            value = getattr(user, name, None)
            if value is not None and value != "":
                try:
                    found[name] = plain(value)
                except NotPlain as error:
                    raise TypeError(f"{name} is {error}") from None
    return found


def properties_of(event: str, traits: Mapping[str, Any]) -> dict[str, Any]:
    """Of *traits*, what the spec has as a property of *event*."""
    return {name: traits[name] for name in SPEC_PROPERTIES[event] if name in traits}


def _is_news(
    analytics: Caller, context: RequestContext | None, event: str, user: str
) -> bool:
    """Whether *event* is to be sent; notes it as the last one of *user*."""
    if context is None:
        return analytics.settings.auth_events
    root = context.root
    if root.announced is None:
        root.announced = {}
    last = root.announced.get(user)
    # Who signs up is let in by it: that is no sign-in of its own.
    if last == event or (last == SIGNED_UP and event == SIGNED_IN):
        return False
    root.announced[user] = event
    return analytics.settings.auth_events
