"""
Checks for single settings: each takes what was given and returns it normalised.

Texts of the environment are read here too, so that a setting means the same wherever
it comes from: booleans are 1/0/true/false, lists are comma-separated. A ValueError's
text follows the setting's name and gives the type of a wrong value, not the value.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a text that is not empty, got {_kind(value)}")
    return value.strip()


def boolean(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
        return value.strip().lower() in _TRUE
    raise ValueError(f"must be true or false, got {_kind(value)}")


def one_of(*words: str) -> Callable[[object], str]:
    """One word of a closed list."""

    def check(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(f"must be one of {', '.join(words)}, got {_kind(value)}")

    return check


def positive_int(value: object) -> int:
    """A whole number from 1."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError(f"must be a positive whole number, got {_kind(value)}")


def _number(value: object) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)


def positive_seconds(value: object) -> float:
    """A positive, finite number of seconds."""
    number = _number(value)
    if math.isfinite(number) and number > 0:
        return number
    raise ValueError(f"must be a positive number of seconds, got {_kind(value)}")


def fraction(value: object) -> float:
    """A number from 0 to 1."""
    number = _number(value)
    if 0.0 <= number <= 1.0:
        return number
    raise ValueError(f"must be a number from 0 to 1, got {_kind(value)}")


def base_url(value: object) -> str:
    """An http or https address, without a trailing slash."""
    given = text(value)
    try:
        parts = urlsplit(given)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "must be an address such as https://api.segment.io, with its scheme,"
            f" got {_kind(value)}"
        )
    return given.rstrip("/")


def existing_path(value: object) -> str:
    """The path of a file or folder that exists."""
    path = str(value) if isinstance(value, Path) else text(value)
    if not Path(path).exists():
        raise ValueError(
            "must be the path of a file or folder that exists, and there is none at"
            f" {str(Path(path).absolute())!r}"
        )
    return path


def folder(value: object) -> Path:
    """The path of a folder, which need not be there yet; made absolute."""
    path = (value if isinstance(value, Path) else Path(text(value))).expanduser()
    if path.exists() and not path.is_dir():
        raise ValueError("must be the path of a folder, and a file is there")
    return path.absolute()


def plan(value: object) -> object:
    """The path of a tracking plan, file or folder, or a plan that is loaded."""
    if callable(getattr(value, "check", None)) and not isinstance(value, type):
        return value
    if isinstance(value, str | Path):
        return Path(existing_path(value)).absolute()
    raise ValueError(
        f"must be the path of a plan or a TrackingPlan, got {_kind(value)}"
    )


def words_by_call(
    value: object,
) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    """A list of words, or such a list for each call that is named."""
    if not isinstance(value, Mapping):
        return strings(value)
    if all(isinstance(call, str) for call in value):
        return {call: strings(words) for call, words in value.items()}
    raise ValueError("must be a mapping of calls, such as track, to words")


def strings(value: object) -> tuple[str, ...]:
    """A list of texts, or one text with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, Iterable):
        items = tuple(value)
        if all(isinstance(item, str) and item for item in items):
            return items
    raise ValueError(f"must be a list of texts, got {_kind(value)}")


def names(value: object) -> frozenset[str]:
    """A set of names, compared in lower case."""
    return frozenset(name.lower() for name in strings(value))


def methods(value: object) -> frozenset[str]:
    """A set of HTTP methods."""
    return frozenset(method.upper() for method in strings(value))


def patterns(value: object) -> tuple[str | Callable[..., Any], ...]:
    """Path patterns such as ``/internal/*``, and callables of the request's facts."""
    if isinstance(value, str):
        return strings(value)
    if callable(value):
        return (_plain(value),)
    if isinstance(value, Iterable):
        items = tuple(value)
        if all(callable(item) or (isinstance(item, str) and item) for item in items):
            return tuple(_plain(item) if callable(item) else item for item in items)
    raise ValueError(f"must be a list of path patterns, got {_kind(value)}")


def callables(value: object) -> tuple[Callable[..., Any], ...]:
    """A list of callables or of ``"module:name"`` texts."""
    if isinstance(value, str):
        return tuple(callable_or_path(item) for item in strings(value))
    if isinstance(value, Iterable):
        return tuple(callable_or_path(item) for item in value)
    raise ValueError(f"must be a list of callables, got {_kind(value)}")


def callable_or_path(value: object) -> Callable[..., Any]:
    """A callable, or the text ``"module:name"`` that leads to one."""
    if isinstance(value, str):
        module, colon, name = value.partition(":")
        if not colon or not module or not name:
            raise ValueError('must be a callable or a text "module:name"')
        try:
            found: object = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"can not be imported: {error}") from None
        value = found
    if not callable(value):
        raise ValueError(  # noqa: TRY004 - all checks raise the one kind
            f'must be a callable or "module:name", got {_kind(value)}'
        )
    return _plain(value)


def _plain(value: Callable[..., Any]) -> Callable[..., Any]:
    """*value*, unless it is async: a coroutine that nobody awaits is true."""
    inner: Any = value
    while isinstance(inner, functools.partial):
        inner = inner.func
    for one in (inner, type(inner).__call__):
        if inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one):
            raise ValueError("must be a plain function: nothing awaits an async one")
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like *name*, for an error text."""
    ranked = sorted(
        known, key=lambda one: -difflib.SequenceMatcher(None, name.lower(), one).ratio()
    )
    return ranked[0]


def _kind(value: object) -> str:
    return type(value).__name__
