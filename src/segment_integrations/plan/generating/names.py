"""
Names for what a plan names: legal, readable, apart, and the same in each run.

A name in a plan may be any text. Here it becomes an ASCII identifier that is no keyword
and hides nothing that a generated module needs.
"""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from segment_integrations.plan.names.words import words

IMPORTED: Final = frozenset(
    {
        *["UNSET", "Annotated", "Any", "Event", "Final", "Literal", "Mapping", "Meta"],
        *["PLAN", "Struct", "Traits", "UnsetType", "View", "datetime", "field"],
    }
)
"""What a generated module imports or names by itself."""

RESERVED_ATTRIBUTES: Final = frozenset(
    {
        *keyword.kwlist,
        *IMPORTED,
        *["bool", "dict", "float", "int", "list", "self", "str", "l"],
    }
)
"""What means something else in the body of a class, or in its ``__init__``."""

RESERVED_CLASSES: Final = frozenset(
    {
        *keyword.kwlist,
        *IMPORTED,
        *["I", "O"],  # read as 1 and 0
        *(name for name in dir(builtins) if name[0] != "_"),
    }
)

_LENGTH_MAX: Final = 60
"""A name of more characters is cut, and marked: lines have to stay short."""

_MARKED: Final = 6
"""Hexadecimal digits that tell two names apart which are the same but for them."""

_PLAIN: Final = re.compile(r"[a-z][a-z0-9_]*")


def class_name(text: str, fallback: str) -> str:
    """
    ``Order completed`` to ``OrderCompleted``.

    Args:
        text: What it is for.
        fallback: What goes before a name that would start with a digit or be empty; an
            empty one is told from others by a mark.
    """
    parts = words(_ascii(text))
    if not parts:
        return f"{fallback}{mark(text).upper()}"
    name = "".join(part[0].upper() + part[1:] for part in parts)
    name = name if name[0].isalpha() else f"{fallback}{name}"
    return name if len(name) <= _LENGTH_MAX else f"{_cut(name)}{mark(text).upper()}"


def attribute_name(text: str) -> str:
    """``orderId`` to ``order_id``; see `class_name` for texts without letters."""
    if _PLAIN.fullmatch(text) and len(text) <= _LENGTH_MAX:
        return text
    parts = words(_ascii(text))
    if not parts:
        return f"property_{mark(text)}"
    name = "_".join(part.lower() for part in parts)
    name = name if name[0].isalpha() else f"property_{name}"
    return name if len(name) <= _LENGTH_MAX else f"{_cut(name)}_{mark(text)}"


def _cut(name: str) -> str:
    return name[: _LENGTH_MAX - _MARKED - 1].rstrip("_")


def mark(text: str) -> str:
    """A short digest of *text*: the same whatever else there is."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:_MARKED]


def _ascii(text: str) -> str:
    """*text* with accents taken off, and a space for each other sign."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(
        char if char.isascii() else " "
        for char in plain
        if not unicodedata.combining(char)
    )


class Names:
    """
    Gives out names, each one once.

    Args:
        reserved: Those that are never given.
        suffix: Makes another name of a reserved one.
    """

    def __init__(self, reserved: Iterable[str], suffix: str) -> None:
        self._reserved = frozenset(reserved)
        self._suffix = suffix
        self._given: set[str] = set()

    def give(self, wanted: str, text: str) -> str:
        """*wanted*, or if that is given or reserved, another one made by *text*."""
        name = f"{wanted}{self._suffix}" if wanted in self._reserved else wanted
        if name in self._given:
            digits = mark(text)
            name += f"_{digits}" if name[0].islower() else digits.upper()
        while name in self._given:
            name += self._suffix
        self._given.add(name)
        return name
