"""
What in a regular expression Segment's engine would not take.

Segment's violations are worded as those of a Go validator, whose expressions are RE2's:
no look-around, no references back, no possessive or atomic groups.

Source: Segment, "The Protocols Tracking Plan" (negative lookahead); Go, regexp/syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<quoted>\\Q.*?(?:\\E|\Z))
    | (?P<octal>\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2}))
    | (?P<hex>\\x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]+\}))
    | (?P<escape>\\.)
    | (?P<named>\[:\^?\w+:\])
    | (?P<group>\(\?(?:P?<[A-Za-z_]\w*>|[imsU]*(?:-[imsU]+)?[:)]|P=|<[=!]|.?))
    | (?P<times>\{\d+(?:,\d*)?\}|[*+?])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OUTSIDE: Final = frozenset("AbBdDsSwWpPzafnrtvE")
_INSIDE: Final = frozenset("dDsSwWpPafnrtv")
_FLAGS: Final = re.compile(r"\(\?[imsU-]+\)")
_MOST_TIMES: Final = 1000
"""The most repetitions of one part. Source: Go, regexp/syntax, ErrInvalidRepeatSize."""

_GROUPS: Final = {
    "(?=": "positive lookahead",
    "(?<=": "lookbehind",
    "(?<!": "negative lookbehind",
    "(?>": "an atomic group",
    "(?#": "a comment",
    "(?(": "a condition",
    "(?P=": "a reference back",
    "(?|": "a branch reset",
}


def has_negative_lookahead(pattern: str) -> bool:
    """Whether there is a ``(?!`` that means it."""
    return any(text == "(?!" for _, text, _ in tokens(pattern))


def refused(pattern: str) -> Iterator[str]:
    """What RE2 does not have, but for the negative lookahead, each once."""
    yield from dict.fromkeys(_refused(pattern))


def foreign(pattern: str) -> str:
    """What of Go's or Python's expressions ECMA-262 does not have, the first; or ""."""
    before = ""
    for kind, text, _ in tokens(pattern):
        if before and text != "{":
            return before + text
        before = text if text in {r"\p", r"\P"} else ""
        if kind == "quoted":
            return r"\Q"
        if (
            kind == "named"
            or (kind == "group" and (text.startswith("(?P") or _FLAGS.fullmatch(text)))
            or (kind == "escape" and text[1] in "AaeGZz")
        ):
            return text
    return ""


def _refused(pattern: str) -> Iterator[str]:
    before = ""
    for kind, text, is_inside in tokens(pattern):
        if kind == "escape":
            yield from _refused_escape(text, is_inside=is_inside)
        elif kind == "group" and text != "(?!":
            if text in _GROUPS:
                yield f"{_GROUPS[text]}, {text}"
            elif not text.endswith((":", ")", ">")) or text == "(?)":
                yield f"{text}, which is no group that it knows"
        elif kind == "times":
            # A ? after the number makes it lazy; what follows that is too much.
            if before in {"times", "lazy"} and (text != "?" or before == "lazy"):
                yield f"{text} after a number of times already"
            if any(int(most) > _MOST_TIMES for most in re.findall(r"\d+", text)):
                yield f"more than {_MOST_TIMES:,} times, {text}"
            before = "lazy" if before == "times" else "times"
            continue
        before = kind


def _refused_escape(text: str, *, is_inside: bool) -> Iterator[str]:
    char = text[1]
    if char in "123456789k" and not is_inside:
        yield f"a reference back, {text}"
    elif (char.isalnum() or not char.isascii()) and char not in (
        _INSIDE if is_inside else _OUTSIDE
    ):
        advice = ": write \\x{...}" if char == "u" else ""
        yield f"the escape {text}{advice}"


def tokens(pattern: str) -> Iterator[tuple[str, str, bool]]:
    """Kind and text of each part, and whether it stands in a class of characters."""
    is_inside = is_first = False
    at = 0
    while found := _TOKEN.match(pattern, at):
        kind, text = str(found.lastgroup), found[0]
        if is_inside:
            if kind not in {"octal", "hex", "escape", "named"}:
                kind, text = "other", pattern[at]
            if text == "]" and not is_first:
                is_inside = False
            is_first = is_first and text == "^"
        elif kind == "named" or text == "[":
            kind, text, is_inside, is_first = "other", "[", True, True
        yield kind, text, is_inside
        at += len(text)
