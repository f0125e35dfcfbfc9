"""
Reads one Python file: who its names are, and the calls that are worth a look.

Only syntax: what a name means is found out in `names`, when all files are
known. A name is who it was made to be anywhere in its scope, in whatever order.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from segment_integrations.plan.scanning.model import (
    Binding,
    Call,
    Class,
    Function,
    Imported,
    Module,
    Parameter,
    Scope,
    Valued,
    last_name,
)
from segment_integrations.plan.scanning.parsing import ignored, lines, mentions, parsed
from segment_integrations.plan.scanning.syntax import (
    absolute,
    defaults,
    parameters,
    self_of,
    telling,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_LEAVES: Final = frozenset(
    {ast.Break, ast.Constant, ast.Continue, ast.Global, ast.Name, ast.Nonlocal}
    | {ast.Pass, bool, int, str, type(None)}
)
"""What has no call inside: nodes, and what else fields hold."""

_NO_NODES: Final = frozenset(
    {"annotation", "arg", "asname", "attr", "ctx", "id", "kind", "name", "op", "ops"}
)
"""Fields of nodes that hold texts and signs, or an annotation."""


class _Insides(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each kind of node that may hold others."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        names = () if kind in _LEAVES else kind._fields
        self[kind] = found = tuple(name for name in names if name not in _NO_NODES)
        return found


_INSIDES: Final = _Insides()

_CHANGING: Final = frozenset({"clear", "pop", "popitem", "setdefault", "update"})
"""The methods of a dict after which it has other keys."""

_TOLD_BY: Final = frozenset(
    {"Analytics", "Segment", "analytics", "_analytics", "segment", "_segment"}
)
"""Words that a function has which says who a receiver of our calls is."""

_FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def fill(module: Module, data: bytes, words: AbstractSet[str]) -> None:
    """
    Read *data* into *module*: its names, and the calls of what *words* has.

    Raises:
        Unreadable: It is no Python of this version.
    """
    tree = parsed(data)
    module.scope, module.stars, module.calls = Scope(module), [], []
    inside = lines(data)
    module.lines = None if data.isascii() else inside
    _Reader(module, words, inside).read(tree)


class _Reader:
    """Walks one tree, without recursion: expressions may be very deep."""

    def __init__(
        self, module: Module, words: AbstractSet[str], inside: list[str]
    ) -> None:
        self._module = module
        self._words = words
        self._local: set[str] = set()  # other names that words have in this file
        self._lines = inside
        self._ignored = ignored(inside)
        self._seen: list[tuple[ast.Call, Scope]] = []
        self._waiting: list[tuple[ast.AST, Scope]] = []
        self._functions: list[tuple[Function, _FunctionNode, Scope]] = []

    def read(self, tree: ast.Module) -> None:
        self._waiting.append((tree, self._module.scope))
        self._walk()
        numbers = mentions(self._lines, {*self._words, *self._local, *_TOLD_BY})
        while self._functions:
            function, node, scope = self._functions.pop()
            # The body of a function that names none of ours is most of most files.
            at = bisect_left(numbers, node.lineno)
            is_telling = at < len(numbers) and numbers[at] <= (node.end_lineno or 0)
            if is_telling or node.name == "__init__":
                self._enter_function(function, node, scope)
                self._walk()
        for call, scope in self._seen:
            self._consider(call, scope)

    def _walk(self) -> None:
        waiting, visits = self._waiting, self._visits
        while waiting:
            node, scope = waiting.pop()
            visit: Any = visits.get(type(node), _Reader._enter)
            visit(self, node, scope)

    def _enter(self, node: ast.AST, scope: Scope) -> None:
        add = self._waiting.append
        for name in _INSIDES[type(node)]:
            inside: Any = getattr(node, name, None)
            if type(inside) is list:
                for one in inside:
                    if type(one) not in _LEAVES:
                        add((one, scope))
            elif type(inside) not in _LEAVES:
                add((inside, scope))

    # -- calls ---------------------------------------------------------------------

    def _call(self, node: ast.Call, scope: Scope) -> None:
        self._seen.append((node, scope))
        match node.func:
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in _CHANGING:
                scope.changed.add(name)
        self._enter(node, scope)

    def _delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                self._give(target, None, scope)
        self._enter(node, scope)

    def _consider(self, node: ast.Call, scope: Scope) -> None:
        """Keep the call, or what it was given to call: ``add_task(track, "...")``."""
        function, args = node.func, node.args
        if not self._is_wanted(function):
            for index, one in enumerate(args[:-1]):
                if isinstance(one, ast.Name | ast.Attribute) and self._is_wanted(one):
                    function, args = one, args[index + 1 :]
                    break
            else:
                return
        first = args[0] if args else node
        if self._ignored and not self._ignored.isdisjoint(
            {node.lineno, first.lineno, node.end_lineno}
        ):
            return
        self._module.calls.append(Call(node, function, args, node.keywords, scope))

    def _is_wanted(self, function: ast.expr) -> bool:
        name = last_name(function)
        return name in self._words or name in self._local

    # -- who names are -------------------------------------------------------------

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for one in node.names:
            root = one.name.partition(".")[0]
            target = one.name if one.asname else root
            scope.bind(one.asname or root, Imported(target))

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        base = absolute(self._module, node)
        for one in node.names:
            if one.name == "*":
                self._module.stars.append(base)
                continue
            if one.asname and one.name in self._words:
                self._local.add(one.asname)
            scope.bind(one.asname or one.name, Imported(f"{base}.{one.name}"))

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            self._give(target, Valued(node.value, None, scope), scope)
        self._enter(node, scope)

    def _ann_assign(self, node: ast.AnnAssign, scope: Scope) -> None:
        self._give(node.target, Valued(node.value, node.annotation, scope), scope)
        self._enter(node, scope)

    def _named(self, node: ast.NamedExpr, scope: Scope) -> None:
        self._give(node.target, Valued(node.value, None, scope), scope)
        self._enter(node, scope)

    def _with_item(self, node: ast.withitem, scope: Scope) -> None:
        if node.optional_vars is not None:
            value = Valued(node.context_expr, None, scope)
            self._give(node.optional_vars, value, scope)
        self._enter(node, scope)

    def _loop(
        self, node: ast.For | ast.AsyncFor | ast.comprehension, scope: Scope
    ) -> None:
        if isinstance(node.iter, ast.Tuple | ast.List | ast.Set) and node.iter.elts:
            for one in node.iter.elts:
                self._give(node.target, Valued(one, None, scope), scope)
        else:
            self._give(node.target, None, scope)
        self._enter(node, scope)

    def _changed(self, node: ast.AugAssign, scope: Scope) -> None:
        self._give(node.target, None, scope)
        self._enter(node, scope)

    def _caught(self, node: Any, scope: Scope) -> None:
        if node.name:
            scope.bind(node.name, None)
        self._enter(node, scope)

    def _give(self, target: ast.expr, binding: Binding, scope: Scope) -> None:
        """Let what is assigned to, *target*, be *binding* too."""
        match target:
            case ast.Name(id=name):
                binding = telling(binding)
                value = binding.value if isinstance(binding, Valued) else None
                if value is not None and self._is_wanted(value):
                    self._local.add(name)
                scope.bind(name, binding)
            case ast.Attribute(attr=name):
                holder = self_of(target, scope)
                if holder is not None:
                    holder.given.setdefault(name, []).append(telling(binding))
            case ast.Tuple(elts=inside) | ast.List(elts=inside):
                values = unpacked(binding, inside)
                for index, one in enumerate(inside):
                    inner = Valued(values[index], None, scope) if values else None
                    self._give(one, inner, scope)
            case ast.Starred(value=value):
                self._give(value, None, scope)
            case ast.Subscript(value=ast.Name(id=name)):
                scope.changed.add(name)

    # -- functions and classes -----------------------------------------------------

    def _function(self, node: _FunctionNode, scope: Scope) -> None:
        holder = scope.holder if isinstance(scope.holder, Class) else None
        marks = frozenset(
            last_name(one.func if isinstance(one, ast.Call) else one)
            for one in node.decorator_list
        )
        function = Function(node.name, node.lineno, node.returns, scope, holder, marks)
        scope.bind(node.name, function)
        self._waiting += [(one, scope) for one in node.decorator_list]
        self._waiting += [(one, scope) for one in defaults(node.args)]
        self._functions.append((function, node, scope))

    def _enter_function(
        self, function: Function, node: _FunctionNode, scope: Scope
    ) -> None:
        inner = Scope(self._module, scope, function)
        for name, index, annotation, default in parameters(node.args):
            value = Valued(default, annotation, scope)
            inner.bind(name, Parameter(function, name, index, value))
        self._waiting += [(one, inner) for one in node.body]

    def _lambda(self, node: ast.Lambda, scope: Scope) -> None:
        inner = Scope(self._module, scope)
        for name, _, _, _ in parameters(node.args):
            inner.bind(name, None)
        self._waiting += [(one, scope) for one in defaults(node.args)]
        self._waiting.append((node.body, inner))

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        own = Scope(self._module, scope)
        keywords = {one.arg: one.value for one in node.keywords}
        own.holder = made = Class(
            node.name, node.lineno, node.bases, keywords, scope, own
        )
        scope.bind(node.name, made)
        self._waiting += [(one, scope) for one in node.decorator_list]
        self._waiting += [(one, scope) for one in node.bases]
        self._waiting += [(one.value, scope) for one in node.keywords]
        self._waiting += [(one, own) for one in node.body]

    _visits: ClassVar[dict[type[ast.AST], Any]] = {
        ast.Call: _call,
        ast.Delete: _delete,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.Assign: _assign,
        ast.AnnAssign: _ann_assign,
        ast.NamedExpr: _named,
        ast.withitem: _with_item,
        ast.For: _loop,
        ast.AsyncFor: _loop,
        ast.comprehension: _loop,
        ast.AugAssign: _changed,
        ast.ExceptHandler: _caught,
        ast.MatchAs: _caught,
        ast.MatchStar: _caught,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.Lambda: _lambda,
        ast.ClassDef: _class,
    }
