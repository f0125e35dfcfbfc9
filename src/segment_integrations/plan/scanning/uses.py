"""What the scanned files fire: each event with its place, and names of run time."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from segment_integrations.plan.scanning.calls import (
    Calls,
    Signature,
    argument,
)
from segment_integrations.plan.scanning.events import EventClass, EventClasses
from segment_integrations.plan.scanning.keys import Keys, Version, version
from segment_integrations.plan.scanning.model import (
    Call,
    Class,
    Function,
    Imported,
    Key,
    Module,
    Parameter,
    Scope,
    Valued,
    last_name,
)
from segment_integrations.plan.scanning.names import Names
from segment_integrations.plan.scanning.things import Made, Outside, Text, Thing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from segment_integrations.plan.scanning.tree import Tree

ROUNDS: Final = 10
"""How often files are read again for names that were found in others."""

_ROOTS: Final = frozenset({"Event", "View"})


@dataclass(slots=True, frozen=True)
class Use:
    """
    One event or page that the code fires.

    Args:
        call: ``"track"``, ``"page"`` or ``"screen"``.
        name: Its name.
        path: The file.
        line: From 1.
        column: From 1, in characters.
        version: The version that the code gives.
        keys: The properties that a literal dict gives; None where nothing shows.
        is_closed: Whether there are no others.
        is_built: Whether it is where a typed event is made, not where it is sent.
        is_typed: Whether the name comes from a class.
    """

    call: str
    name: str
    path: Path
    line: int
    column: int
    version: Version = None
    keys: frozenset[str] | None = None
    is_closed: bool = False
    is_built: bool = False
    is_typed: bool = False


@dataclass(slots=True, frozen=True)
class Dynamic:
    """A call whose name is made at run time."""

    call: str
    why: str
    path: Path
    line: int
    column: int


class Uses:
    """Reads all of *tree* and finds what it fires."""

    def __init__(self, tree: Tree, *, any_track: bool) -> None:
        self._tree = tree
        self._names = Names(tree)
        self._keys = Keys(self._names)
        self._classes = EventClasses(self._names)
        self._calls = Calls(tree, self._names, any_track=any_track)
        self._handed: dict[Key, list[Dynamic]] = {}
        self._called: set[Key] = set()
        self._exported: set[tuple[Path, str]] = set()
        self._known = (0, 0)

    def find(self) -> tuple[list[Use], list[Dynamic]]:
        """The uses and the calls whose name is not known, both by file."""
        self._tree.read_defining()
        self._read_naming()
        self._tree.read_marked()
        for _ in range(ROUNDS):
            if not self._read_naming():
                break
        uses: dict[tuple[object, ...], Use] = {}
        dynamic: list[Dynamic] = []
        for module in self._tree.modules:
            for call in module.calls:
                for one in self._of(call):
                    if isinstance(one, Dynamic):
                        dynamic.append(one)
                        continue
                    key = (one.path, one.line, one.column, one.call, one.name)
                    if key not in uses or one.keys is not None:
                        uses[key] = one
        for function, notes in self._handed.items():
            if function not in self._called:
                dynamic += notes
        return list(uses.values()), dynamic

    def _read_naming(self) -> bool:
        """
        Read the files that use names found since the last time, if there are any.

        Returns:
            Whether there is anything left to look at.
        """
        modules = self._tree.news()
        known = len(self._tree.words), len(self._calls.wrappers)
        if known != self._known:  # they may tell something in all of them
            self._known = known
            modules = [one for one in self._tree.modules if one in self._tree.read]
        exports = {
            (module, word)
            for module, word in self._exports(modules)
            if (module.path, word) not in self._exported
        }
        if exports:
            self._exported |= {(module.path, word) for module, word in exports}
            self._tree.read_naming(exports)
        return bool(exports) or self._tree.has_news

    # -- names that other files may use --------------------------------------------

    def _exports(self, modules: Iterable[Module]) -> Iterator[tuple[Module, str]]:
        """What names our calls and classes have, beside those that we gave them."""
        for module in modules:
            for name, bindings in list(module.scope.names.items()):
                for binding in bindings:
                    if self._is_ours(binding, name, module.scope):
                        yield module, name
            for call in list(module.calls):
                yield from self._wrapped(call)

    def _is_ours(self, binding: object, name: str, scope: Scope) -> bool:
        match binding:
            case Class():
                bases = {_word(base, scope) for base in binding.bases}
                return (
                    any(map(self._is_word, bases))
                    and self._classes.of(binding) is not None
                )
            case Imported(target=target):
                is_candidate = self._is_word(target.rpartition(".")[2])
                if not is_candidate or name in {"track", "tracks"}:
                    return False
            case Valued(value=ast.Name() | ast.Attribute() as value):
                if not self._is_word(last_name(value)):
                    return False
            case _:
                return False
        node = ast.Name(name, lineno=1, col_offset=0)
        call = ast.Call(node, [], [], lineno=1, col_offset=0)
        if self._calls.signature(Call(call, node, [], [], scope)) is not None:
            return True
        return any(
            isinstance(one, Class) and self._classes.of(one) is not None
            for one in self._names.of(node, scope)
        )

    def _is_word(self, name: str) -> bool:
        return name in _ROOTS or name in self._tree.words

    def _wrapped(self, call: Call) -> Iterator[tuple[Module, str]]:
        """The function around *call*, if it passes its parameter on as the name."""
        found = self._calls.signature(call)
        node = None if found is None else argument(call, found)
        if found is None or node is None:
            return
        for one in self._names.of(node, call.scope):
            if isinstance(one, Parameter) and self._calls.wrap(one, found):
                yield one.function.scope.module, one.function.name

    # -- what one call fires -------------------------------------------------------

    def _of(self, call: Call) -> Iterator[Use | Dynamic]:
        for thing in self._names.of(call.function, call.scope):
            if isinstance(thing, Class):
                event = self._classes.of(thing)
                if event is not None:
                    yield from self._typed(event, call, call.node, is_built=True)
                    return
        found = self._calls.signature(call)
        if found is None:
            return
        if found.wrapper is not None:
            self._called.add(found.wrapper.key)
        node = argument(call, found)
        if node is None:
            if found.call == "track" and any(one.arg is None for one in call.keywords):
                yield self._dynamic(call, found, call.node, "starred argument")
            return
        for thing in self._names.of(node, call.scope):
            yield from self._fired(thing, call, found, node)

    def _fired(
        self, thing: Thing, call: Call, found: Signature, node: ast.expr
    ) -> Iterator[Use | Dynamic]:
        module = call.scope.module
        if isinstance(thing, Text):
            line, column = module.place(node)
            keys, is_closed = self._keys.given(call, found)
            yield Use(
                found.call,
                thing.text,
                module.path,
                line,
                column,
                version=version(call, found),
                keys=keys,
                is_closed=is_closed,
            )
            return
        class_ = thing.of if isinstance(thing, Made) else thing
        event = self._classes.of(class_) if isinstance(class_, Class) else None
        if event is not None:
            yield from self._typed(event, call, node, is_built=False)
        elif isinstance(thing, Parameter):
            why = f"its parameter {thing.name}"
            note = self._dynamic(call, found, node, why)
            self._handed.setdefault(thing.function.key, []).append(note)
        else:
            yield self._dynamic(call, found, node, _why(thing))

    def _typed(
        self, event: EventClass, call: Call, node: ast.expr, *, is_built: bool
    ) -> Iterator[Use | Dynamic]:
        module = call.scope.module
        line, column = module.place(node)
        if event.name is None:
            yield Dynamic(event.call, "class keyword", module.path, line, column)
        elif event.name:
            yield Use(
                event.call,
                event.name,
                module.path,
                line,
                column,
                version=event.version,
                is_built=is_built,
                is_typed=True,
            )

    def _dynamic(
        self, call: Call, found: Signature, node: ast.expr, why: str
    ) -> Dynamic:
        line, column = call.scope.module.place(node)
        return Dynamic(found.call, why, call.scope.module.path, line, column)


def _word(base: ast.expr, scope: Scope) -> str:
    """What a base is called where it comes from."""
    if isinstance(base, ast.Name):
        for binding in scope.find(base.id):
            if isinstance(binding, Imported):
                return binding.target.rpartition(".")[2]
    return last_name(base)


def _why(thing: Thing) -> str:
    if isinstance(thing, Outside):
        return f"from {thing.dotted}, which is not scanned"
    if isinstance(thing, Made):
        return f"a {thing.of.name}, which is no event"
    if isinstance(thing, Module):
        return f"the module {thing.names[0]}"
    if isinstance(thing, Class | Function):
        return thing.name
    return str(getattr(thing, "why", "expression"))
