"""
Which patterns may take too long in Python, so that no class is to match them.

In strict mode a class's own ``pattern`` is matched by `re`, which tries without end
what the plan's check gives up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from segment_integrations.plan.linting.patterns import tokens

_WAYS_MAX: Final = 1000
"""Ways that the bounded choices of one pattern may combine in. Source: ours."""

_FEW: Final = 100
"""What may come so many times more or less counts as without a bound. Source: ours."""

_PARTS_MAX: Final = 500
_EVERY: Final = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x10000)]))
_LAST: Final = "\uffff"
_LOOKS: Final = frozenset({"(?=", "(?!", "(?<=", "(?<!"})
_NO_WIDTH: Final = frozenset({"^", "$", r"\b", r"\B", r"\A", r"\Z"})


class _Unclear(Exception):  # noqa: N818 - a verdict that is always caught
    """The pattern has more than is looked into here."""


@dataclass(slots=True)
class _Part:
    """
    What matches one character, some number of times.

    Args:
        source: Its expression.
        within: The groups that need not be there, from the outermost, that it is in.
        least: How often it must come.
        ways: How many numbers of times there are.
        is_open: Whether there is no bound of them.
        is_start: Whether one more may begin here of what comes without a bound.
    """

    source: str
    within: tuple[int, ...]
    least: int = 1
    ways: int = 1
    is_open: bool = False
    is_start: bool = False


@dataclass(slots=True)
class _Group:
    start: int
    within: tuple[int, ...]
    branches: int = 1
    is_look: bool = False
    has_choices: bool = False


@lru_cache(maxsize=4096)
def may_explode(pattern: str) -> bool:
    """
    Whether a text may be read in very many ways as what *pattern* repeats.

    Sure of each pattern that it lets pass, and not of each that it does not.
    """
    try:
        parts, ways = _Reader().read(pattern)
        return math.prod((part.ways for part in parts), start=ways) > _WAYS_MAX or any(
            part.is_open and not _is_held(part, parts[at + 1 :])
            for at, part in enumerate(parts)
        )
    except _Unclear:
        return True


def _is_held(part: _Part, rest: Sequence[_Part]) -> bool:
    """Whether all that repeats in *rest* comes after what can't be more of *part*."""
    for at, other in enumerate(rest):
        if other.is_start and not any(
            one.least
            and other.within[: len(one.within)] == one.within
            and _chars(part.source).isdisjoint(_chars(one.source))
            for one in rest[: at + 1]
        ):
            return False
    return True


@lru_cache(maxsize=4096)
def _chars(source: str) -> frozenset[str]:
    """The characters that *source* matches, those of the first plane."""
    found = frozenset(re.findall(source, _EVERY))
    if not found or max(source) > _LAST:
        raise _Unclear  # of the others it may match the same
    return found


class _Reader:
    """Reads one pattern."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._groups = [_Group(0, ())]
        self._within: tuple[int, ...] = ()
        self._count = 0
        self._ways = 1

    def read(self, pattern: str) -> tuple[list[_Part], int]:
        """The parts, and in how many ways groups and alternatives combine."""
        found = [*_whole(tokens(pattern))]
        while found:
            kind, text = found.pop(0)
            if text == "|" and kind == "other":
                group = self._groups[-1]
                group.branches += 1
                self._within = (*group.within, self._id())
            elif kind == "group" or (text == "(" and kind == "other"):
                self._open(text)
            elif text == ")" and kind == "other":
                self._close(*_times(found))
            elif text not in _NO_WIDTH:
                self._take(kind, text, *_times(found))
        branches = self._groups[-1].branches
        if branches > 1 or not pattern.startswith("^"):
            self._look_from_anywhere(pattern)
        return self._parts, self._ways * branches

    def _look_from_anywhere(self, pattern: str) -> None:
        """
        Refuse what repeats before something else where no ``^`` says where to begin.

        From each place in a text `re` would read on to its end.
        """
        *before, last = self._parts or [_Part("", ())]
        is_end = pattern.endswith(("*", "+", "?", "}"))
        if any(one.is_open for one in before) or (last.is_open and not is_end):
            raise _Unclear

    def _id(self) -> int:
        self._count += 1
        return self._count

    def _take(self, kind: str, text: str, least: int, most: int | None) -> None:
        if kind in {"times", "octal", "quoted", "named"} or re.match(r"\\[1-9k]", text):
            raise _Unclear
        source = re.escape(text) if kind == "other" and text != "." else text
        part = _Part(source, self._within, least)
        if most is None or most - least > _FEW:
            part.is_open = part.is_start = True
        else:
            part.ways = most - least + 1
        self._parts.append(part)

    def _open(self, text: str) -> None:
        is_look = text in _LOOKS
        if not is_look and text not in {"(", "(?:"} and not text.endswith(">"):
            raise _Unclear
        self._groups.append(_Group(len(self._parts), self._within, is_look=is_look))
        self._within = (*self._within, self._id())

    def _close(self, least: int, most: int | None) -> None:
        group = self._groups.pop()
        self._within = group.within
        inner = self._parts[group.start :]
        has_choices = group.has_choices or group.branches > 1
        if most is None or most > 1:
            is_varied = any(part.is_start or part.ways > 1 for part in inner)
            if has_choices or group.is_look:
                raise _Unclear
            if inner and (is_varied or least != most):
                self._repeat(inner)
        self._ways *= group.branches
        if least == 0:
            has_choices = True
            self._ways *= 2
        elif group.branches == 1 and not group.is_look:  # it is always passed
            here = len(group.within)
            for part in self._parts[group.start :]:
                part.within = part.within[:here] + part.within[here + 1 :]
        self._groups[-1].has_choices |= has_choices

    def _repeat(self, inner: list[_Part]) -> None:
        """Write *inner* once more, as what comes in one turn may go on in the next."""
        for part in inner:
            if part.ways > 1:
                part.ways, part.is_open, part.is_start = 1, True, True
        inner[0].is_start = True
        self._parts += [replace(part) for part in inner]
        if len(self._parts) > _PARTS_MAX:
            raise _Unclear
        any_of = "|".join(dict.fromkeys(part.source for part in inner))
        self._parts.append(_Part(any_of, inner[0].within, least=0, is_open=True))


def _whole(found: Iterable[tuple[str, str, bool]]) -> Iterable[tuple[str, str]]:
    """The same with each class of characters as one, of the kind "class"."""
    opened = ""
    for kind, text, is_inside in found:
        opened += text if is_inside or opened else ""
        if not opened:
            yield kind, text
        elif not is_inside:
            yield "class", opened
            opened = ""


def _times(found: list[tuple[str, str]]) -> tuple[int, int | None]:
    """How often at least and at most what was before *found* comes, taken from it."""
    if not found or found[0][0] != "times":
        return 1, 1
    text = found.pop(0)[1]
    if found and found[0] == ("times", "?"):  # as few of them as will do
        del found[0]
    if text in {"*", "+", "?"}:
        return int(text == "+"), 1 if text == "?" else None
    least, comma, most = text[1:-1].partition(",")
    return int(least), (int(most) if most else None) if comma else int(least)
