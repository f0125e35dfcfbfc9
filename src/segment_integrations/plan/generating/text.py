"""
Python source for values: escaped literals, and expressions laid out in 88 columns.

Text of a plan reaches a generated module only through `quoted` and `docstring`, which
leave nothing in it that could end a literal, hide, or change the direction of a line.
The layout is the one that ``ruff format`` and ``black`` leave alone.
"""

from __future__ import annotations

import math
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

COLUMNS: Final = 88
"""As ruff and black have it by default."""

INDENT: Final = "    "

_CLEAR_KINDS: Final = frozenset({"Ll", "Lu", "Lt", "Lo", "Nd", "Nl", "No", "Sc", "Sm"})
_CLEAR_DIRECTIONS: Final = frozenset({"L", "EN", "ES", "ET", "CS", "ON"})
_JAMO: Final = range(0x1100, 0x1200)
"""Letters that join with their neighbours, so that a line's width can't be told."""

_ASCII_END: Final = 0x7F
_BYTE_END: Final = 0x100
_UNIT_END: Final = 0x10000
_SIMPLE: Final = re.compile(r"[ !#-\[\]-~]*")
"""Text that is its own literal. Without ``"`` and backslash."""

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


@lru_cache(maxsize=4096)
def _escaped(char: str) -> str:
    """*char* as it may stand in a literal: itself if there is no doubt what it is."""
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if char >= " " and code < _ASCII_END:
        return char
    kind = unicodedata.category(char)
    if (
        code > _ASCII_END
        and (kind in _CLEAR_KINDS or kind.startswith("P"))
        and unicodedata.bidirectional(char) in _CLEAR_DIRECTIONS
        and code not in _JAMO
    ):
        return char
    return f"\\x{code:02x}" if code < _BYTE_END else _unit(char)


def _unit(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < _UNIT_END else f"\\U{code:08x}"


def width(source: str) -> int:
    """The columns of *source*; wide letters take two."""
    if source.isascii():
        return len(source)
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in source
    )


def quoted(text: str) -> str:
    """The literal of *text*, in the quotes that need fewer escapes."""
    if _SIMPLE.fullmatch(text):
        return f'"{text}"'
    quote = "'" if text.count('"') > text.count("'") else '"'
    body = "".join(f"\\{char}" if char == quote else _escaped(char) for char in text)
    return f"{quote}{body}{quote}"


@dataclass(frozen=True, slots=True)
class Text:
    """Source that is never split."""

    flat: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text's literal, which may be split into several."""

    value: str
    flat: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "flat", quoted(self.value))


@dataclass(frozen=True, slots=True)
class Group:
    """
    What stands in brackets, with commas between.

    Args:
        opening: The bracket, and what stands before it: ``"Annotated["``.
        items: Each item with what stands before it: ``"pattern="``, ``'"key": '``.
        closing: The bracket's other half.
        ends_with_comma: Whether a comma may end it when it is split; after the one
            item of ``list[...]`` it would make a tuple.
    """

    opening: str
    items: tuple[tuple[str, Node], ...]
    closing: str
    ends_with_comma: bool = True
    flat: str = field(init=False)

    def __post_init__(self) -> None:
        inner = ", ".join(f"{before}{item.flat}" for before, item in self.items)
        object.__setattr__(self, "flat", f"{self.opening}{inner}{self.closing}")

    @property
    def is_of_name(self) -> bool:
        """Whether it is no display of a list or object, but belongs to a name."""
        return len(self.opening) > 1


@dataclass(frozen=True, slots=True)
class Either:
    """Types with ``|`` between."""

    operands: tuple[Node, ...]
    flat: str = field(init=False)

    def __post_init__(self) -> None:
        text = " | ".join(operand.flat for operand in self.operands)
        object.__setattr__(self, "flat", text)


Node = Text | Quoted | Group | Either


NONE: Final = Text("None")


def call(function: str, **arguments: Node) -> Group:
    """``function(name=value, ...)``."""
    items = tuple((f"{name}=", value) for name, value in arguments.items())
    return Group(f"{function}(", items, ")")


def subscript(generic: str, *items: Node) -> Group:
    """``generic[item, ...]``."""
    return Group(
        f"{generic}[",
        tuple(("", item) for item in items),
        "]",
        ends_with_comma=len(items) > 1,
    )


def either(*operands: Node) -> Node:
    """The operands with ``|`` between, in one row."""
    found: list[Node] = []
    for operand in operands:
        found += operand.operands if isinstance(operand, Either) else (operand,)
    found.sort(key=lambda one: one == NONE)  # it goes last
    return found[0] if len(found) == 1 else Either(tuple(found))


def literal(value: Any) -> Node:
    """The display of a JSON value, objects in the order of their names."""
    if isinstance(value, str):
        return Quoted(value)
    if isinstance(value, Mapping):
        items = tuple(
            (f"{quoted(key)}: ", literal(value[key])) for key in sorted(value)
        )
        return Group("{", items, "}")
    if isinstance(value, Sequence):
        return Group("[", tuple(("", literal(item)) for item in value), "]")
    if isinstance(value, float) and not math.isfinite(value):
        return Text(f'float("{value}")')
    return Text(repr(value).replace("e+", "e"))


def names_in(node: Node) -> Iterator[str]:
    """The names that stand in *node*: of types, and of what is called."""
    if isinstance(node, Text):
        yield node.flat
    elif isinstance(node, Group):
        yield node.opening[:-1]
        for _, item in node.items:
            yield from names_in(item)
    elif isinstance(node, Either):
        for operand in node.operands:
            yield from names_in(operand)


def laid_out(node: Node, margin: str, before: int = 0, after: int = 0) -> str:
    """
    The source of *node*, split where it is too long.

    Args:
        node: The expression.
        margin: The indentation of the line that it starts in.
        before: The columns in front of it in that line, beside the margin.
        after: The columns that its last line has to leave.
    """
    if len(margin) + before + width(node.flat) + after <= COLUMNS:
        return node.flat
    inner = margin + INDENT
    if isinstance(node, Quoted):
        room = COLUMNS - len(inner)
        fits = width(node.flat) <= room
        parts = [node.flat] if fits else _parts(node.value, room)
        lines = "\n".join(f"{inner}{part}" for part in parts)
        return f"(\n{lines}\n{margin})" if fits or len(parts) > 1 else node.flat
    if isinstance(node, Group) and node.items:
        joined = (
            f"{inner}{', '.join(f'{lead}{item.flat}' for lead, item in node.items)}"
        )
        if node.is_of_name and width(joined) <= COLUMNS:
            return f"{node.opening}\n{joined}\n{margin}{node.closing}"
        comma = "," if node.ends_with_comma else ""
        lines = f"{comma or ','}\n".join(
            inner + lead + laid_out(item, inner, width(lead), len(comma))
            for lead, item in node.items
        )
        return f"{node.opening}\n{lines}{comma}\n{margin}{node.closing}"
    if isinstance(node, Either):
        return f"\n{margin}".join(
            f"{'| ' if number else ''}{laid_out(operand, margin, 2 * bool(number))}"
            for number, operand in enumerate(node.operands)
        )
    return node.flat


def _parts(text: str, room: int) -> list[str]:
    """Literals of at most *room* columns that together make *text*."""
    parts: list[str] = []
    start = 0
    while start < len(text):
        end, space, used = start, start, 2
        while end < len(text):
            # A quote may be escaped in one part and not in another: count it as such.
            cost = 2 if text[end] in "'\"" else width(_escaped(text[end]))
            if used + cost > room and end > start:
                break
            used += cost
            end += 1
            if text[end - 1] == " ":
                space = end
        if end < len(text) and space > start:
            end = space
        parts.append(quoted(text[start:end]))
        start = end
    return parts


def documented(text: str) -> str:
    """*text* as it may stand in a docstring, which has but escapes of one kind."""
    body = "".join(
        char if char == "\n" or _escaped(char) == char else _unit(char) for char in text
    )
    while '"""' in body:
        body = body.replace('"""', '""\\u0022')
    return f"{body[:-1]}\\u0022" if body.endswith('"') else body


def docstring(paragraphs: Iterable[str], margin: str) -> str:
    """
    The docstring of *paragraphs*, wrapped, with the first line as its summary.

    Args:
        paragraphs: What the plan says, and what is said of it; empty ones are left out.
        margin: The indentation.
    """
    room = COLUMNS - len(margin)
    wrapped = [
        textwrap.fill(
            documented(" ".join(paragraph.split())),
            room,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for paragraph in paragraphs
        if paragraph.strip()
    ]
    text = "\n\n".join(wrapped)
    is_short = "\n" not in text and len(margin) + width(text) + 6 <= COLUMNS
    if is_short and not text.startswith('"'):  # formatters put a space before that
        return f'{margin}"""{text}"""'
    return textwrap.indent(f'"""\n{text}\n"""', margin, lambda line: bool(line.strip()))
