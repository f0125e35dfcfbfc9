"""Reads the fields of a typed event from a function's arguments and its result."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from segment_integrations.core.event import Declaration, Event
from segment_integrations.core.event_models import opened
from segment_integrations.core.extract import Extraction, Properties
from segment_integrations.core.plain import MISSING, plain
from segment_integrations.errors import ConfigurationError, InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.counters import Throttle

SUCCESS = "success"


class TypedExtraction(Extraction):
    """
    `Extraction` for a class of events: keys are the names of its fields.

    Args:
        kind: The class.
        properties: Fixed values, or a function that gives them or an instance.
        from_args: Paths into the arguments, or a path for each field.
        outcome: Fields that the call's end gives.

    Raises:
        ConfigurationError: The class lacks a field, or nothing gives a required one.
    """

    def __init__(
        self,
        kind: type[Event],
        properties: Properties | None,
        from_args: Sequence[str] | Mapping[str, str],
        *,
        outcome: Collection[str] = (),
    ) -> None:
        said = getattr(kind, "__segment__", None)
        if not isinstance(said, Declaration):
            raise ConfigurationError("tracks needs a subclass of Event, got Event")
        self._kind = kind
        self._fields = kind.__struct_fields__
        if outcome and SUCCESS not in self._fields:
            raise ConfigurationError(
                f'when="always" gives the field {SUCCESS!r}, which {kind.__name__} does'
                f" not have: add {SUCCESS}: bool to it"
            )
        super().__init__(said.name, properties, from_args, taken=outcome)
        given = {*self.fixed, *self.paths, *outcome}
        for key in (*self.fixed, *self.paths):
            if key not in self._fields:
                raise ConfigurationError(
                    f"{kind.__name__} has no field {key!r}; it has"
                    f" {', '.join(self._fields) or 'none'}"
                )
        self._required = required(kind)
        missing = [name for name in self._required if name not in given]
        if missing and self.function is None:
            raise ConfigurationError(
                f"nothing gives the field {missing[0]!r} of {kind.__name__}: name it in"
                " from_args or properties, or give it a default"
            )

    def message(
        self, found: dict[str, Any], outcome: Mapping[str, Any]
    ) -> tuple[str | Event, dict[str, Any] | None]:
        """The instance, without properties beside it; see `Extraction.message`."""
        ends = {key: outcome[key] for key in outcome if key in self._fields}
        values = {**found, **ends}
        name = self._kind.__name__
        for field in self._required:
            if field not in values:
                raise InvalidEvent(f"properties.{field}", f"is missing ({name})")
        if not values.keys() <= set(self._fields):
            raise InvalidEvent("properties", f"has a name that is no field of {name}")
        try:
            return self._kind(**values), None
        except Exception as error:  # noqa: BLE001 - of its own __post_init__
            raise InvalidEvent(
                "properties", f"make no {name}: {type(error).__name__}"
            ) from None

    def _read(self, answer: object) -> Mapping[str, Any]:
        if not isinstance(answer, self._kind):
            return super()._read(answer)
        return _Whole(
            (name, value)
            for name in self._fields
            if (value := getattr(answer, name, msgspec.UNSET)) is not msgspec.UNSET
        )

    def _keep_all(
        self, found: dict[str, Any], given: Mapping[str, Any], throttle: Throttle
    ) -> None:
        if isinstance(given, _Whole):
            found.update(given)
        else:
            super()._keep_all(found, given, throttle)

    def _keep(
        self,
        found: dict[str, Any],
        key: str,
        label: str,
        value: object,
        throttle: Throttle,
    ) -> None:
        if value is None and key in self._required:
            found[key] = None  # it may be null; a check of its type is for strict mode
        else:
            super()._keep(found, key, label, value, throttle)

    def _plain(self, value: object) -> Any:
        """*value*, which may be made of msgspec's objects, as plain values."""
        items = value if isinstance(value, list | tuple) else [value]
        if value is not MISSING and any(
            isinstance(one, msgspec.Struct) for one in items
        ):
            return msgspec.to_builtins(value, str_keys=True, enc_hook=opened)
        return plain(value)


class _Whole(dict[str, Any]):
    """The fields of an instance, which are what they should be."""


def required(kind: type[msgspec.Struct]) -> list[str]:
    """The fields of *kind* that have no default."""
    defaults = kind.__struct_defaults__
    first = len(kind.__struct_fields__) - len(defaults)
    return [
        name
        for place, name in enumerate(kind.__struct_fields__)
        if place < first or defaults[place - first] is msgspec.NODEFAULT
    ]
