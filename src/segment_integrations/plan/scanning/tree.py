"""The scanned files as modules that import each other, read when they are asked for."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from segment_integrations.plan.scanning.files import (
    Files,
    Unreadable,
    module_names,
    read,
)
from segment_integrations.plan.scanning.model import CALLED, Module

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from segment_integrations.plan.scanning.crew import Crew

OWN: Final = "segment_integrations"
SPEC: Final = f"{OWN}.spec"
_OWN: Final = OWN.encode()

_MARKS: Final = (b"track", b"segment", b"analytics")
"""A file with none of these has no call of ours, unless by a name of another file."""

_CLASSES: Final = re.compile(rb"\bclass \w+\([^)]*\b(?:Event|View)\b")
"""Where this stands as well, there are classes of events."""

_WORD: Final = re.compile(rb"[A-Za-z_\x80-\xff][\w\x80-\xff]*")
_IMPORT: Final = re.compile(rb"^[ \t]*(?:from|import)\b([^\r\n]*)", re.MULTILINE)
_BARE: Final = re.compile(rb"\.\s*import\b")


class Tree:
    """
    The modules of all scanned files.

    Args:
        files: The files.
        crew: Reads many of them at once.
        on_progress: Is told, now and then, how many files are done.
    """

    def __init__(
        self,
        files: Files,
        crew: Crew,
        on_progress: Callable[[int], object] | None = None,
    ) -> None:
        self._crew = crew
        self.modules = [
            Module(path, module_names(path, root), path.name == "__init__.py")
            for path, root in files.found
        ]
        self.unread: dict[Path, str] = dict(files.refused)
        self.read: set[Module] = set()
        self._on_progress = on_progress
        self._done: set[Module] = set()
        self._marked: list[Module] = []
        self._imports: dict[Module, frozenset[bytes]] = {}  # words of their imports
        self.words: AbstractSet[str] = CALLED
        self._news: set[Module] = set()
        self._by_name: dict[str, list[Module]] = defaultdict(list)
        for module in self.modules:
            for name in module.names:
                self._by_name[name].append(module)
        self._spec = _own_spec()

    def read_defining(self) -> None:
        """Read each file that may have classes of events: they are words for others."""
        self._fill_all(self._defining())

    def _defining(self) -> Iterator[tuple[Module, bytes]]:
        for module in self.modules:
            data = self._data(module)
            self._imports[module] = _imported(data or b"")
            if data is None or not any(mark in data for mark in _MARKS):
                self._tell(module)
            elif _OWN in data and _CLASSES.search(data):
                yield module, data
            else:
                self._marked.append(module)

    def read_marked(self) -> None:
        """Read each other file that may have a call of ours by its looks."""
        self._fill_all(
            (module, data)
            for module in self._marked
            if module not in self.read and (data := self._data(module)) is not None
        )

    def read_naming(self, exports: Collection[tuple[Module, str]]) -> None:
        """
        Read each file that names one of *exports*, again if need be.

        Args:
            exports: Names to look for, with the module that has them.
        """
        added = {word for _, word in exports if word not in self.words}
        self.words = self.words | added
        self._fill_all(self._naming(exports, added))

    def _naming(
        self, exports: Collection[tuple[Module, str]], added: AbstractSet[str]
    ) -> Iterator[tuple[Module, bytes]]:
        words = {word.encode() for _, word in exports}
        news = {word.encode() for word in added}
        homes = {module.path for module, _ in exports}
        parts = _last_names(module for module, _ in exports)
        for module in self.modules:
            wanted = news if module in self.read else words
            if not wanted or (
                module.path not in homes and parts.isdisjoint(self._imports[module])
            ):
                continue
            data = self._data(module)
            if data is not None and not wanted.isdisjoint(_WORD.findall(data)):
                yield module, data

    def news(self) -> list[Module]:
        """The modules that were read since it was asked for last, in order."""
        found = [module for module in self.modules if module in self._news]
        self._news.clear()
        return found

    @property
    def has_news(self) -> bool:
        """Whether any were."""
        return bool(self._news)

    def load(self, module: Module) -> Module:
        """*module*, read."""
        if module not in self.read:
            data = self._data(module)
            if data is not None:
                self._fill_all([(module, data)])
        return module

    def find(self, dotted: str, near: Module) -> Module | None:
        """The module that *near* means by *dotted*, or None; it may be unread."""
        if dotted == SPEC or dotted.startswith(f"{SPEC}."):
            return self._spec.get(dotted)
        if dotted == OWN or dotted.startswith(f"{OWN}."):
            return None  # ours are known by name, also where we scan ourselves
        found = self._by_name.get(dotted)
        if not found:
            return None
        return max(found, key=lambda one: _shared(one.path, near.path))

    def is_project(self, dotted: str, near: Module) -> bool:
        """Whether *dotted* is of the project of *near*, scanned or not."""
        root = dotted.partition(".")[0]
        return any(root == name.partition(".")[0] for name in near.names)

    def _data(self, module: Module) -> bytes | None:
        if module.path in self.unread:
            return None
        try:
            return read(module.path)
        except Unreadable as error:
            self.unread[module.path] = str(error)
            return None

    def _fill_all(self, items: Iterable[tuple[Module, bytes]]) -> None:
        self._crew.read(items, self.words, self._filled)

    def _filled(self, module: Module, trouble: str) -> None:
        self.read.add(module)
        self._news.add(module)
        if trouble:
            self.unread[module.path] = trouble
        self._tell(module)

    def _tell(self, module: Module) -> None:
        if module in self._imports:  # and not one of Segment's own events
            self._done.add(module)
        if self._on_progress is not None:
            self._on_progress(len(self._done))


def _own_spec() -> dict[str, Module]:
    """The modules of Segment's semantic events, which users import and do not scan."""
    root = Path(__file__).parents[2]
    modules = {}
    for path in sorted((root / "spec").rglob("*.py")):
        is_package = path.name == "__init__.py"
        below = path.relative_to(root).with_suffix("").parts
        name = ".".join([OWN, *(below[:-1] if is_package else below)])
        modules[name] = Module(path, [name], is_package)
    return modules


def _shared(one: Path, other: Path) -> int:
    """How many folders two paths have in common, from the root on."""
    count = 0
    for mine, others in zip(one.absolute().parts, other.absolute().parts, strict=False):
        if mine != others:
            break
        count += 1
    return count


def _imported(data: bytes) -> frozenset[bytes]:
    """The words in the first lines of a file's imports; "." where one names no more."""
    found: set[bytes] = set()
    for line in _IMPORT.findall(data):
        found.update(_WORD.findall(line))
        if _BARE.search(line):
            found.add(b".")
    return frozenset(found)


def _last_names(modules: Iterable[Module]) -> set[bytes]:
    """The words by one of which an import must call each of *modules*."""
    return {b"."} | {
        name.rpartition(".")[2].encode() for module in modules for name in module.names
    }
