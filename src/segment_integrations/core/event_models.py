"""
Reads the fields of models: msgspec, pydantic, dataclasses and attrs.

None of these libraries but msgspec is imported: a model is known by what its class has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import msgspec

from segment_integrations.core.encode import describe

__all__ = ["Facts", "fields_of", "opened"]


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


class _Attrs(Protocol):
    __attrs_attrs__: ClassVar[Any]


class _Pydantic(Protocol):
    def model_dump(self) -> dict[str, Any]: ...


class _PydanticV1(Protocol):
    __fields__: ClassVar[Any]

    def json(self) -> str: ...


Facts = (
    Mapping[str, Any] | msgspec.Struct | _Dataclass | _Attrs | _Pydantic | _PydanticV1
)
"""What is taken for properties and traits: a mapping, or an instance of a model."""


def fields_of(value: object) -> dict[str, Any] | None:
    """
    The fields of a model's instance by their names on the wire; None for what is none.

    Names and values are those of the model's own serialiser. For pydantic that is
    ``model_dump(mode="json")``: aliases where the model's configuration says
    ``serialize_by_alias``, as they are in its JSON elsewhere.

    Raises:
        Exception: Whatever the model's own code raises.
    """
    kind = type(value)
    built: object = None
    if callable(getattr(kind, "model_dump", None)):
        built = _dumped(value)
    elif (
        isinstance(value, msgspec.Struct)
        or hasattr(kind, "__dataclass_fields__")
        or hasattr(kind, "__attrs_attrs__")
    ):
        built = msgspec.to_builtins(value, str_keys=True, enc_hook=opened)
    elif hasattr(kind, "__fields__") and callable(getattr(kind, "dict", None)):
        built = value.dict()  # type: ignore[attr-defined] # pydantic's version 1
    return built if isinstance(built, dict) else None


def opened(value: object) -> object:
    """What stands for *value*, which JSON does not know: its fields, else its text."""
    try:
        fields = fields_of(value)
    except Exception:  # noqa: BLE001 - a model's own code costs only its value
        fields = None
    return describe(value) if fields is None else fields


def _dumped(value: Any) -> object:
    # Without warnings: they would be raised where warnings are errors.
    try:
        return value.model_dump(mode="json", warnings=False)
    except Exception:  # noqa: BLE001 - of a value that pydantic has no JSON for
        return value.model_dump(warnings=False)
