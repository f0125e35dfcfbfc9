"""Small questions about syntax that `reading` asks."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from segment_integrations.plan.scanning.model import (
    Binding,
    Class,
    Function,
    Module,
    Parameter,
    Scope,
    Valued,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_TELLING: Final = (
    ast.Attribute,
    ast.Await,
    ast.BinOp,
    ast.BoolOp,
    ast.Call,
    ast.Constant,
    ast.IfExp,
    ast.JoinedStr,
    ast.Name,
    ast.NamedExpr,
    ast.Subscript,
)
"""The expressions of which something is known; the others are not kept in memory."""


def self_of(target: ast.Attribute, scope: Scope) -> Class | None:
    """The class whose ``self`` or ``cls`` is given an attribute."""
    if not isinstance(target.value, ast.Name):
        return None
    for binding in scope.find(target.value.id):
        if isinstance(binding, Parameter) and binding.index == 0:
            return binding.function.holder
    return None


def absolute(module: Module, node: ast.ImportFrom) -> str:
    """The full name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    parts = module.names[-1].split(".") if module.names else []
    up = node.level - module.is_package
    kept = parts[: len(parts) - up] if up else parts
    return ".".join([*kept, *([node.module] if node.module else [])])


def parameters(
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


def defaults(args: ast.arguments) -> list[ast.expr]:
    """The expressions of all defaults, which are evaluated outside of the function."""
    return [*args.defaults, *(one for one in args.kw_defaults if one is not None)]


def telling(binding: Binding) -> Binding:
    """*binding* without a value of which nothing is known, so as not to keep it."""
    if not isinstance(binding, Valued) or isinstance(binding.value, _TELLING):
        return binding
    if isinstance(binding.value, ast.Dict) and isinstance(
        binding.scope.holder, Function
    ):
        return binding  # properties, most likely; those of modules are data
    if binding.annotation is None:
        return None
    return Valued(None, binding.annotation, binding.scope)


def unpacked(binding: Binding, targets: list[ast.expr]) -> list[ast.expr]:
    """The value of each of *targets*, or nothing where they can't be told apart."""
    value = binding.value if isinstance(binding, Valued) else None
    if not isinstance(value, ast.Tuple | ast.List) or len(value.elts) != len(targets):
        return []
    is_starred = any(isinstance(one, ast.Starred) for one in [*value.elts, *targets])
    return [] if is_starred else value.elts
