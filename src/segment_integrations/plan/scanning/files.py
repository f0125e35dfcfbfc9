"""Which Python files `scan` reads, and what it calls them. Nothing is imported."""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILE_MAX_BYTES: Final = 4 * 2**20
"""Longer ones are generated data, and would be parsed for minutes. House rule."""

SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})
"""Folders with nobody's own code; hidden ones are left out as well."""

_VENV: Final = "pyvenv.cfg"
_PACKAGE: Final = "__init__.py"


class Unreadable(Exception):  # noqa: N818 - it says what the file is
    """A file's code can't be read; the text says why, without the path."""


def read(path: Path) -> bytes:
    """
    The file's bytes.

    Raises:
        Unreadable: The system refuses it, it is no plain file, or it is too long.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable("is no plain file")  # opening a pipe would wait for ever
        if found.st_size > FILE_MAX_BYTES:
            raise Unreadable(f"is longer than {FILE_MAX_BYTES // 2**20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(
            f"can't be read: {error.strerror or type(error).__name__}"
        ) from error


class Files:
    """
    The Python files under some paths, each once, in the order of their names.

    Links to folders are not followed, so that a loop of them is no loop here.

    Args:
        paths: Files, which are taken whatever they are called, and folders.
        exclude: Globs of what to leave out; each is held against the name and the
            path, as given and from the folder, of files and folders alike.

    Raises:
        FileNotFoundError: One of *paths* is not there.
    """

    def __init__(
        self, paths: Sequence[str | Path], exclude: Sequence[str] = ()
    ) -> None:
        self._exclude = tuple(glob.rstrip("/") for glob in exclude)
        self.refused: list[tuple[Path, str]] = []
        self._seen: set[tuple[int, int]] = set()
        self.found: list[tuple[Path, Path]] = []
        for given in map(Path, paths):
            if not given.exists():
                raise FileNotFoundError(f"{given} is not there")
            if given.is_dir():
                for path in self._below(given, given):
                    self._add(path, given)
            else:
                self._add(given, given.parent)

    def _add(self, path: Path, root: Path) -> None:
        """Take *path*, found below *root*, unless it is there under another name."""
        try:
            found = path.stat()
        except OSError as error:  # a link that leads nowhere, or to itself
            self.refused.append((path, f"can't be read: {error.strerror}"))
            return
        if (found.st_dev, found.st_ino) not in self._seen:
            self._seen.add((found.st_dev, found.st_ino))
            self.found.append((path, root))

    def _below(self, top: Path, root: Path) -> Iterator[Path]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    inside = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self.refused.append((folder, f"can't be read: {error.strerror}"))
                continue
            folders = []
            for entry in inside:
                path = folder / entry.name
                if self._is_excluded(path, root):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if not _is_skipped(path):
                        folders.append(path)
                elif entry.name.endswith(".py") and not path.is_dir():
                    yield path
            waiting += reversed(folders)

    def _is_excluded(self, path: Path, root: Path) -> bool:
        if not self._exclude:
            return False
        spellings = (path.name, path.as_posix(), path.relative_to(root).as_posix())
        return any(
            fnmatchcase(text, glob) for glob in self._exclude for text in spellings
        )


def _is_skipped(folder: Path) -> bool:
    """Whether nobody wrote what is in *folder*."""
    name = folder.name
    return (
        name.startswith(".")
        or name in SKIPPED
        or (name == "build" and not (folder / _PACKAGE).is_file())
        or (folder / _VENV).is_file()
    )


def module_names(path: Path, root: Path) -> list[str]:
    """
    The names under which *path*, found below *root*, may be imported, shortest first.

    A package's modules are below the package's name; a folder that is no package may
    stand on the path, or be a namespace.
    """
    path, root = path.absolute(), root.absolute()
    parts = [] if path.name == _PACKAGE else [path.stem]
    folder = path.parent
    while (folder / _PACKAGE).is_file():
        parts.insert(0, folder.name)
        if folder.parent == folder:
            break
        folder = folder.parent
    names = [".".join(parts)] if parts else []
    while folder.name and folder.is_relative_to(root):
        parts.insert(0, folder.name)
        names.append(".".join(parts))
        folder = folder.parent
    return names
