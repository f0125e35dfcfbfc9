"""The syntax tree of one Python file, whatever may be wrong with it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from typing import TYPE_CHECKING, Final

from segment_integrations.plan.scanning.files import Unreadable

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_IGNORE: Final = re.compile(r"#\s*segment:\s*ignore\b")
_WORD: Final = re.compile(r"\w+")
_SPLIT_MIN: Final = 50
"""With more words than these it is quicker to look at those of the file."""

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_PLACE: Final = re.compile(r"\s*\([^()]*line \d+\)$")


def parsed(data: bytes) -> ast.Module:
    """
    The syntax tree of a file, whatever its encoding (PEP 263).

    Raises:
        Unreadable: It is no Python of this version.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file's own, such as "\\d"
            return ast.parse(data)
    except SyntaxError as error:
        place = f" (line {error.lineno})" if error.lineno else ""
        text = _PLACE.sub("", error.msg or "").rstrip()
        raise Unreadable(f"is no valid Python: {text}{place}") from error
    except (ValueError, LookupError) as error:  # null bytes, an unknown encoding
        raise Unreadable(f"is no valid Python: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise Unreadable("is nested too deeply") from error


def lines(data: bytes) -> list[str]:
    """The lines of a file that could be parsed, as the parser counts them."""
    if data.isascii():
        text = data.decode("ascii")
        return _LINE_END.split(text) if "\r" in text else text.split("\n")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return _LINE_END.split(data.decode(encoding, errors="replace"))


def ignored(inside: list[str]) -> frozenset[int]:
    """The numbers of the lines that say ``# segment: ignore``."""
    return frozenset(
        number
        for number, line in enumerate(inside, 1)
        if "segment:" in line and _IGNORE.search(line)
    )


def mentions(inside: list[str], words: AbstractSet[str]) -> list[int]:
    """The numbers of the lines that have one of *words*, in order."""
    # The few words that are in the file at all are looked for again, line by line.
    text = "\n".join(inside)
    if len(words) < _SPLIT_MIN:
        found: AbstractSet[str] = {word for word in words if word in text}
    else:
        found = words & set(_WORD.findall(text))
    return [
        number
        for number, line in enumerate(inside, 1)
        if any(word in line for word in found)
        and not found.isdisjoint(_WORD.findall(line))
    ]
