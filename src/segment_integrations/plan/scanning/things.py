"""What a name in the scanned files can be."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from segment_integrations.plan.scanning.model import (
    Class,
    Function,
    Module,
    Parameter,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST: Final = 16
"""As many different things as one name may be; more are not told apart."""


@dataclass(slots=True, frozen=True)
class Text:
    """A text that stands in the source."""

    text: str


@dataclass(slots=True, frozen=True)
class Outside:
    """Something of a module that is not scanned: ``posthog.Posthog().capture``."""

    dotted: str
    module: Module


@dataclass(slots=True, frozen=True)
class Made:
    """An instance of a class of the scanned files."""

    of: Class


@dataclass(slots=True, frozen=True)
class Unknown:
    """Made at run time, or nothing is known of it."""

    why: str


Thing: TypeAlias = (
    Text | Outside | Made | Unknown | Class | Function | Module | Parameter
)


def constants(nodes: list[ast.expr]) -> Iterator[str]:
    """The texts among *nodes*."""
    for one in nodes:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def few(things: Iterable[Thing]) -> list[Thing]:
    """Each once, at most `MOST` of them."""
    found: dict[Thing, None] = {}
    for one in things:
        found[one] = None
        if len(found) == MOST:
            found[Unknown("it has many values")] = None
            break
    return list(found)
