"""Which calls in the scanned files are ours, and the events that they name."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from segment_integrations.plan.scanning.model import (
    Function,
    Key,
    Parameter,
    last_name,
)
from segment_integrations.plan.scanning.things import Outside, Text, Unknown
from segment_integrations.plan.scanning.tree import OWN

if TYPE_CHECKING:
    from segment_integrations.plan.scanning.model import Call
    from segment_integrations.plan.scanning.names import Names
    from segment_integrations.plan.scanning.things import Thing
    from segment_integrations.plan.scanning.tree import Tree

NAMED: Final = frozenset({"track", "page", "screen"})
RECEIVERS: Final = frozenset({"analytics", "segment"})
"""What a receiver is called that is taken for ours where nothing says whose it is."""

OLD_PACKAGES: Final = frozenset({"analytics", "rudderstack", "segment"})
"""The root modules of analytics-python, of its 1.x and of RudderStack's fork of it."""

_DISTRIBUTED: Final = f"{OWN}.analytics_python."
_INNER: Final = tuple(f"{OWN}.{part}." for part in ("core", "delivery", "dev"))
"""Parts of this package that have a ``page`` of their own, seen by scanning it."""


@dataclass(slots=True, frozen=True)
class Signature:
    """
    Where a call has the name.

    Args:
        call: ``"track"``, ``"page"`` or ``"screen"``.
        index: The position of the event or page name; None if it has none.
        keyword: Its keyword.
        properties: The position of the properties; None if it has none.
        is_decorator: Whether it is ``tracks``, with its `from_args`.
        is_guessed: Whether the user may come first, as in analytics-python.
        wrapper: The function of the scanned files that is called, if it is one.
    """

    call: str
    index: int | None = 0
    keyword: str = "event"
    properties: int | None = 1
    is_decorator: bool = False
    is_guessed: bool = False
    wrapper: Function | None = None


OURS: Final = {
    "track": Signature("track"),
    "tracks": Signature("track", properties=None, is_decorator=True),
    "page": Signature("page", keyword="name"),
    "screen": Signature("screen", keyword="name"),
    "page_name": Signature("page", keyword="name", properties=None),
}
OLD: Final = {
    "track": Signature("track", index=1, properties=2),
    "page": Signature("page", index=2, keyword="name", properties=3),
    "screen": Signature("screen", index=2, keyword="name", properties=3),
}


class Calls:
    """
    Tells our calls from others', by who is called.

    Args:
        tree: The files.
        names: Looks names up in them.
        any_track: Take each ``track`` and ``tracks``, whoever is called.
    """

    def __init__(self, tree: Tree, names: Names, *, any_track: bool) -> None:
        self._tree = tree
        self._names = names
        self._any_track = any_track
        self.wrappers: dict[Key, Signature] = {}

    def signature(self, call: Call) -> Signature | None:
        """How *call* takes its name, or None if it is not ours."""
        name = last_name(call.function)
        for thing in self._names.of(call.function, call.scope):
            found = self._of(thing, call)
            if found is not None:
                return self._settled(found, call)
        if self._any_track and name in {"track", "tracks"}:
            guessed = Signature(
                "track", is_decorator=name == "tracks", is_guessed=name == "track"
            )
            return self._settled(guessed, call)
        return None

    def _of(self, thing: Thing, call: Call) -> Signature | None:
        if isinstance(thing, Function):
            return self.wrappers.get(thing.key)
        if isinstance(thing, Outside):
            return self._of_outside(thing, call)
        name = last_name(call.function)
        if (
            isinstance(thing, Unknown | Parameter)
            and isinstance(call.function, ast.Attribute)
            and name in NAMED
            and self._is_receiver(call)
        ):
            return _guessed(name)
        return None

    def _of_outside(self, thing: Outside, call: Call) -> Signature | None:
        dotted = thing.dotted
        base, _, name = dotted.rpartition(".")
        if dotted.startswith(_DISTRIBUTED):
            return OLD.get(name)
        root = dotted.partition(".")[0]
        if root == OWN:
            return None if dotted.startswith(_INNER) else OURS.get(name)
        if not self._tree.is_project(dotted, thing.module):
            return OLD.get(name) if root in OLD_PACKAGES else None
        # A file of the same project, outside of the paths: its names must tell.
        if isinstance(call.function, ast.Name):
            return OURS.get(name) if name in {"track", "tracks"} else None
        is_receiver = _is_receiver(base.rpartition(".")[2].removesuffix("()"))
        return _guessed(name) if name in NAMED and is_receiver else None

    def _is_receiver(self, call: Call) -> bool:
        """Whether it is called on somebody who is called analytics, and is nobody."""
        assert isinstance(call.function, ast.Attribute)  # noqa: S101 - as asked before
        value = call.function.value
        function = value.func if isinstance(value, ast.Call) else value
        if not _is_receiver(last_name(function)):
            return False
        return all(
            isinstance(one, Unknown | Parameter)
            for one in self._names.of(value, call.scope)
        )

    def _settled(self, found: Signature, call: Call) -> Signature:
        """*found*, or analytics-python's if the second argument is the name."""
        if not found.is_guessed:
            return found
        old = OLD[found.call]
        at = old.index or 0
        if any(one.arg == "user_id" for one in call.keywords) or len(call.args) <= at:
            return found
        first = self._names.of(call.args[0], call.scope)
        name = self._names.of(call.args[at], call.scope)
        is_old = any(isinstance(one, Text) for one in name) and not any(
            isinstance(one, Text) for one in first
        )
        return old if is_old else found

    def wrap(self, parameter: Parameter, found: Signature) -> bool:
        """
        Take the function of *parameter* for a call of its own, for it passes it on.

        Returns:
            Whether that is new.
        """
        function = parameter.function
        if function.key in self.wrappers:
            return False
        index = parameter.index
        if index is not None and _is_bound(function):
            index -= 1
        self.wrappers[function.key] = Signature(
            found.call,
            index=index,
            keyword=parameter.name,
            properties=None,
            wrapper=function,
        )
        return True


def argument(call: Call, found: Signature) -> ast.expr | None:
    """The expression of the name; None where the call has none that shows."""
    for one in call.keywords:
        if one.arg == found.keyword:
            return one.value
    return positional(call, found.index)


def positional(call: Call, index: int | None) -> ast.expr | None:
    """The argument at *index*; the starred one that may have it."""
    if index is None:
        return None
    for at, one in enumerate(call.args):
        if at == index or isinstance(one, ast.Starred):
            return one
    return None


def _guessed(name: str) -> Signature:
    ours = OURS[name]
    return Signature(name, keyword=ours.keyword, is_guessed=True)


def _is_receiver(name: str) -> bool:
    bare = name.lower().strip("_")
    return bare in RECEIVERS or bare.endswith("_analytics")


def _is_bound(function: Function) -> bool:
    """Whether its first parameter is not given where it is called."""
    return function.holder is not None and "staticmethod" not in function.decorators
