"""The properties, and the version, that stand in a call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from segment_integrations.plan.scanning.calls import Signature, positional
from segment_integrations.plan.scanning.model import Valued
from segment_integrations.plan.scanning.things import Text

if TYPE_CHECKING:
    from segment_integrations.plan.scanning.model import Call, Scope
    from segment_integrations.plan.scanning.names import Names

ADDED: Final = {"success": (), "start": (), "always": ("success",)}
"""
The keys that ``tracks`` adds of itself, by `when`.

Source: decorators.py; it adds two more after some ends only.
"""

Version: TypeAlias = int | Literal["unknown"] | None
"""None where a call gives none; "unknown" where it is made at run time."""


class Keys:
    """Reads the properties of calls, by *names*."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def given(self, call: Call, found: Signature) -> tuple[frozenset[str] | None, bool]:
        """The properties that *call* gives, and whether there are no others."""
        if found.call != "track" or found.wrapper is not None:
            return None, False
        if any(one.arg is None for one in call.keywords):
            return None, False
        given = {one.arg: one.value for one in call.keywords}
        node = given.get("properties", positional(call, found.properties))
        keys, is_closed = self._keys_of(node, call.scope)
        if found.is_decorator and (paths := given.get("from_args")) is not None:
            more, is_all = self._paths(paths, call.scope)
            keys, is_closed = keys | more, is_closed and is_all
        if found.is_decorator and (when := given.get("when")) is not None:
            added = self._added(when, call.scope)
            keys, is_closed = keys.union(added or ()), is_closed and added is not None
        return keys, is_closed

    def _added(self, when: ast.expr, scope: Scope) -> tuple[str, ...] | None:
        """The keys that ``tracks`` adds; None where they show at run time."""
        things = self._names.of(when, scope)
        if len(things) == 1 and isinstance(things[0], Text):
            return ADDED.get(things[0].text)
        return None

    def _keys_of(
        self, node: ast.expr | None, scope: Scope
    ) -> tuple[frozenset[str], bool]:
        if _is_none(node):
            return frozenset(), True
        if isinstance(node, ast.Name):
            # Whoever it was handed to may have put more into it.
            return self._texts(_once(node.id, scope), scope)[0], False
        if not isinstance(node, ast.Dict):
            return frozenset(), False
        return self._texts(node.keys, scope)

    def _texts(
        self, nodes: list[ast.expr | None] | list[ast.expr], scope: Scope
    ) -> tuple[frozenset[str], bool]:
        found = set()
        is_closed = True
        for node in nodes:
            things = [] if node is None else self._names.of(node, scope)
            if len(things) == 1 and isinstance(things[0], Text):
                found.add(things[0].text)
            else:
                is_closed = False
        return frozenset(found), is_closed

    def _paths(self, node: ast.expr, scope: Scope) -> tuple[frozenset[str], bool]:
        """The keys that the `from_args` of ``tracks`` make."""
        if isinstance(node, ast.Dict):
            return self._texts(node.keys, scope)
        if isinstance(node, ast.List | ast.Tuple):
            paths, is_closed = self._texts(node.elts, scope)
            return frozenset(path.rpartition(".")[2] for path in paths), is_closed
        return frozenset(), False


def _once(name: str, scope: Scope) -> list[ast.expr | None]:
    """The keys of a dict that *name* was given in *scope*, once and for all."""
    bindings = scope.names.get(name, [])
    is_kept = len(bindings) == 1 and name not in scope.changed
    value = bindings[0] if is_kept else None
    if isinstance(value, Valued) and isinstance(value.value, ast.Dict):
        return value.value.keys
    return []


def version(call: Call, found: Signature) -> Version:
    """The ``context.protocols.event_version`` that stands in *call*."""
    node: ast.expr | None = None
    if found.properties is not None:  # analytics-python's has it by position
        node = positional(call, found.properties + 1)
    for one in call.keywords:
        if one.arg == "context":
            node = one.value
    for key in ("protocols", "event_version"):
        if not isinstance(node, ast.Dict):
            return None if _is_none(node) else "unknown"
        node = _item(node, key)
    if node is not None and not isinstance(node, ast.Constant):
        return "unknown"
    value = None if node is None else node.value
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_none(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _item(inside: ast.Dict, key: str) -> ast.expr | None:
    """The last value in *inside* that is, or may be, that of *key*."""
    value: ast.expr | None = None
    for name, one in zip(inside.keys, inside.values, strict=True):
        if not isinstance(name, ast.Constant):
            value = ast.Starred(one)  # whatever else it is, it is no literal
        elif name.value == key:
            value = one
    return value
