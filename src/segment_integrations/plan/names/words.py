"""The words in a name, and how they are joined: camelCase, snake_case, Title Case."""

from __future__ import annotations

import re
from typing import Final, Literal

Style = Literal["camelCase", "snake_case"]
"""The two ways in which properties are written."""

SMALL: Final = frozenset(
    {
        *["a", "an", "and", "as", "at", "by", "for", "from", "in", "into", "nor"],
        *["of", "on", "or", "over", "per", "the", "to", "via", "vs", "with"],
        *["without"],
    }
)
"""Words that Title Case leaves small between others."""

_RUNS: Final = re.compile(r"[^\W_]+")
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NEUTRAL: Final = re.compile(r"a[a0]*")
_SNAKE: Final = re.compile(r"a[a0]*(?:_[a0]+)+")
_CAMEL: Final = re.compile(r"a[aA0]*")


def words(name: str) -> list[str]:
    """``["user", "ID"]`` of ``"userID"``, ``"user_ID"`` and ``"user ID"``."""
    return [word for run in _RUNS.findall(name) for word in _HUMPS.split(run)]


def key(name: str) -> str:
    """The same for all spellings of a name: ``"userid"`` of ``"user_ID"``."""
    return "".join(words(name)).casefold()


def style_of(name: str) -> Style | Literal[""] | None:
    """
    How a property's name is written.

    Returns:
        The style; "" for a single small word, which is in both; None for neither.
    """
    form = "".join(_form(char) for char in name)
    if _NEUTRAL.fullmatch(form):
        return ""
    if _SNAKE.fullmatch(form):
        return "snake_case"
    return "camelCase" if _CAMEL.fullmatch(form) else None


def _form(char: str) -> str:
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return "0" if char.isdigit() else char


def in_style(name: str, style: Style) -> str:
    """*name* in *style*: ``"user_id"`` or ``"userId"`` of ``"user ID"``."""
    parts = [word.lower() for word in words(name)]
    if style == "snake_case":
        return "_".join(parts)
    return "".join([*parts[:1], *(word.capitalize() for word in parts[1:])])


def titled(name: str) -> str:
    """*name* in Title Case: ``"Product Added to Cart"``."""
    parts = words(name)
    last = len(parts) - 1
    return " ".join(
        word.lower()
        if word.lower() in SMALL and 0 < place < last
        else word[:1].upper() + word[1:]
        for place, word in enumerate(parts)
    )
