"""
Typed events: classes that say what a call carries, `Event`, `Traits` and `View`.

A class is checked where it is written. How an instance goes on the wire is in
`event_wire`; nothing here knows of a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    TypeGuard,
    dataclass_transform,
)

import msgspec

from segment_integrations.core.message import Call
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Declaration", "Event", "Traits", "Typed", "View", "is_typed"]

OLDEST: Final = 1
"""The version that a plan takes where a message names none, so it is not sent."""

_WORDS: Final = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+", re.ASCII
)
"""Where one word of a class's name ends and the next one begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """
    What a class of typed events says of itself beside its fields.

    Args:
        call: The call that takes it.
        name: The event's name, or the page's; "" for traits and for all pages.
        version: From 1; any other is sent along as ``context.protocols.event_version``.
        labels: The plan's labels, ``{"owner": "growth"}``.
        facts: JSON Schema keywords for the properties or traits as a whole.
        message: JSON Schema keywords for the whole message.
    """

    call: Call
    name: str
    version: int
    labels: Mapping[str, str]
    facts: Mapping[str, Any]
    message: Mapping[str, Any]


class _Hidden:
    """Stands for a value where it must not be shown."""

    def __repr__(self) -> str:
        return "…"


_HIDDEN: Final = _Hidden()


# On the metaclass, which each root names, so that a frozen class may have a root that
# is not (PEP 681); on the roots, as type checkers find msgspec's own there otherwise.
@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Declared(msgspec.StructMeta):
    """
    Makes the classes of typed events and checks what they say of themselves.

    Raises:
        ConfigurationError: A keyword is wrong; the text names the class.
    """

    def __new__(  # noqa: PYI034 - a metaclass has no Self
        mcls,
        class_name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        /,
        *,
        call: Call | None = None,
        name: str | None = None,
        version: int = OLDEST,
        labels: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
        message: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> Declared:
        config.setdefault("kw_only", True)
        if config.get("array_like"):
            raise _wrong(class_name, "array_like makes no mapping: leave it out")
        try:
            made = super().__new__(mcls, class_name, bases, namespace, **config)
        except (TypeError, ValueError) as error:
            raise _wrong(class_name, str(error)) from error
        calls = getattr(made, "__segment_calls__", ())
        if "__segment_calls__" in namespace or not calls:
            return made  # one of the roots, which declare nothing
        mixed = {getattr(base, "__segment_calls__", ()) for base in bases} - {()}
        if len(mixed) > 1:
            raise _wrong(class_name, "be one of Event, Traits and View, not two")
        inherited = getattr(made, "__segment__", None)
        chosen = _call(class_name, calls, call, inherited)
        if name is None:
            name = titled(class_name) if chosen == "track" else ""
        made.__segment__ = Declaration(  # type: ignore[attr-defined]
            call=chosen,
            name=_name(class_name, chosen, name),
            version=_version(class_name, version),
            labels=_labels(class_name, labels),
            facts=_mapping(class_name, "facts", facts),
            message=_mapping(class_name, "message", message),
        )
        return made


class Typed(msgspec.Struct, metaclass=Declared):
    """What `Event`, `Traits` and `View` share. A repr shows names, never a value."""

    __segment_calls__: ClassVar[tuple[Call, ...]] = ()
    __segment__: ClassVar[Declaration]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_HIDDEN}" for name, _ in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What Rich shows: as `repr`."""
        return [
            (name, _HIDDEN)
            for name in self.__struct_fields__
            if getattr(self, name, msgspec.UNSET) is not msgspec.UNSET
        ]


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Event(Typed, metaclass=Declared):
    """
    The base of typed track events; its fields are the properties.

    ::

        class CheckoutStarted(Event, name="Checkout Started"):
            cart_value: float
            item_count: int = 1


        track(CheckoutStarted(cart_value=10))

    Fields are given by keyword. The name on the wire is the field's, or what
    ``rename="camel"`` or ``msgspec.field(name=...)`` make of it. A property that may be
    left out is ``str | UnsetType = UNSET``, one that may be null ``str | None``. The
    other keywords of `msgspec.Struct` are taken too.

    Args of the class:
        name: The event's name. Default: the class's own, split into words.
        version: The version of the event in the plan, from 1. Any other than 1 is sent
            along as ``context.protocols.event_version``.
        labels: Labels for the plan.
        facts: JSON Schema keywords that the plan lays over the properties as a whole.
        message: The same for the whole message.

    Raises:
        ConfigurationError: Where the class is written, for a wrong keyword.
    """

    __segment_calls__: ClassVar[tuple[Call, ...]] = ("track",)


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Traits(Typed, metaclass=Declared):
    """
    The base of typed traits: ``class UserTraits(Traits, call="identify")``.

    Given as ``identify("user-1", UserTraits(...))`` or ``group("g-1", ...)``.

    Args of the class:
        call: ``"identify"`` or ``"group"``.
        version: As for `Event`; so are `labels`, `facts` and `message`.

    Raises:
        ConfigurationError: Where the class is written, for a wrong keyword.
    """

    __segment_calls__: ClassVar[tuple[Call, ...]] = ("identify", "group")


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class View(Typed, metaclass=Declared):
    """
    The base of the typed properties of page and screen calls.

    ``class ProductPage(View, call="page", name="Product")`` is sent by
    ``page("Product", ProductPage(...))``, or by ``page(properties=ProductPage(...))``.

    Args of the class:
        call: ``"page"`` or ``"screen"``.
        name: The page's name. Default: it is for all pages.
        version: As for `Event`; so are `labels`, `facts` and `message`.

    Raises:
        ConfigurationError: Where the class is written, for a wrong keyword.
    """

    __segment_calls__: ClassVar[tuple[Call, ...]] = ("page", "screen")


def is_typed(value: object) -> TypeGuard[Typed]:
    """True for an instance of a typed event; asks the type, as a value may be lazy."""
    return issubclass(type(value), Typed)


def titled(name: str) -> str:
    """``CheckoutStarted`` to ``Checkout Started``."""
    words = _WORDS.sub(" ", name).split()
    return " ".join(word[:1].upper() + word[1:] for word in words)


def _call(
    class_name: str, calls: tuple[Call, ...], given: object, inherited: object
) -> Call:
    if given is None and isinstance(inherited, Declaration):
        return inherited.call
    if given is None and len(calls) == 1:
        return calls[0]
    if given in calls:
        return given
    got = "none was given" if given is None else f"got {given!r}"
    raise _wrong(class_name, f"call must be {_listed(calls)}, {got}")


def _name(class_name: str, call: Call, given: object) -> str:
    if not isinstance(given, str):
        raise _wrong(class_name, f"name must be a text, got {type(given).__name__}")
    if given and call in {"identify", "group"}:
        raise _wrong(class_name, f"{call} calls have no name: leave it out")
    if not given.strip() and (given or call == "track"):
        raise _wrong(class_name, 'name is empty: give name="Noun Verbed"')
    return given


def _version(class_name: str, given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise _wrong(
            class_name, f"version must be a whole number, got {type(given).__name__}"
        )
    if given < OLDEST:
        raise _wrong(class_name, f"version must be {OLDEST} or more, got {given}")
    return given


def _labels(class_name: str, given: object) -> Mapping[str, str]:
    labels = _mapping(class_name, "labels", given)
    for value in labels.values():
        if not isinstance(value, str):
            raise _wrong(
                class_name,
                f"labels must be texts by name, got {type(value).__name__} for one",
            )
    return labels


def _mapping(class_name: str, keyword: str, given: object) -> Mapping[str, Any]:
    if given is None:
        return MappingProxyType({})
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise _wrong(
            class_name,
            f"{keyword} must be a mapping by text, got {type(given).__name__}",
        )
    return MappingProxyType(dict(given))


def _listed(words: Iterable[str]) -> str:
    return " or ".join(repr(word) for word in words)


def _wrong(class_name: str, text: str) -> ConfigurationError:
    return ConfigurationError(f"class {class_name}: {text}")
