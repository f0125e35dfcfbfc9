"""The six calls of the spec: what each checks, and which fields it fills."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypedDict, TypeVar, Unpack
from uuid import UUID

from segment_integrations.core import events
from segment_integrations.core.current import current
from segment_integrations.core.event import Event, Typed, is_typed
from segment_integrations.core.event_models import Facts
from segment_integrations.core.event_wire import beside, named, unfolded
from segment_integrations.core.message import Call
from segment_integrations.errors import InvalidEvent

Id = str | int | UUID
"""What is taken for an id; a database's own id type goes by its text."""


class Options(TypedDict, total=False):
    """
    What every call takes beside its own fields; the request gives what is left out.

    Args:
        user_id: Whom the event is about.
        anonymous_id: The visitor's anonymous id.
        context: Laid over the spec's `context`.
        integrations: The spec's switch per destination, ``{"All": False}``.
        timestamp: When it happened: an aware datetime, an ISO 8601 text or Unix
            seconds. Default: now.
        message_id: Your own unique id, under 100 characters, for idempotency.
    """

    user_id: Id | None
    anonymous_id: Id | None
    context: Mapping[str, Any] | None
    integrations: Mapping[str, Any] | None
    timestamp: datetime | str | float | None
    message_id: str | None


OPTION_NAMES: Final = frozenset(Options.__annotations__)


class SubjectOptions(TypedDict, total=False):
    """`Options` for the calls that have a `user_id` of their own."""

    anonymous_id: Id | None
    context: Mapping[str, Any] | None
    integrations: Mapping[str, Any] | None
    timestamp: datetime | str | float | None
    message_id: str | None


F = TypeVar("F", bound=Callable[..., object])
Given = TypeVar("Given", bound=Mapping[str, object])


def spelled_out(options: type) -> Callable[[F], F]:
    """Let `help` and `inspect.signature` show the keywords of *options*."""
    extra = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=getattr(kind, "__forward_arg__", kind),
        )
        for name, kind in options.__annotations__.items()
    ]

    def show(call: F) -> F:
        signature = inspect.signature(call)
        *own, _ = signature.parameters.values()
        shown = signature.replace(parameters=[*own, *extra])
        call.__signature__ = shown  # type: ignore[attr-defined]
        return call

    return show


class Calls:
    """
    The calls. None of them blocks or raises, unless `strict` is set.

    Each returns the `messageId` when the message was accepted, None when it was not;
    what was not is counted in `stats()`, logged once a minute and told to `on_drop`.
    With `strict`, `InvalidEvent`, `EventTooLarge` and `PlanViolation` are raised.
    """

    @spelled_out(Options)
    def track(
        self,
        event: str | Event,
        properties: Facts | None = None,
        **options: Unpack[Options],
    ) -> str | None:
        """
        Record that something happened: ``track("Order Completed", {...})``.

        Args:
            event: A noun and a verb in the past tense, in title case; or an `Event`,
                which has its own properties.
            properties: Facts about the event; JSON values, and whatever has a text. An
                instance of a model will do: msgspec, pydantic, a dataclass or attrs.
            options: See `Options`.
        """
        try:
            if type(event) is not str and is_typed(event):
                if properties is not None:
                    raise beside(event)
                typed = event
                properties, options = self._unfolded(typed, "track", options)
                event = typed.__segment__.name
            own = {
                "event": events.name(event, "event"),
                "properties": events.mapping(properties, "properties"),
            }
        except InvalidEvent as error:
            return self.refuse(error)
        return self._emit("track", own, options)

    @spelled_out(SubjectOptions)
    def identify(
        self,
        user_id: Id | None = None,
        traits: Facts | None = None,
        **options: Unpack[SubjectOptions],
    ) -> str | None:
        """
        Say who the visitor is; the later events of this request carry it too.

        Args:
            user_id: The database id, never an email address. Default: the one that
                is already known.
            traits: Facts about the user, as `properties` of `track`; or `Traits`.
            options: See `Options`.
        """
        try:
            given = events.identifier(user_id, "user_id")
            if is_typed(traits):
                traits, options = self._unfolded(traits, "identify", options)
            own = {"traits": events.mapping(traits, "traits")}
            context = current()
            if context is not None and given is not None:
                context.set_user(given)
        except InvalidEvent as error:
            return self.refuse(error)
        return self._emit("identify", own, {**options, "user_id": given})

    @spelled_out(Options)
    def group(
        self,
        group_id: Id,
        traits: Facts | None = None,
        **options: Unpack[Options],
    ) -> str | None:
        """
        Say which account the user belongs to; later events carry `context.groupId`.

        Args:
            group_id: The account's database id.
            traits: Facts about the account, as `properties` of `track`; or `Traits`.
            options: See `Options`.
        """
        try:
            given = events.identifier(group_id, "group_id")
            if given is None:
                raise InvalidEvent("group_id", "is missing")  # noqa: TRY301 - one way out
            if is_typed(traits):
                traits, options = self._unfolded(traits, "group", options)
            own = {"groupId": given, "traits": events.mapping(traits, "traits")}
        except InvalidEvent as error:
            return self.refuse(error)
        context = current()
        if context is not None:
            context.set_group(given)
        return self._emit("group", own, options)

    @spelled_out(Options)
    def page(
        self,
        name: str | None = None,
        properties: Facts | None = None,
        *,
        category: str | None = None,
        **options: Unpack[Options],
    ) -> str | None:
        """
        Record a page view; inside a request it replaces the automatic one.

        Args:
            name: The page's name. Default inside a request: as the automatic call's.
            properties: Facts about the page, over what the request says; or a `View`,
                which may have the page's name.
            category: The page's category.
            options: See `Options`.
        """
        return self._view("page", name, properties, category, options)

    @spelled_out(Options)
    def screen(
        self,
        name: str | None = None,
        properties: Facts | None = None,
        *,
        category: str | None = None,
        **options: Unpack[Options],
    ) -> str | None:
        """
        Record a screen view of a mobile application.

        Args:
            name: The screen's name.
            properties: Facts about the screen; or a `View`.
            category: The screen's category.
            options: See `Options`.
        """
        return self._view("screen", name, properties, category, options)

    @spelled_out(SubjectOptions)
    def alias(
        self,
        user_id: Id,
        *,
        previous_id: Id | None = None,
        **options: Unpack[SubjectOptions],
    ) -> str | None:
        """
        Say that *previous_id* is now *user_id*; for destinations that need it.

        Args:
            user_id: The new id.
            previous_id: The old one. Default: the visitor's anonymous id.
            options: See `Options`.
        """
        try:
            new = events.identifier(user_id, "user_id")
            old = events.identifier(previous_id, "previous_id")
            context = current()
            if old is None and context is not None:
                old = context.anonymous_id
            if new is None:
                raise InvalidEvent("user_id", "is missing")  # noqa: TRY301 - one way out
            if old is None:
                raise InvalidEvent("previous_id", "is missing")  # noqa: TRY301 - same
        except InvalidEvent as error:
            return self.refuse(error)
        return self._emit("alias", {"previousId": old}, {**options, "user_id": new})

    def _view(
        self,
        call: Call,
        name: str | None,
        properties: Facts | None,
        category: str | None,
        options: Options,
    ) -> str | None:
        try:
            if is_typed(properties):
                name = named(properties, name)
                properties, options = self._unfolded(properties, call, options)
            own: dict[str, Any] = {
                "name": events.optional_name(name, "name"),
                "category": events.optional_name(category, "category"),
                "properties": events.mapping(properties, "properties"),
            }
        except InvalidEvent as error:
            return self.refuse(error)
        return self._emit(call, own, options)

    def _unfolded(
        self, typed: Typed, call: Call, options: Given
    ) -> tuple[dict[str, Any], Given]:
        return unfolded(typed, call, options, strict=self.is_strict)

    @property
    def is_strict(self) -> bool:
        """Whether what breaks the spec is raised."""
        raise NotImplementedError

    def _emit(self, call: Call, own: dict[str, Any], options: Options) -> str | None:
        raise NotImplementedError

    def refuse(self, error: InvalidEvent) -> str | None:
        """Count what breaks the spec; raise it in strict mode."""
        raise NotImplementedError
