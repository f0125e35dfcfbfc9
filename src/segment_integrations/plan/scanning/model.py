"""What `scan` keeps of one Python file: who its names are, and calls worth a look."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

CALLED: Final = frozenset({"track", "tracks", "page", "screen", "page_name"})
"""What the calls with an event's or a page's name are called."""


@dataclass(slots=True, eq=False)
class Imported:
    """A name that was imported; *target* is its full dotted name."""

    target: str


@dataclass(slots=True, eq=False)
class Valued:
    """A name that was given *value*, or only an *annotation*, or both."""

    value: ast.expr | None
    annotation: ast.expr | None
    scope: Scope


@dataclass(slots=True, eq=False)
class Parameter:
    """A parameter of *function*, at *index* if it can be given by position."""

    function: Function
    name: str
    index: int | None
    valued: Valued


@dataclass(slots=True, eq=False)
class Function:
    """
    A function. Its body is not kept.

    Args:
        name: As its statement has it.
        returns: The annotation of what it returns.
        scope: Where it stands.
        holder: The class whose method it is.
        decorators: The last name of each.
        line: Where it begins.
    """

    name: str
    line: int
    returns: ast.expr | None
    scope: Scope
    holder: Class | None
    decorators: frozenset[str]

    @property
    def key(self) -> Key:
        """The same each time that its file is read."""
        return self.scope.module.path, self.line


@dataclass(slots=True, eq=False)
class Class:
    """
    A class.

    Args:
        name: As its statement has it.
        bases: What stands there; so do *keywords*.
        keywords: By name.
        scope: Where it stands.
        own: The names of its body.
        given: What methods set on ``self``.
        line: Where it begins.
    """

    name: str
    line: int
    bases: list[ast.expr]
    keywords: dict[str | None, ast.expr]
    scope: Scope
    own: Scope
    given: dict[str, list[Binding]] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """The same each time that its file is read."""
        return self.scope.module.path, self.line


Key: TypeAlias = "tuple[Path, int]"
Binding: TypeAlias = Imported | Valued | Parameter | Function | Class | None
"""Who a name is; None is somebody of whom nothing is known."""


@dataclass(slots=True, eq=False)
class Scope:
    """
    The names of a module, a class or a function.

    Args:
        module: Where it is.
        parent: The scope around.
        holder: Whose it is, if not a module's.
        names: Who each is.
        changed: Those of which items are set or taken.
    """

    module: Module
    parent: Scope | None = None
    holder: Class | Function | None = None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def find(self, name: str) -> list[Binding]:
        """Who *name* is here or in the scopes around, but for classes around."""
        scope: Scope | None = self
        while scope is not None:
            is_hidden = scope is not self and isinstance(scope.holder, Class)
            if name in scope.names and not is_hidden:
                return scope.names[name]
            scope = scope.parent
        return []

    def bind(self, name: str, binding: Binding) -> None:
        """Let *name* be *binding* too."""
        self.names.setdefault(name, []).append(binding)


@dataclass(slots=True, eq=False)
class Call:
    """A call that may be one of ours, seen in *scope*."""

    node: ast.Call
    function: ast.expr
    args: list[ast.expr]
    keywords: list[ast.keyword]
    scope: Scope


@dataclass(slots=True, eq=False)
class Module:
    """
    One file.

    Args:
        path: As it is shown.
        names: What it may be imported as, shortest first.
        is_package: Whether it is an ``__init__.py``.
    """

    path: Path
    names: list[str]
    is_package: bool
    scope: Scope = field(init=False)
    stars: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    lines: list[str] | None = None

    def __post_init__(self) -> None:
        self.scope = Scope(self)

    def place(self, node: ast.expr) -> tuple[int, int]:
        """Line and column of *node*, both from 1, the column in characters."""
        column = node.col_offset
        if self.lines is not None and node.lineno <= len(self.lines):
            line = self.lines[node.lineno - 1].encode()
            column = len(line[:column].decode(errors="replace"))
        return node.lineno, column + 1


def last_name(node: ast.expr) -> str:
    """``c`` of ``a.b.c``, of ``c`` and of ``c[...]``; else ""."""
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
