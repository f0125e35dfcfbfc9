"""Which part of the package may import which: the arrows of the design, enforced."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import segment_integrations

NAME = "segment_integrations"
ROOT = Path(segment_integrations.__file__).parent

CLIENT = {"client", "defaults", "life", "sigterm", "waiting", "core", "errors"}
BASE = {*CLIENT, "api", "decorators"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "core": {"errors"},
    "ports": {"core"},
    "consent": {"core"},
    "delivery": {"core", "errors"},
    "sigterm": set(),
    "waiting": set(),
    "defaults": {"core", "errors"},
    "life": {"defaults", "sigterm", "waiting", "core", "errors"},
    "client": {"defaults", "life", "delivery", "core", "errors"},
    "api": {"defaults", "core"},
    "auth": {"defaults", "core", "errors"},
    "decorators": {"defaults", "client", "core", "errors"},
    "__init__": {"api", "client", "core", "decorators", "errors"},
    "asgi": BASE,
    "wsgi": BASE,
    "starlette": {*BASE, "asgi"},
    "fastapi": {*BASE, "asgi", "starlette"},
    "pallets": BASE,
    "flask": {*BASE, "wsgi", "pallets"},
    "quart": {*BASE, "asgi", "pallets"},
    "litestar": {*BASE, "asgi"},
    "aiohttp": {*BASE, "asgi"},
    "celery": BASE,
    "django": BASE,
    "sqlalchemy": {"core", "errors"},
    "analytics_python": {"client", "defaults", "core", "errors"},
    "testing": {"client", "core", "errors"},
    "dev": {"core", "errors", "__init__"},
    "plan": {"core", "errors"},
    "spec": {"core"},
}
"""By part; what is not here (the command line) may import anything."""

LATE: dict[str, set[str]] = {
    "client": {"testing", "__init__", "plan"},
    "delivery": {"__init__"},  # for its version, which the requests carry
    "defaults": {"client"},
    "dev": {"plan"},
    "django": {"testing"},
    "testing": {"client", "defaults", "plan"},
}
"""What a part may import inside functions as well."""

PUBLIC = {
    "__init__",
    *[
        "auth",
        "dev",
        "ports",
        "asgi",
        "wsgi",
        "starlette",
        "fastapi",
        "flask",
        "quart",
        "litestar",
        "aiohttp",
        "celery",
        "consent",
        "plan",
        "spec",
        "django",
        "testing",
    ],
}

OUTSIDE: dict[str, set[str]] = {
    "core": {"msgspec", "is_crawler"},
    "delivery": {"urllib3", "msgspec"},
    "client": set(),
    "testing": {"pytest", "msgspec", "django"},
    "sqlalchemy": {"sqlalchemy"},
    "analytics_python": {"msgspec", "segment"},
    "starlette": {"starlette"},
    "fastapi": {"fastapi"},
    "pallets": {"werkzeug"},
    "flask": {"flask", "werkzeug", "flask_login", "blinker"},
    "quart": {"quart", "werkzeug"},
    "litestar": {"litestar"},
    "aiohttp": {"aiohttp"},
    "celery": {"celery", "msgspec"},
    "django": {"django", "asgiref", "allauth"},
    "dev": {"starlette", "uvicorn", "msgspec"},
    "plan": {"jsonschema_rs", "msgspec"},
    "spec": {"msgspec"},
}
"""Third-party packages by part; the parts that are not here import none."""

ANYTHING = {"cli", "demo", "__main__"}


def part_of(module: str) -> str:
    """``segment_integrations.core.events`` to ``core``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        names = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(names).removesuffix(".__init__"), path


class Imports(ast.NodeVisitor):
    """The imports of one module that are run, and whether late."""

    def __init__(self) -> None:
        self.found: set[tuple[str, bool]] = set()
        self._is_late = False

    def visit_If(self, node: ast.If) -> None:
        is_typing = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for one in node.orelse if is_typing else [*node.body, *node.orelse]:
            self.visit(one)

    def visit_FunctionDef(self, node: ast.AST) -> None:
        before, self._is_late = self._is_late, True
        self.generic_visit(node)
        self._is_late = before

    def visit_AsyncFunctionDef(self, node: ast.AST) -> None:
        self.visit_FunctionDef(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found |= {(one.name, self._is_late) for one in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "imports are absolute here"
        assert node.module is not None
        for one in node.names:
            inner = f"{node.module}.{one.name}"
            is_module = inner in KNOWN
            self.found.add((inner if is_module else node.module, self._is_late))


KNOWN = dict(modules())


def imports(path: Path) -> set[tuple[str, bool]]:
    visitor = Imports()
    visitor.visit(ast.parse(path.read_text()))
    return visitor.found


@pytest.mark.parametrize("module", KNOWN)
def test_the_arrows_are_kept(module):
    """A module imports only the parts of the package that its layer may."""
    part = part_of(module)
    if part in ANYTHING:
        return
    wrong = []
    for name, is_late in imports(KNOWN[module]):
        if not name.startswith(NAME):
            continue
        target = part_of(name)
        allowed = MAY_IMPORT[part] | {part}
        if is_late:
            allowed |= LATE.get(part, set())
        if target not in allowed:
            wrong.append(name)
    assert not wrong


@pytest.mark.parametrize("module", KNOWN)
def test_third_parties_are_where_they_belong(module):
    """A framework is imported by its own part, msgspec and urllib3 by theirs."""
    part = part_of(module)
    if part in ANYTHING:
        return
    roots = {name.partition(".")[0] for name, _ in imports(KNOWN[module])}
    others = roots - set(sys.stdlib_module_names) - {NAME}
    assert others <= OUTSIDE.get(part, set())


@pytest.mark.parametrize("module", [one for one in KNOWN if part_of(one) == "demo"])
def test_the_demo_uses_public_names_only(module):
    """The demo shows what users type: it imports no inner module."""
    for name, _ in imports(KNOWN[module]):
        if name.startswith(NAME):
            assert part_of(name) in {*PUBLIC, "demo"}, name


def test_every_part_has_its_arrows():
    """A new part of the package is put into the table, or it fails here."""
    parts = {part_of(module) for module in KNOWN}
    assert parts <= {*MAY_IMPORT, *ANYTHING}
