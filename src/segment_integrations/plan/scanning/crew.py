"""
Reads many files in several processes, as parsing is nearly all of the work.

Each file comes back as a pickle, in the order in which it was given. Where processes
can't be started, or one dies, this process reads the rest itself.
"""

from __future__ import annotations

import gc
import io
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from segment_integrations.plan.scanning.files import Unreadable
from segment_integrations.plan.scanning.model import Module
from segment_integrations.plan.scanning.reading import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

ALONE_MAX: Final = 200
"""
So many files are read by this process alone.

Source: ours; starting two processes takes about as long.
"""

CHUNK: Final = 16
"""Files that are handed to a process at once: a tenth of a second of work."""

WAITING_MAX: Final = 4
"""Chunks for each process that wait or are back; more would be memory only."""

_Item: TypeAlias = "tuple[Module, bytes]"
_Back: TypeAlias = "bytes | str | None"
"""A file that was read, why it can't be, or None: it must be read here."""


class Crew:
    """
    Some processes that read files. Close it when all is read.

    Args:
        workers: How many; with 1 this process does it all.
        files: How many files there are.
    """

    def __init__(self, workers: int, files: int) -> None:
        self._workers = workers
        self._files = files
        self._alone = 0
        self._pool: ProcessPoolExecutor | None = None

    def read(
        self,
        items: Iterable[_Item],
        words: AbstractSet[str],
        done: Callable[[Module, str], object],
    ) -> None:
        """
        Read *items*, modules and their data, in order.

        Args:
            items: They are taken from it as work goes on.
            words: As `fill` has them.
            done: Is told of each module when it is read, and why it could not be, or
                "".
        """
        chunk: list[_Item] = []
        waiting: deque[tuple[list[_Item], Future[list[_Back]] | None]] = deque()

        def take(chunk: list[_Item], future: Future[list[_Back]] | None) -> None:
            for item, back in zip(chunk, self._result(chunk, future), strict=True):
                done(item[0], _taken(*item, back, words))

        for item in items:
            if not self._is_shared():
                self._alone += 1
                done(item[0], _taken(*item, None, words))
                continue
            chunk.append(item)
            if len(chunk) == CHUNK:
                waiting.append((chunk, self._given(chunk, words)))
                chunk = []
            if len(waiting) > WAITING_MAX * self._workers:
                take(*waiting.popleft())
        for given, future in waiting:
            take(given, future)
        take(chunk, None)

    def close(self) -> None:
        """End the processes; what they have begun is of no use any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _is_shared(self) -> bool:
        """Whether others read, too; starts them when there is enough to do."""
        if self._pool is not None:
            return True
        if self._workers < 2 or min(self._alone, self._files - self._alone) < ALONE_MAX:  # noqa: PLR2004 - one is none
            return False
        try:
            self._pool = ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
            )
        except (OSError, ImportError, NotImplementedError, RuntimeError, ValueError):
            self._workers = 1  # no semaphores here, or no right to them
        return self._pool is not None

    def _given(
        self, chunk: list[_Item], words: AbstractSet[str]
    ) -> Future[list[_Back]] | None:
        files = [
            (str(module.path), module.names, module.is_package, data)
            for module, data in chunk
        ]
        try:
            if self._pool is not None:
                return self._pool.submit(_read, files, frozenset(words))
        except (OSError, RuntimeError):  # no process can be started, or they are gone
            self._give_up()
        return None

    def _result(
        self, chunk: list[_Item], future: Future[list[_Back]] | None
    ) -> list[_Back]:
        try:
            if future is not None:
                return future.result()
        except (BrokenProcessPool, OSError, MemoryError, RuntimeError):
            self._give_up()
        return [None] * len(chunk)

    def _give_up(self) -> None:
        self.close()
        self._workers = 1


def _taken(module: Module, data: bytes, back: _Back, words: AbstractSet[str]) -> str:
    """Why *module* could not be read, or ""."""
    if isinstance(back, str):
        return back
    try:
        if back is None:
            fill(module, data, words)
        else:
            found = _Unpickler(back, module).load()
            module.scope, module.stars, module.calls, module.lines = found
    except Unreadable as error:
        return str(error)
    return ""


class _Pickler(pickle.Pickler):
    """Leaves the module itself out, which the first process has."""

    def persistent_id(self, obj: object) -> str | None:
        return "" if type(obj) is Module else None


class _Unpickler(pickle.Unpickler):
    """Puts *module* where it was left out."""

    def __init__(self, data: bytes, module: Module) -> None:
        super().__init__(io.BytesIO(data))
        self._module = module

    def persistent_load(self, _: object) -> Module:
        return self._module


# -- in the other processes ---------------------------------------------------------


def _begin() -> None:
    """Leave it to the first process to be interrupted, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # syntax trees are many objects, and no garbage; see `_read`
    gc.freeze()
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end_with() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=end_with, daemon=True).start()


def _read(
    files: list[tuple[str, list[str], bool, bytes]], words: frozenset[str]
) -> list[_Back]:
    found = [
        _one(Module(Path(path), names, is_package), data, words)
        for path, names, is_package, data in files
    ]
    gc.collect()
    return found


def _one(module: Module, data: bytes, words: frozenset[str]) -> _Back:
    try:
        fill(module, data, words)
    except Unreadable as error:
        return str(error)
    written = io.BytesIO()
    found = module.scope, module.stars, module.calls, module.lines
    try:
        _Pickler(written, pickle.HIGHEST_PROTOCOL).dump(found)
    except (RecursionError, MemoryError):  # an expression that is very deep
        return None
    return written.getvalue()
