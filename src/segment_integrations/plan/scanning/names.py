"""Who a name in the scanned files is: a text, a class, a function, or somebody's."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from segment_integrations.plan.scanning.model import (
    Binding,
    Class,
    Function,
    Imported,
    Module,
    Parameter,
    Scope,
    Valued,
    last_name,
)
from segment_integrations.plan.scanning.things import (
    Made,
    Outside,
    Text,
    Thing,
    Unknown,
    constants,
    few,
)

if TYPE_CHECKING:
    from segment_integrations.plan.scanning.tree import Tree

DEEPEST: Final = 24
"""How many steps from name to name are gone; those in a circle end here."""

STEPS: Final = 2_000
"""How many steps one question may take; names can refer to each other at will."""


class Names:
    """Looks names up in *tree*; gives all that one may be, as far as that shows."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._steps = 0
        self._open: set[int] = set()  # the values that are being looked at

    def of(self, node: ast.expr, scope: Scope, deep: int = 0) -> list[Thing]:
        """What the expression *node* in *scope* may be; empty for None."""
        self._steps = self._steps + 1 if deep else 0
        if deep > DEEPEST or self._steps > STEPS:
            return [Unknown("it is too far from where it is made")]
        match node:
            case ast.Constant(value=str(text)):
                return [Text(text)]
            case ast.Constant(value=None):
                return []
            case ast.Name(id=name):
                return self._name(name, scope, deep + 1)
            case ast.JoinedStr(values=values) if len(values) == len(
                list(constants(values))
            ):
                return [Text("".join(constants(values)))]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined(left, right, scope, deep + 1)
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.of(value, scope, deep + 1)
        return self._inside(node, scope, deep + 1)

    def _inside(self, node: ast.expr, scope: Scope, deep: int) -> list[Thing]:
        """What the parts of *node* make it to be."""
        match node:
            case ast.Attribute(value=value, attr=attr):
                things = self.of(value, scope, deep)
                found = [self.member(one, attr, deep) for one in things]
            case ast.Call(func=function):
                things = self.of(function, scope, deep)
                found = [self._result(one, deep) for one in things]
            case ast.IfExp(body=body, orelse=orelse):
                found = [self.of(one, scope, deep) for one in (body, orelse)]
            case ast.BoolOp(values=values):
                found = [self.of(one, scope, deep) for one in values]
            case _:
                return [Unknown(_WORDS.get(type(node), "expression"))]
        return few(one for inside in found for one in inside)

    def member(self, thing: Thing, attr: str, deep: int = 0) -> list[Thing]:
        """What *thing*'s attribute may be."""
        if deep > DEEPEST:
            return [Unknown(attr)]
        match thing:
            case Outside(dotted, module):
                return self._located(f"{dotted}.{attr}", module, deep)
            case Module():
                return self._exported(thing, attr, deep)
            case Made(of=of):
                return self._attribute(of, attr, deep, is_made=True)
            case Class():
                return self._attribute(thing, attr, deep, is_made=False)
            case Text() if attr == "value":
                return [thing]  # of an enum's member
        return [Unknown(attr)]

    # -- by kind -------------------------------------------------------------------

    def _joined(
        self, left: ast.expr, right: ast.expr, scope: Scope, deep: int
    ) -> list[Thing]:
        ends = self.of(right, scope, deep)
        return few(
            Text(one.text + other.text)
            if isinstance(one, Text) and isinstance(other, Text)
            else Unknown("expression")
            for one in self.of(left, scope, deep)
            for other in ends
        )

    def _name(self, name: str, scope: Scope, deep: int) -> list[Thing]:
        bindings = scope.find(name)
        if bindings:
            return self._bound(bindings, name, scope.module, deep)
        for star in scope.module.stars:
            found = self._star(star, name, scope.module, deep)
            if found:
                return found
        return [Unknown(name)]

    def _bound(
        self, bindings: list[Binding], name: str, module: Module, deep: int
    ) -> list[Thing]:
        first = bindings[0]
        if isinstance(first, Parameter) and len(bindings) > 1:
            given = self._parameter(first, deep)
            later = self._bound(bindings[1:], name, module, deep)
            if first in given and any(isinstance(one, Unknown) for one in later):
                return later  # what a call gives is not what is sent
            return few([*given, *later])
        return few(
            one
            for binding in bindings
            for one in self._one(binding, name, module, deep)
        )

    def _one(
        self, binding: Binding, name: str, module: Module, deep: int
    ) -> list[Thing]:
        match binding:
            case Imported(target=target):
                return self._located(target, module, deep)
            case Valued():
                return self._valued(binding, name, deep)
            case Parameter():
                return self._parameter(binding, deep)
            case Class() | Function():
                return [binding]
        return [Unknown(name)]

    def _valued(self, valued: Valued, name: str, deep: int) -> list[Thing]:
        if valued.value is not None:
            if id(valued.value) in self._open:
                return []  # in a circle: what else it is shows elsewhere
            self._open.add(id(valued.value))
            things = self.of(valued.value, valued.scope, deep)
            self._open.discard(id(valued.value))
            if valued.annotation is None or any(
                not isinstance(one, Unknown) for one in things
            ):
                return things
        if valued.annotation is not None:
            return self.typed(valued.annotation, valued.scope, deep) or [Unknown(name)]
        return [Unknown(name)]

    def _parameter(self, parameter: Parameter, deep: int) -> list[Thing]:
        holder = parameter.function.holder
        marks = parameter.function.decorators
        if holder is not None and parameter.index == 0 and "staticmethod" not in marks:
            return [holder if "classmethod" in marks else Made(holder)]
        valued = parameter.valued
        if valued.annotation is not None:
            things = self.typed(valued.annotation, valued.scope, deep)
            # One annotated as the root of all events is as good as not annotated.
            if things and not any(
                isinstance(one, Outside) and one.dotted.endswith(".Event()")
                for one in things
            ):
                return things
        if isinstance(valued.value, ast.Constant):
            return [parameter, *self.of(valued.value, valued.scope, deep)]
        return [parameter]

    def typed(self, node: ast.expr, scope: Scope, deep: int = 0) -> list[Thing]:
        """What has the annotation *node*: instances, or the texts of a Literal."""
        if deep > DEEPEST:
            return []
        deep += 1
        match node:
            case ast.Constant(value=str(text)):
                try:
                    inner = ast.parse(text.strip(), mode="eval").body
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    return []
                return self.typed(inner, scope, deep)
            case ast.BinOp(left=left, right=right):
                both = [*self.typed(left, scope, deep), *self.typed(right, scope, deep)]
                return few(both)
            case ast.Subscript(value=value, slice=inside):
                name = last_name(value)
                parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                if name == "Literal":
                    return few(Text(text) for text in constants(parts))
                if name in {"Annotated", "Optional", "Final", "ClassVar"} and parts:
                    return self.typed(parts[0], scope, deep)
                if name == "Union":
                    return few(
                        one for part in parts for one in self.typed(part, scope, deep)
                    )
                return []
            case ast.Name() | ast.Attribute():
                return [
                    Made(one)
                    if isinstance(one, Class)
                    else Outside(f"{one.dotted}()", one.module)
                    for one in self.of(node, scope, deep)
                    if isinstance(one, Class | Outside)
                ]
        return []

    def _result(self, thing: Thing, deep: int) -> list[Thing]:
        """What a call of *thing* gives."""
        match thing:
            case Class():
                return [Made(thing)]
            case Outside(dotted, module):
                return [Outside(f"{dotted}()", module)]
            case Function(returns=ast.expr() as returns, scope=scope):
                return self.typed(returns, scope, deep) or [Unknown(thing.name)]
            case Function():
                return [Unknown(thing.name)]
        return [Unknown("what a call returned")]

    # -- in modules and classes ----------------------------------------------------

    def _located(self, dotted: str, near: Module, deep: int) -> list[Thing]:
        """What has the full name *dotted*, by the longest module that is known."""
        if deep > DEEPEST or "(" in dotted:
            return [Outside(dotted, near)]
        module = self._tree.find(dotted, near)
        if module is not None:
            return [self._tree.load(module)]
        base, _, attr = dotted.rpartition(".")
        while base:
            module = self._tree.find(base, near)
            if module is not None:
                things: list[Thing] = [self._tree.load(module)]
                for part in attr.split("."):
                    things = few(
                        inner
                        for one in things
                        for inner in self.member(one, part, deep + 1)
                    )
                if things == [Unknown(part)]:  # in a part that is not scanned
                    return [Outside(dotted, near)]
                return things
            base, _, part = base.rpartition(".")
            attr = f"{part}.{attr}"
        return [Outside(dotted, near)]

    def _exported(self, module: Module, attr: str, deep: int) -> list[Thing]:
        bindings = self._tree.load(module).scope.names.get(attr)
        if bindings:
            return self._bound(bindings, attr, module, deep + 1)
        for name in reversed(module.names):
            inner = self._tree.find(f"{name}.{attr}", module)
            if inner is not None:
                return [self._tree.load(inner)]
        for star in module.stars:
            found = self._star(star, attr, module, deep + 1)
            if found:
                return found
        return [Unknown(attr)]

    def _star(self, star: str, name: str, near: Module, deep: int) -> list[Thing]:
        """What ``from star import *`` gave *name*, if it did."""
        module = self._tree.find(star, near)
        if module is None:
            is_told = star.partition(".")[0] in _STARRED
            return [Outside(f"{star}.{name}", near)] if is_told else []
        if deep > DEEPEST:
            return []
        found = self._exported(module, name, deep + 1)
        return [] if found == [Unknown(name)] else found

    def _attribute(
        self, class_: Class, attr: str, deep: int, *, is_made: bool
    ) -> list[Thing]:
        bindings = list(class_.own.names.get(attr, ()))
        if is_made:
            bindings += class_.given.get(attr, ())
        if bindings:
            if _is_auto(class_, bindings):
                return [Text(attr.lower())]
            return self._bound(bindings, attr, class_.scope.module, deep + 1)
        for base in class_.bases:
            for one in self.of(base, class_.scope, deep + 1):
                found: list[Thing] = []
                if isinstance(one, Class):
                    found = self._attribute(one, attr, deep + 1, is_made=is_made)
                elif isinstance(one, Outside):
                    found = [Outside(f"{one.dotted}().{attr}", one.module)]
                if found and found != [Unknown(attr)]:
                    return found
        return [Unknown(attr)]


_STARRED: Final = frozenset({"segment_integrations", "segment"})
"""The packages whose names a star import may bring."""

_WORDS: Final[dict[type[ast.expr], str]] = {
    ast.Dict: "dict",
    ast.JoinedStr: "f-string",
    ast.Subscript: "subscript",
    ast.Starred: "starred argument",
}


def _is_auto(class_: Class, bindings: list[Binding]) -> bool:
    """Whether it is a member of a StrEnum whose value is ``auto()``."""
    return any(last_name(base) == "StrEnum" for base in class_.bases) and any(
        isinstance(one, Valued)
        and isinstance(one.value, ast.Call)
        and last_name(one.value.func) == "auto"
        for one in bindings
    )
