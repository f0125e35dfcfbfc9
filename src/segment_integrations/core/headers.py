"""
Header fields as the standards carry them, each read when somebody asks for it.

Of the dozen that a browser sends most requests need one or two, and decoding them all
is dearer than everything else that a request without an event costs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

HeaderPairs = Iterable[tuple[bytes | str, bytes | str]]

_NAMES_MAX: Final = 1_024
_SEQUENCES: Final = (list, tuple)  # a union would be made anew for each request


class Fields(msgspec.Struct):
    """
    The fields that a page call asks for, read in one go; an empty text for none.

    Cookies and hints, address and language: what `NAMES` has, in its order.
    """

    user_agent: str
    cookie: str
    host: str
    referer: str
    accept_language: str
    sec_gpc: str
    sec_ch_ua: str
    sec_ch_ua_mobile: str
    sec_ch_ua_platform: str

    def __repr__(self) -> str:
        """Show no value: each is somebody's."""
        return "Fields(...)"


NAMES: Final = tuple(one.replace("_", "-") for one in Fields.__struct_fields__)
"""The names of `Fields` as they are sent."""

_BYTES: Final = tuple(one.encode() for one in NAMES)
_NOTHING: Final = (b"",) * len(NAMES)
_EMPTY: Final = ("",) * len(NAMES)
_LATIN: Final = ("latin-1",) * len(NAMES)


class Headers(Mapping[str, str]):
    """
    The fields of a request or a response; names in lower case.

    Bytes are read as Latin-1, in which no byte can fail (RFC 9110, section 5.5).
    """

    __slots__ = ()

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether one of *names* is there."""
        return not names.isdisjoint(self)

    def fields(self) -> Fields:
        """Those that a page call asks for, at once: far cheaper than one by one."""
        return Fields(*[self.get(name, "") for name in NAMES])

    def __len__(self) -> int:
        return sum(1 for _ in self)


class PlainHeaders(Headers):
    """
    Those of a mapping.

    Args:
        given: The mapping; names in any case.
    """

    __slots__ = ("_given",)

    def __init__(self, given: Mapping[str, str]) -> None:
        if not all(name.islower() for name in given):
            given = {name.lower(): value for name, value in given.items()}
        self._given = given

    def __getitem__(self, name: str) -> str:
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)


class AsgiHeaders(Headers):
    """
    The ``headers`` of an ASGI scope or message.

    Args:
        pairs: As they stand there.
        is_lower: Whether the names are sure to be in lower case: a server's are, by
            the specification; an application's may not be.
    """

    __slots__ = ("raw",)

    def __init__(self, pairs: HeaderPairs, *, is_lower: bool) -> None:
        given: Collection[Any] = pairs if isinstance(pairs, _SEQUENCES) else list(pairs)
        raw: dict[bytes, bytes] = dict(given)
        if len(raw) != len(given) or not (is_lower or _are_lower(raw)):
            raw = _joined(given)
        self.raw = raw
        """By name; each once."""

    def __getitem__(self, name: str) -> str:
        return self.raw[name.encode("latin-1", "replace")].decode("latin-1")

    def get(self, name: str, default: Any = None) -> Any:
        """The value of *name*, or *default*."""
        value = self.raw.get(name.encode("latin-1", "replace"))
        return default if value is None else value.decode("latin-1")

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether one of *names* is there."""
        return not as_bytes(names).isdisjoint(self.raw)

    def fields(self) -> Fields:
        """As the base has it."""
        # Without a loop of Python's, which would cost more than all that it does.
        given = b"\n".join(map(self.raw.get, _BYTES, _NOTHING))
        found = given.decode("latin-1").split("\n")
        if len(found) != len(_BYTES):  # a server lets no line end into a value
            found = list(map(str, map(self.raw.get, _BYTES, _NOTHING), _LATIN))
        return Fields(*found)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.encode("latin-1", "replace") in self.raw

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self.raw)


@lru_cache(maxsize=16)
def as_bytes(names: frozenset[str]) -> frozenset[bytes]:
    """*names* as a scope has them."""
    return frozenset(name.encode() for name in names)


def _are_lower(raw: dict[bytes, bytes]) -> bool:
    try:
        return b"".join(raw).islower() or not raw
    except TypeError:  # texts, which the specification does not have
        return False


def _joined(pairs: HeaderPairs) -> dict[bytes, bytes]:
    """*pairs* by name in lower case; the values of a repeated one joined."""
    found: dict[bytes, bytes] = {}
    for raw_name, raw_value in pairs:
        name, value = _bytes(raw_name).lower(), _bytes(raw_value)
        if name in found:
            joint = b"; " if name == b"cookie" else b", "
            found[name] += joint + value
        else:
            found[name] = value
    return found


def as_text(value: bytes | str) -> str:
    """*value* as a text; the specification has bytes, and WSGI has texts."""
    return value.decode("latin-1") if type(value) is bytes else value  # type: ignore[return-value]  # isinstance would be a call


def _bytes(value: bytes | str) -> bytes:
    return value.encode("latin-1", "replace") if isinstance(value, str) else value


class EnvironHeaders(Headers):
    """
    The header fields of a WSGI environ, or of Django's ``META``, which is alike.

    Args:
        environ: As the server gave it (PEP 3333: texts are bytes read as Latin-1).
    """

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        text: str = value
        return text

    def get(self, name: str, default: Any = None) -> Any:
        """The value of *name*, or *default*."""
        value = self._environ.get(_variable(name))
        # Servers give an empty text for these two where the request has none.
        if not isinstance(value, str) or (not value and name in _UNPREFIXED):
            return default
        return value

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether one of *names* is there."""
        if self._environ.keys().isdisjoint(variables(names)):
            return False
        return any(name in self for name in names)

    def fields(self) -> Fields:
        """As the base has it."""
        return fields_of(self._environ)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        for variable in self._environ:
            if variable.startswith("HTTP_"):
                name = variable[5:].replace("_", "-").lower()
            elif variable in _UNPREFIXED.values():
                name = variable.replace("_", "-").lower()
            else:
                continue
            if name in self:
                yield name


_UNPREFIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


@lru_cache(maxsize=_NAMES_MAX)
def _variable(name: str) -> str:
    return _UNPREFIXED.get(name) or "HTTP_" + name.upper().replace("-", "_")


@lru_cache(maxsize=16)
def variables(names: frozenset[str]) -> frozenset[str]:
    """*names* as an environ has them."""
    return frozenset(map(_variable, names))


_ENVIRON_NAMES: Final = tuple(map(_variable, NAMES))


def fields_of(environ: Mapping[str, Any]) -> Fields:
    """The `Fields` of a WSGI *environ*."""
    found = tuple(map(environ.get, _ENVIRON_NAMES, _EMPTY))
    try:
        "".join(found)
    except TypeError:  # what is no text, which a server never gives
        found = tuple(one if isinstance(one, str) else "" for one in found)
    return Fields(*found)
