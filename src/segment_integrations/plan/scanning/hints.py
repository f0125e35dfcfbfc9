"""The planned name that somebody meant who wrote another."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPARED_MAX: Final = 50_000
"""Pairs of names that are compared letter by letter, a second of work or so."""

LIKENESS_MIN: Final = 0.7
"""From here on two names look like a slip of the pen, by `difflib`'s measure."""


class Hints:
    """Knows *names*, and finds the nearest one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._plain = {_plain(name): name for name in reversed(self._names)}
        self._found: dict[str, str] = {}
        self._left = COMPARED_MAX

    def nearest(self, name: str) -> str:
        """The name that differs from *name* in case, signs or few letters, or ""."""
        if name not in self._found:
            self._found[name] = self._look(name)
        return self._found[name]

    def _look(self, name: str) -> str:
        plain = _plain(name)
        same = self._plain.get(plain)
        if same is not None:
            return same
        if self._left < len(self._names):
            return ""
        self._left -= len(self._names)
        close = get_close_matches(plain, self._plain, n=1, cutoff=LIKENESS_MIN)
        return self._plain[close[0]] if close else ""


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())
