"""
Makes the function that tells at a glance that a message is as planned.

It is written and compiled by shape, as a loop over names costs as much as the whole
check by jsonschema-rs. Its text has no word of the plan, so rules share shapes: names
and validators are handed to it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from segment_integrations.plan.checking.spots import SAFE, Spots

Test = Callable[[Any], bool]
Part = tuple[str, Test, Spots | None]
"""
A part of a message by its name, with what says whether a dict is fine for it.

Without spots that is all there is to ask.
"""

INSIDE_MAX: Final = 3
"""Levels of objects and lists that are written out; deeper ones are called for."""


def glance(parts: tuple[Part, ...], needed: frozenset[str], rest: Test | None) -> Test:
    """
    One function that says of most messages that are as planned that they are.

    Where it says False nothing is known yet, and it may raise.

    Args:
        parts: What to look at.
        needed: The parts that must be there.
        rest: Asked last, with the message, if there is one.
    """
    text = _Text()
    body = [line for part in parts for line in text.part(part, needed)]
    for name in sorted(needed.difference(name for name, _, _ in parts)):
        body += [f"    if {text.word(name)} not in message:", "        return False"]
    body.append(
        "    return True" if rest is None else f"    return {text.word(rest)}(message)"
    )
    made: Test = _factory(len(text.words), "\n".join(body))(SAFE, *text.words)
    return made


@functools.lru_cache(maxsize=512)
def _factory(count: int, body: str) -> Callable[..., Test]:
    """What makes the function of one shape from *count* words."""
    words = "".join(f", w{number}" for number in range(count))
    inside = "".join(
        f"    {line}\n" for line in ["def glance(message):", *body.split("\n")]
    )
    space: dict[str, Any] = {}
    exec(f"def factory(SAFE{words}):\n{inside}    return glance\n", space)  # noqa: S102 - only of words of this file
    factory: Callable[..., Test] = space["factory"]
    return factory


class _Text:
    """The lines of one function, and the words that these are about."""

    def __init__(self) -> None:
        self.words: list[object] = []

    def word(self, given: object) -> str:
        """What *given* is called in the lines."""
        self.words.append(given)
        return f"w{len(self.words) - 1}"

    def part(self, part: Part, needed: frozenset[str]) -> list[str]:
        """The lines about *part*, which may be missing unless it is *needed*."""
        name, is_valid, spots = part
        key = self.word(name)
        lines = [
            f"facts = message[{key}]",
            f"if type(facts) is not dict or not {self.word(is_valid)}(facts):",
            "    return False",
        ]
        if spots is not None:
            lines += self._inside(spots, "facts")
        if name not in needed:
            lines = [f"if {key} in message:", *(f"    {line}" for line in lines)]
        return [f"    {line}" for line in lines]

    def _inside(self, spots: Spots, holder: str, deep: int = 1) -> list[str]:
        """The lines about what may be a number in the dict *holder*."""
        lines = []
        for name in spots.names:
            # One look-up, and floats first: the fastest of some ways to ask.
            kind = f"(kind := type({holder}.get({self.word(name)})))"
            lines += [
                f"if {kind} is not float and kind not in SAFE:",
                "    return False",
            ]
        for name, inner in spots.inner:
            key = self.word(name)
            found = f"{holder}[{key}]"
            if deep == INSIDE_MAX:
                odd = f"{self.word(inner.are_odd)}({found})"
                lines += [f"if {key} in {holder} and {odd}:", "    return False"]
                continue
            one = f"in{deep}"
            about = self._inside(inner, one, deep + 1)
            if inner.is_list:
                if inner.is_place:
                    about = _if_dict(one, about)
                    about += [f"elif type({one}) not in SAFE:", "    return False"]
                about = [f"for {one} in {found} or ():", *_deeper(about)]
            else:
                about = [f"{one} = {found}", *_if_dict(one, about)]
            lines += [f"if {key} in {holder}:", *_deeper(about)]
        return lines


def _if_dict(name: str, lines: list[str]) -> list[str]:
    return [f"if type({name}) is dict:", *_deeper(lines or ["pass"])]


def _deeper(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
