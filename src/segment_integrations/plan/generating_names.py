"""
Names for what a plan names: legal, readable, apart, and the same in each run.

A wire name may be any text; here it becomes an ASCII identifier that is no keyword and
hides nothing that a generated module needs.
"""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_MARKED: Final = 6
"""Digits of a hash: one name of 10,000 that clash shares them with a chance of 1 in 3."""

IMPORTED: Final = frozenset(
    {
        "UNSET",
        "Annotated",
        "Any",
        "Event",
        "Final",
        "Literal",
        "Mapping",
        "Meta",
        "PLAN",
        "Struct",
        "Traits",
        "UnsetType",
        "View",
        "annotations",
        "datetime",
        "field",
    }
)
"""What a generated module may import or name by itself."""

_FORBIDDEN: Final = frozenset(
    {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *IMPORTED}
)


def words(text: str) -> list[str]:
    """The words of *text* in ASCII letters and digits, accents taken off."""
    plain = unicodedata.normalize("NFKD", text)
    found: list[str] = []
    for part in re.split(r"[^A-Za-z0-9]+", "".join(
        char for char in plain if not unicodedata.combining(char)
    )):
        found += _WORD.findall(part)
    return found


def mark(text: str) -> str:
    """What tells the names of two texts apart, whatever else is in the plan."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:_MARKED]


def class_name(text: str, fallback: str) -> str:
    """``Order completed`` to ``OrderCompleted``; a text without letters is marked."""
    parts = words(text)
    name = "".join(part[0].upper() + part[1:] for part in parts)
    if not name:
        return f"{fallback}{mark(text).upper()}"
    return name if name[0].isalpha() else f"{fallback}{name}"


def attribute_name(text: str) -> str:
    """``orderId`` to ``order_id``; a text without letters is marked."""
    name = "_".join(part.lower() for part in words(text))
    if not name:
        return f"property_{mark(text)}"
    if not name[0].isalpha():
        name = f"property_{name}"
    return name


class Names:
    """
    Gives out names, each one once.

    Args:
        taken: Those that are never given.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*_FORBIDDEN, *taken}

    def give(self, wanted: str, text: str) -> str:
        """*wanted*, or if it is taken, *wanted* marked by *text*, which it is for."""
        name = wanted
        if name in self._taken:
            separator = "_" if wanted.islower() else ""
            name = f"{wanted}_" if wanted not in self._given() else name
            if name in self._taken:
                name = f"{wanted}{separator}{mark(text)}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def _given(self) -> Collection[str]:
        return self._taken - _FORBIDDEN
