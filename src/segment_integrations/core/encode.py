"""
Encodes a message once, to strict JSON, whatever a caller put into it.

msgspec takes nearly every value as it is. What it refuses (a lone surrogate, a circle,
thousands of levels) goes once through a guarded copy; no value is worth an exception
in a request, and none takes its neighbours along.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

DEPTH_MAX: Final = 64
DEEP: Final = 500
"""
Levels from which on a message is cut to `DEPTH_MAX`.

Source: ours. Parsers behind Segment begin to refuse at about 1,000; a message of under
1,000 bytes can not have so many.
"""

NODES_MAX: Final = 20_000
"""More nodes than this can not be an event under 32 KiB."""


_QUOTING: Final = (
    BaseException,
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    functools.partial,
    types.CoroutineType,
    types.AsyncGeneratorType,
)
"""
Kinds whose text quotes anything: other objects, arguments, a memory address. A method
gets here where its call was forgotten, a coroutine where its await was.
"""


def has_no_text(value: object) -> bool:
    """True where the text of *value* is no fact about it; may raise, of lazy ones."""
    kind = value.__class__  # of a proxy, what it stands for
    return (
        (kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__)
        or isinstance(value, _QUOTING)
        or hasattr(kind, "__next__")
        or hasattr(kind, "__await__")
    )


def describe(value: object) -> object:
    """
    The value that stands for one that JSON does not know.

    Its own text where its class gives one (a path, a lazy text, a database id), else
    ``<TypeName>``: the default text holds a memory address, which is no fact.
    """
    if value is None:
        return "null"  # as a key, where JSON wants a text
    try:
        if isinstance(value, bool):
            return "true" if value else "false"
        if has_no_text(value):
            return placeholder(value)
        if isinstance(value, Mapping):
            return dict(value)
        text = str(value)
        text.encode()
    except Exception:  # noqa: BLE001 - a hostile or lazy value costs only itself
        return placeholder(value)
    return text


def placeholder(value: object) -> str:
    """``<TypeName>``."""
    return f"<{type(value).__name__}>"


def joined(text: str) -> str:
    """*text* with surrogate pairs joined and lone ones replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_encode: Final = msgspec.json.Encoder(enc_hook=describe).encode


def encode(
    message: Mapping[str, Any], on_trouble: Callable[[str], object] = lambda _: None
) -> bytes:
    """
    Encode *message*.

    Args:
        message: The message.
        on_trouble: Told the name of the exception that makes the guarded copy
            necessary; it may raise.

    Returns:
        UTF-8 JSON.
    """
    try:
        body = _encode(message)
        # Encoders differ in how deep they go, and so do the parsers behind Segment.
        if len(body) < 2 * DEEP or not _is_deep(body, message):
            return body
        trouble = RecursionError.__name__
    except Exception as error:  # noqa: BLE001 - a dict that changes meanwhile, too
        trouble = type(error).__name__
    on_trouble(trouble)
    return _encode(_copied(message))


def _is_deep(body: bytes, message: object) -> bool:
    """Whether containers stand in each other for more than `DEEP` levels."""
    if body.count(b"{") + body.count(b"[") <= DEEP:
        return False
    level = [message]
    for _ in range(DEEP):
        level = [item for value in level for item in _containers(value)]
        if not level:
            return False
    return True


def _containers(value: object) -> Iterable[object]:
    items: Iterable[object] = value if isinstance(value, Iterable) else ()
    if isinstance(value, Mapping):
        items = value.values()
    return [
        item
        for item in items
        if isinstance(item, Mapping | list | tuple | set | frozenset)
    ]


def _copied(message: Mapping[str, Any]) -> object:
    """*message* with each value that can not be encoded replaced by a description."""
    budget = [NODES_MAX]
    path: set[int] = set()

    def copy(value: object, depth: int) -> object:
        try:
            return copied(value, depth)
        except Exception:  # noqa: BLE001 - it changes meanwhile, or is a hostile class
            return placeholder(value)

    def copied(value: object, depth: int) -> object:
        budget[0] -= 1
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return joined(str(value))
        is_mapping = isinstance(value, Mapping)
        if not is_mapping and not isinstance(value, list | tuple | set | frozenset):
            return _single(value)
        if id(value) in path or depth > DEPTH_MAX or budget[0] < 0:
            return placeholder(value)
        path.add(id(value))
        try:
            if is_mapping:
                return {
                    str(key(name)): copy(item, depth + 1)
                    for name, item in list(value.items())  # type: ignore[attr-defined]
                }
            items: Iterable[object] = list(value)  # type: ignore[call-overload]
            return [copy(item, depth + 1) for item in items]
        finally:
            path.discard(id(value))

    def key(name: object) -> object:
        return copy(name, DEPTH_MAX) if isinstance(name, str) else describe(name)

    return copy(message, 0)


def _single(value: object) -> object:
    """*value*, which holds no others, as JSON or as its placeholder."""
    try:
        return msgspec.Raw(_encode(value))
    except Exception:  # noqa: BLE001 - see describe
        return placeholder(value)
