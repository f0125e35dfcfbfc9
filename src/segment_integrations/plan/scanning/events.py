"""Which classes of the scanned files are typed events, and of what name."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from segment_integrations.core.event import titled
from segment_integrations.plan.rules import OLDEST
from segment_integrations.plan.scanning.model import Class, Key
from segment_integrations.plan.scanning.names import DEEPEST
from segment_integrations.plan.scanning.things import Outside, Text
from segment_integrations.plan.scanning.tree import OWN

if TYPE_CHECKING:
    from segment_integrations.plan.scanning.names import Names

_ROOTS: Final = {"Event": "track", "View": "page"}


@dataclass(slots=True, frozen=True)
class EventClass:
    """
    What a class of typed events says of itself.

    Args:
        call: The call that takes it; "" where that is made at run time.
        name: The event's name, or the page's; None where it is made at run time.
        version: The same for its version.
    """

    call: str
    name: str | None
    version: int | None


class EventClasses:
    """Knows the typed events, by *names*; remembers what it found."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[Key, EventClass | None] = {}

    def of(self, class_: Class, deep: int = 0) -> EventClass | None:
        """What *class_* says of itself, or None if it is no typed event."""
        if class_.key in self._known:
            return self._known[class_.key]
        if deep > DEEPEST:
            return None
        self._known[class_.key] = None  # for those that derive from themselves
        call = self._call(class_, deep)
        if call:
            self._known[class_.key] = EventClass(
                call=call,
                name=self._name(class_, call),
                version=self._version(class_),
            )
        return self._known[class_.key]

    def _call(self, class_: Class, deep: int) -> str:
        """The call that takes it, from the keyword or from a base; "" for none."""
        for base in class_.bases:
            for one in self._names.of(base, class_.scope):
                call = ""
                if isinstance(one, Class):
                    derived = self.of(one, deep + 1)
                    call = derived.call if derived else ""
                elif isinstance(one, Outside) and one.dotted.startswith(f"{OWN}."):
                    call = _ROOTS.get(one.dotted.rpartition(".")[2], "")
                if call:
                    given = self._text(class_, "call")
                    return given if given in {"page", "screen"} else call
        return ""

    def _text(self, class_: Class, keyword: str) -> str | None:
        node = class_.keywords.get(keyword)
        if node is None:
            return None
        things = self._names.of(node, class_.scope)
        if len(things) == 1 and isinstance(things[0], Text):
            return things[0].text
        return None

    def _name(self, class_: Class, call: str) -> str | None:
        if "name" in class_.keywords:
            return self._text(class_, "name")
        return titled(class_.name) if call == "track" else ""

    def _version(self, class_: Class) -> int | None:
        given = class_.keywords.get("version")
        if given is None:
            return OLDEST
        if isinstance(given, ast.Constant) and isinstance(given.value, int):
            return given.value
        return None
