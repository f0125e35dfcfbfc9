"""Marks on views: `page_name`, `no_page`, and the `@tracks` decorator."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, get_args

from segment_integrations.core import events
from segment_integrations.core.counters import Throttle
from segment_integrations.core.current import current, set_current
from segment_integrations.core.event import Event
from segment_integrations.core.event_extract import TypedExtraction
from segment_integrations.core.extract import (
    Extraction,
    Properties,
    arguments_of,
    signature_of,
)
from segment_integrations.core.placement import registered_with
from segment_integrations.core.plain import MISSING
from segment_integrations.core.wrapping import wrap
from segment_integrations.defaults import analytics_now
from segment_integrations.errors import (
    ConfigurationError,
    InvalidEvent,
    PlanViolation,
)

if TYPE_CHECKING:
    from segment_integrations.core.current import RequestContext

F = TypeVar("F")
C = TypeVar(
    "C",
    bound="Callable[..., Any] | staticmethod[..., Any] | classmethod[Any, ..., Any]",
)

When = Literal["success", "start", "always"]
"""When `tracks` emits: after a normal return, before the body, or after any end."""

FAILURE_STATUS: Final = 400
"""Source: RFC 9110, section 15: 4xx and 5xx are the classes of errors."""

_STATUS_MAX: Final = 599
_FAILURE_TEXT: Final = re.compile(r"[45]\d\d(?: |$)")
_BODIES: Final = (str, bytes, dict, list)
"""What Flask and Quart make a response of, beside a status."""

OUTCOME: Final = ("success", "error_type", "completed")
"""The keys that ``when="always"`` adds."""

_throttle: Final = Throttle()


def page_name(name: str) -> Callable[[F], F]:
    """
    Name the automatic page call of the view: ``@page_name("Product")``.

    Args:
        name: The page's name, instead of the route template.
    """

    def mark(view: F) -> F:
        view.__segment_page_name__ = name  # type: ignore[attr-defined]
        return view

    return mark


def no_page(view: F) -> F:
    """Send no automatic page call for this view."""
    view.__segment_no_page__ = True  # type: ignore[attr-defined]
    return view


def tracks(
    event: str | type[Event],
    *,
    properties: Properties | None = None,
    from_args: Sequence[str] | Mapping[str, str] = (),
    when: When = "success",
) -> Callable[[C], C]:
    """
    Track *event* each time the function is called.

    Works on functions of all kinds and on methods, below the route decorator::

        @app.post("/checkout")
        @tracks("Checkout Started", from_args=["cart.currency"])
        async def checkout(cart: Cart): ...

    The arguments are those of the call, but they are read when the event is sent: an
    order that got its id in the body has it. Values that are None or not there are
    left out, as are those that JSON has no form for (with a warning). Nothing is read
    when the event would not be sent anyway, and no error in reading reaches the caller.

    Args:
        event: The event's name, or a class of typed events. Then the keys are the
            names of its fields, and a field that gets no value has its default.
        properties: Fixed properties, or a function that returns them, or an instance
            of the class. It is called with what it has parameters for: ``result`` and
            the function's own parameters, by name. One that needs ``result`` is not
            called for a call that raised.
        from_args: Paths into the arguments, by attribute or key. The last segment is
            the property's key; a mapping has other keys: ``{"order_id": "order.id"}``.
        when: ``"success"`` after a normal return, a generator's last item included; an
            exception, or a returned response with a status of 400 or more, sends
            nothing. In a HEAD request, which the handler of GET answers, nothing is
            sent unless the setting `methods` has it. ``"start"`` before the body.
            ``"always"`` after either end, with the properties ``success`` and, after
            an exception, ``error_type`` (the class, never the text); for a generator
            that was closed before its end, ``completed`` is False.

    Raises:
        ConfigurationError: At the decoration: the event has no name, `when` is unknown,
            two properties have the same key, a parameter does not exist, the class has
            no such field or a required one that nothing gives, or this stands above a
            route decorator, where no request would reach it.
    """
    if when not in get_args(When):
        raise ConfigurationError(
            f"when must be 'success', 'start' or 'always', got {when!r}"
        )
    extraction = _extraction(
        event, properties, from_args, outcome=OUTCOME if when == "always" else ()
    )

    def watcher(function: Callable[..., Any], is_temporary: bool) -> _Tracking:  # noqa: FBT001
        return _Tracking(function, extraction, when, is_strict=not is_temporary)

    def decorate(function: C) -> C:
        if isinstance(function, type):
            raise ConfigurationError(
                "tracks decorates functions and methods, not a class: decorate the"
                " method, or use Django's method_decorator with a name"
            )
        if not callable(function) and not isinstance(
            function, staticmethod | classmethod
        ):
            raise ConfigurationError(
                f"tracks decorates functions and methods, not {type(function).__name__}"
            )
        framework = registered_with(function, sys._getframe(1))  # noqa: SLF001
        if framework is not None:
            raise ConfigurationError(
                f"@tracks({extraction.event!r}) stands above a route decorator of"
                f" {framework}, which has already taken the function without it: move"
                " @tracks below"
            )
        tracked: C = wrap(function, watcher)
        return tracked

    return decorate


def _extraction(
    event: str | type[Event],
    properties: Properties | None,
    from_args: Sequence[str] | Mapping[str, str],
    *,
    outcome: tuple[str, ...],
) -> Extraction:
    if isinstance(event, type) and issubclass(event, Event):
        return TypedExtraction(event, properties, from_args, outcome=outcome)
    try:
        name = events.name(event, "event")
    except InvalidEvent as error:
        raise ConfigurationError(str(error)) from None
    return Extraction(name, properties, from_args, taken=outcome)


class _Tracking:
    """Emits the event of one decorated function; the watcher of `wrap`."""

    def __init__(
        self,
        function: Callable[..., Any],
        extraction: Extraction,
        when: When,
        *,
        is_strict: bool,
    ) -> None:
        self._extraction = extraction
        self._when = when
        self._signature = signature_of(function) if extraction.reads else None
        if extraction.reads and is_strict:
            extraction.check(self._signature, has_result=when != "start")

    def start(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> RequestContext | None:
        context = None
        with _throttle.guard("tracks"):
            context = current()
        if self._when == "start":
            self._emit(context, args, kwargs, {})
        return context

    def returned(
        self,
        note: RequestContext | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: object,
    ) -> None:
        if self._when == "start":
            return
        failed = _is_failure(result, note)
        if self._when == "always":
            self._emit(note, args, kwargs, {"success": not failed}, result)
        elif not failed:
            self._emit(note, args, kwargs, {}, result)

    def raised(
        self,
        note: RequestContext | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        error: BaseException,
    ) -> None:
        if self._when != "always":
            return
        outcome: dict[str, Any] = {"success": False}
        is_abandoned = isinstance(error, GeneratorExit)
        if is_abandoned:
            outcome["completed"] = False
        else:
            outcome["error_type"] = type(error).__name__
        with _throttle.guard(
            "tracks"
        ):  # in strict mode too: the caller's error goes on
            # An abandoned generator may be collected as garbage, in the middle of
            # somebody else's request: then only its own context will do.
            self._emit(note, args, kwargs, outcome, is_elsewhere=is_abandoned)

    def _emit(
        self,
        context: RequestContext | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outcome: dict[str, Any],
        result: object = MISSING,
        *,
        is_elsewhere: bool = False,
    ) -> None:
        """Send the event, in the running context or, if there is none, in *context*."""
        throttle = _throttle
        binds = is_elsewhere
        previous = None
        try:
            binds = binds or (context is not None and current() is None)
            if binds:
                previous = set_current(context)
            analytics = analytics_now()
            if analytics is None:
                return
            throttle = analytics.throttle
            if _is_mere_head(analytics.settings.methods):
                return
            extraction = self._extraction
            if extraction.reads and not analytics.wants_event():
                return
            found = extraction.extract(
                lambda: arguments_of(self._signature, args, kwargs), result, throttle
            )
            try:
                event, properties = extraction.message(found, outcome)
            except InvalidEvent as error:
                analytics.refuse(error)
                return
            analytics.track(event, properties)
        except (InvalidEvent, PlanViolation):
            raise  # strict mode; nothing else raises them
        except Exception:  # no error of ours reaches the application
            with throttle.guard("tracks"):
                raise
        finally:
            if binds:
                set_current(previous)


def _is_mere_head(methods: frozenset[str]) -> bool:
    """
    True in a HEAD request, unless *methods* says that such a one counts.

    Frameworks let the handler of GET answer it, and what asks so is a program: a link
    checker, a load balancer.
    """
    context = current()
    info = None if context is None else context.info
    return info is not None and info.method == "HEAD" and "HEAD" not in methods


def _is_failure(result: object, context: RequestContext | None) -> bool:
    """True for a response that reports an error; looks, but calls no lazy object."""
    if type(result) is tuple:
        # A body and its status, perhaps headers, as Flask and Quart take it; elsewhere
        # two values may be anything.
        if context is None or context.info is None or len(result) not in {2, 3}:
            return False
        body, status = result[:2]
        if isinstance(status, int | str):
            return isinstance(body, _BODIES) and _fails(status)
        return _is_failure(body, None)
    kind, own = type(result), getattr(result, "__dict__", ())
    name = "status_code"
    if not hasattr(kind, name) and name not in own:
        name = "status"  # aiohttp's
        if not hasattr(kind, name) or not hasattr(kind, "headers"):
            return False
    status = None
    with _throttle.guard(f"reading {name}"):
        status = getattr(result, name)
    return isinstance(status, int) and status >= FAILURE_STATUS


def _fails(status: int | str) -> bool:
    """True for a status of an error, as a number or as ``402 PAYMENT REQUIRED``."""
    if isinstance(status, int):
        return FAILURE_STATUS <= status <= _STATUS_MAX
    return _FAILURE_TEXT.match(status) is not None
