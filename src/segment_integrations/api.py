"""The module-level calls: on the request's `Analytics`, else the default one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, cast

from segment_integrations.core.calls import Options, SubjectOptions, spelled_out
from segment_integrations.core.current import RequestContext, current, set_current
from segment_integrations.core.current import bind as core_bind
from segment_integrations.core.event import Event
from segment_integrations.core.event_models import Facts
from segment_integrations.core.steps import asteps, steps
from segment_integrations.defaults import analytics_now

if TYPE_CHECKING:
    from segment_integrations.core.calls import Id

P = ParamSpec("P")
R = TypeVar("R")


@spelled_out(Options)
def track(
    event: str | Event,
    properties: Facts | None = None,
    **options: Unpack[Options],
) -> str | None:
    """Record that something happened; see `Analytics.track`."""
    analytics = analytics_now()
    return None if analytics is None else analytics.track(event, properties, **options)


@spelled_out(SubjectOptions)
def identify(
    user_id: Id | None = None,
    traits: Facts | None = None,
    **options: Unpack[SubjectOptions],
) -> str | None:
    """Say who the visitor is; see `Analytics.identify`."""
    analytics = analytics_now()
    return None if analytics is None else analytics.identify(user_id, traits, **options)


@spelled_out(Options)
def group(
    group_id: Id,
    traits: Facts | None = None,
    **options: Unpack[Options],
) -> str | None:
    """Say which account the user belongs to; see `Analytics.group`."""
    analytics = analytics_now()
    return None if analytics is None else analytics.group(group_id, traits, **options)


@spelled_out(Options)
def page(
    name: str | None = None,
    properties: Facts | None = None,
    *,
    category: str | None = None,
    **options: Unpack[Options],
) -> str | None:
    """Record a page view; see `Analytics.page`."""
    analytics = analytics_now()
    if analytics is None:
        return None
    return analytics.page(name, properties, category=category, **options)


@spelled_out(Options)
def screen(
    name: str | None = None,
    properties: Facts | None = None,
    *,
    category: str | None = None,
    **options: Unpack[Options],
) -> str | None:
    """Record a screen view; see `Analytics.screen`."""
    analytics = analytics_now()
    if analytics is None:
        return None
    return analytics.screen(name, properties, category=category, **options)


@spelled_out(SubjectOptions)
def alias(
    user_id: Id,
    *,
    previous_id: Id | None = None,
    **options: Unpack[SubjectOptions],
) -> str | None:
    """Say that *previous_id* is now *user_id*; see `Analytics.alias`."""
    analytics = analytics_now()
    if analytics is None:
        return None
    return analytics.alias(user_id, previous_id=previous_id, **options)


def set_user(
    user_id: Id | None,
    *,
    anonymous_id: Id | None = None,
    group_id: Id | None = None,
    traits: Mapping[str, Any] | None = None,
) -> None:
    """
    Let the later events of this request be *user_id*'s; sends nothing.

    For authentication of your own, such as a JWT.

    Args:
        user_id: The database id; None for nobody.
        anonymous_id: Replaces the visitor's anonymous id.
        group_id: The account, as `context.groupId`.
        traits: Ride along as `context.traits`.
    """
    analytics = analytics_now()
    if analytics is not None:
        analytics.set_user(
            user_id, anonymous_id=anonymous_id, group_id=group_id, traits=traits
        )


def reset() -> None:
    """
    Forget user, group and traits of this request, as after a logout.

    The anonymous id is rotated where `anonymous_cookie` is on, else forgotten.
    """
    context = current()
    if context is not None:
        context.reset()


def bind(
    *,
    user_id: Id | None = None,
    anonymous_id: Id | None = None,
    group_id: Id | None = None,
    context: Mapping[str, Any] | None = None,
) -> AbstractContextManager[RequestContext]:
    """
    Let the calls inside the block be about this user; for jobs, commands and scripts.

    What is not given comes from the block or request around. The previous identity is
    back afterwards, after an exception too.

    Args:
        user_id: A text, a whole number or a UUID.
        anonymous_id: The same.
        group_id: The account, as `context.groupId`.
        context: Laid over the spec's `context` of each event inside.

    Raises:
        InvalidEvent: In strict mode, for what is no id. Otherwise that is counted, and
            the block is about nobody.
    """
    identity: dict[str, Any] = {
        "user_id": user_id,
        "anonymous_id": anonymous_id,
        "group_id": group_id,
        "context": context,
    }
    analytics = analytics_now()
    if analytics is None:
        return core_bind(**identity)
    return core_bind(refuse=analytics.refuse, **identity)


def flush(timeout: float = 5.0) -> bool:
    """Wait until what was sent is delivered; see `Analytics.flush`."""
    analytics = analytics_now()
    return True if analytics is None else analytics.flush(timeout)


def propagate(function: Callable[P, R]) -> Callable[P, R]:
    """
    Carry this request's identity into a thread: ``submit(propagate(work), order)``.

    Takes plain, async, generator and async generator functions; the context is bound
    only while their own code runs.
    """
    context = current()
    wrapper: Any
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
            return asteps(context, function(*args, **kwargs))

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
            return steps(context, function(*args, **kwargs))

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
            previous = set_current(context)
            try:
                return await function(*args, **kwargs)
            finally:
                set_current(previous)

    else:

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
            previous = set_current(context)
            try:
                return function(*args, **kwargs)
            finally:
                set_current(previous)

    return cast("Callable[P, R]", wrapper)
