"""
Reads one Python file: who its names are, and the calls that are worth a look.

Only syntax: what a name means is found out in `scanning_names`, when all files are
known. A name is who it was made to be anywhere in its scope, in whatever order.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.plan.scanning_files import Unreadable
from segment_integrations.plan.scanning_model import (
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

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_IGNORE: Final = re.compile(r"#\s*segment:\s*ignore\b")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_PLACE: Final = re.compile(r"\s*\([^()]*line \d+\)$")
_LEAVES: Final = (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
_TELLING: Final = (
    ast.Attribute,
    ast.Await,
    ast.BinOp,
    ast.BoolOp,
    ast.Call,
    ast.Constant,
    ast.IfExp,
    ast.JoinedStr,
    ast.List,
    ast.Name,
    ast.NamedExpr,
    ast.Subscript,
    ast.Tuple,
)
"""The expressions of which something is known; the others are not kept in memory."""


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


def fill(module: Module, data: bytes, words: Collection[str]) -> None:
    """
    Read *data* into *module*: its names, and the calls of what *words* has.

    Raises:
        Unreadable: It is no Python of this version.
    """
    tree = parsed(data)
    module.scope, module.stars, module.calls = Scope(module), [], []
    ignored: set[int] = set()
    if not data.isascii():
        module.lines = _lines(data)
    if b"segment:" in data:
        ignored = {
            number
            for number, line in enumerate(module.lines or _lines(data), 1)
            if _IGNORE.search(line)
        }
    try:
        _Reader(module, words, ignored).read(tree)
    except RecursionError as error:
        raise Unreadable("is nested too deeply") from error


def _lines(data: bytes) -> list[str]:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return _LINE_END.split(data.decode(encoding, errors="replace"))


class _Reader:
    """Walks one tree, without recursion: expressions may be very deep."""

    def __init__(
        self, module: Module, words: Collection[str], ignored: set[int]
    ) -> None:
        self._module = module
        self._words = words
        self._local: set[str] = set()  # other names that words have in this file
        self._ignored = ignored
        self._seen: list[tuple[ast.Call, Scope]] = []
        self._waiting: list[tuple[ast.AST, Scope]] = []

    def read(self, tree: ast.Module) -> None:
        self._waiting.append((tree, self._module.scope))
        while self._waiting:
            node, scope = self._waiting.pop()
            visit: Any = _VISITS.get(type(node))
            if visit is not None:
                visit(self, node, scope)
            else:
                self._enter(node, scope)
        for node, scope in self._seen:
            self._consider(node, scope)

    def _enter(self, node: ast.AST, scope: Scope) -> None:
        waiting = self._waiting
        for name in node._fields:
            inside = getattr(node, name, None)
            if isinstance(inside, list):
                waiting += [
                    (one, scope) for one in inside if isinstance(one, ast.AST)
                ]
            elif isinstance(inside, ast.AST) and not isinstance(inside, _LEAVES):
                waiting.append((inside, scope))

    # -- calls ---------------------------------------------------------------------

    def _call(self, node: ast.Call, scope: Scope) -> None:
        self._seen.append((node, scope))
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
        base = _absolute(self._module, node)
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
        if isinstance(binding, Valued) and not isinstance(binding.value, _TELLING):
            binding.value = None
            if binding.annotation is None:
                binding = None
        if isinstance(target, ast.Name):
            if isinstance(binding, Valued) and isinstance(
                binding.value, ast.Name | ast.Attribute
            ):
                if self._is_wanted(binding.value):
                    self._local.add(target.id)
            scope.bind(target.id, binding)
        elif isinstance(target, ast.Attribute):
            holder = _self_of(target, scope)
            if holder is not None:
                holder.given.setdefault(target.attr, []).append(binding)
        elif isinstance(target, ast.Tuple | ast.List):
            values: list[ast.expr] = []
            if isinstance(binding, Valued) and isinstance(
                binding.value, ast.Tuple | ast.List
            ):
                values = binding.value.elts
            fits = len(values) == len(target.elts) and not any(
                isinstance(one, ast.Starred) for one in [*values, *target.elts]
            )
            for index, one in enumerate(target.elts):
                inner = Valued(values[index], None, scope) if fits else None
                self._give(one, inner, scope)
        elif isinstance(target, ast.Starred):
            self._give(target.value, None, scope)

    # -- functions and classes -----------------------------------------------------

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope
    ) -> None:
        holder = scope.holder if isinstance(scope.holder, Class) else None
        marks = frozenset(
            last_name(one.func if isinstance(one, ast.Call) else one)
            for one in node.decorator_list
        )
        function = Function(node.name, node.returns, scope, holder, marks)
        scope.bind(node.name, function)
        inner = Scope(self._module, scope, function)
        for name, index, annotation, default in _parameters(node.args):
            value = Valued(default, annotation, scope)
            inner.bind(name, Parameter(function, name, index, value))
        self._waiting += [(one, scope) for one in node.decorator_list]
        self._waiting.append((node.args, scope))
        self._waiting += [(one, inner) for one in node.body]

    def _lambda(self, node: ast.Lambda, scope: Scope) -> None:
        inner = Scope(self._module, scope)
        for name, _, _, _ in _parameters(node.args):
            inner.bind(name, None)
        self._waiting.append((node.args, scope))
        self._waiting.append((node.body, inner))

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        own = Scope(self._module, scope)
        keywords = {one.arg: one.value for one in node.keywords}
        own.holder = made = Class(node.name, node.bases, keywords, scope, own)
        scope.bind(node.name, made)
        self._waiting += [(one, scope) for one in node.decorator_list]
        self._waiting += [(one, scope) for one in node.bases]
        self._waiting += [(one.value, scope) for one in node.keywords]
        self._waiting += [(one, own) for one in node.body]


_VISITS: Final[dict[type[ast.AST], Any]] = {
    ast.Call: _Reader._call,
    ast.Import: _Reader._import,
    ast.ImportFrom: _Reader._import_from,
    ast.Assign: _Reader._assign,
    ast.AnnAssign: _Reader._ann_assign,
    ast.NamedExpr: _Reader._named,
    ast.withitem: _Reader._with_item,
    ast.For: _Reader._loop,
    ast.AsyncFor: _Reader._loop,
    ast.comprehension: _Reader._loop,
    ast.AugAssign: _Reader._changed,
    ast.ExceptHandler: _Reader._caught,
    ast.MatchAs: _Reader._caught,
    ast.MatchStar: _Reader._caught,
    ast.FunctionDef: _Reader._function,
    ast.AsyncFunctionDef: _Reader._function,
    ast.Lambda: _Reader._lambda,
    ast.ClassDef: _Reader._class,
}


def _self_of(target: ast.Attribute, scope: Scope) -> Class | None:
    """The class whose ``self`` or ``cls`` is given an attribute."""
    if not isinstance(target.value, ast.Name):
        return None
    for binding in scope.find(target.value.id):
        if isinstance(binding, Parameter) and binding.index == 0:
            return binding.function.holder
    return None


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    """The full name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    parts = module.names[-1].split(".") if module.names else []
    up = node.level - module.is_package
    kept = parts[: len(parts) - up] if up else parts
    return ".".join([*kept, *([node.module] if node.module else [])])


def _parameters(
    args: ast.arguments,
) -> Iterator[tuple[str, int | None, ast.expr | None, ast.expr | None]]:
    """Name, position, annotation and default of each parameter."""
    places = [*args.posonlyargs, *args.args]
    without = len(places) - len(args.defaults)
    for index, one in enumerate(places):
        default = args.defaults[index - without] if index >= without else None
        yield one.arg, index, one.annotation, default
    for one, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield one.arg, None, one.annotation, default
    for rest in (args.vararg, args.kwarg):
        if rest is not None:
            yield rest.arg, None, None, ast.Dict([], [])
