"""
Keeps batches on disk, in a folder that belongs to one process while that lives.

A process that starts adopts the folders whose lock is free and whose write key is its
own, so no two processes ever wait for each other. A file goes when its batch is
settled: there is nothing to compact, and no offset that could be wrong.

No library does this at a cost that a call can bear: persist-queue 1.1 and diskcache 5.6
take 50 to 80 times as long for a write; queuelib 1.10 writes down where it is only when
it is closed; none has checksums, or takes over from a process that was killed.
"""

from __future__ import annotations

import errno
import itertools
import os
import secrets
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from segment_integrations.delivery.folders import (
    FOLDER_MODE,
    LOCK,
    Left,
    abandon,
    fingerprint,
    folders,
    left_in,
    lock,
    record_files,
)
from segment_integrations.delivery.record import SUFFIX, RecordFile, open_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from segment_integrations.delivery.work import Work

SPOOL_MAX_BYTES: Final = 256 * 1024 * 1024
"""
All processes of a directory together; over it the oldest goes. Source: delivery 6.

Each has its share for certain, whatever the others have left lying about.
"""

SYNC_EVERY_S: Final = 1.0
"""What a power cut may cost; a crash of the process costs nothing. Source: as above."""

OPEN_FILES: Final = 16
"""Descriptors that the host lends us; a file beyond is opened anew. Source: ours."""

RECORD_OVERHEAD_BYTES: Final = 10
"""Checksum, space and line feed."""


class Spool:
    """
    The folder of this process, and those that it has adopted.

    Args:
        directory: Where all processes have theirs.
        write_key: Adopted is only what was meant for the same source.
        failed: Told of what the disk refused.
        max_bytes: See `SPOOL_MAX_BYTES`.
        now: Unix seconds.
    """

    def __init__(
        self,
        directory: Path,
        write_key: str,
        *,
        failed: Callable[[OSError], object],
        max_bytes: int = SPOOL_MAX_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        _disown_inherited()
        self.pid = os.getpid()
        self.directory = directory
        self.max_bytes = max_bytes
        self._fingerprint = fingerprint(write_key)
        self._failed = failed
        self.now = now
        self._lock = threading.RLock()
        self._descriptor: int | None = None
        name = f"{self.pid}-{int(now() * 1000):x}-{secrets.token_hex(2)}"
        self.path = directory / f"{self._fingerprint}-{name}"
        self._numbers = itertools.count(1)
        self._files: set[RecordFile] = set()
        self._opened: deque[RecordFile] = deque()
        self._adopted: dict[Path, int] = {}
        self._others = 0
        self._others_bytes = 0
        _live.add(self)

    def __del__(self) -> None:
        self.disown()

    def prepare(self) -> None:
        """
        Make this process's folder and lock it; again: no effect.

        Raises:
            OSError: The directory can't be made or written, or knows no locks.
        """
        with self._lock:
            if self._descriptor is not None and self.path.is_dir():
                return
            self.directory.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            # Locked under another name first: nobody may adopt it before.
            hidden = self.directory / f".{self.path.name}"
            hidden.mkdir(FOLDER_MODE, exist_ok=True)
            try:
                descriptor = lock(hidden)
                hidden.rename(self.path)
            except OSError:
                with suppress(OSError):
                    (hidden / LOCK).unlink(missing_ok=True)
                    hidden.rmdir()
                raise
            if self._descriptor is not None and descriptor is not None:
                os.close(self._descriptor)  # of the folder that somebody has removed
            self._descriptor = descriptor

    def new_file(self, *, age: float = 0.0, first: int | None = None) -> RecordFile:
        """
        A file for a batch. It is not there before it is written to.

        Args:
            age: Seconds since the batch was begun: files are sorted by that.
            first: The number of its first message, for those begun at once.
        """
        begun = f"{int((self.now() - age) * 1000):013d}"
        if first is not None:
            begun = f"{begun}-{first:012d}"
        name = f"{begun}-{next(self._numbers):06d}{SUFFIX}"
        return RecordFile(self.path / name, open_file=self._open)

    def _open(self, file: RecordFile) -> int:
        if self._descriptor is None:
            self.prepare()
        try:
            descriptor = open_file(file)
        except FileNotFoundError:  # somebody has removed the folder
            self.prepare()
            descriptor = open_file(file)
        self._files.add(file)
        self._opened.append(file)
        while len(self._opened) > OPEN_FILES:
            with suppress(IndexError):  # another thread was faster
                self._opened.popleft().rest()
        return descriptor

    def write(self, work: Work, body: bytes) -> None:
        """Write one message of *work* at once. Never raises."""
        try:
            file = work.files[0]
            file.add(body)
        except OSError as error:
            self._failed(error)
        else:
            if file.is_removed:  # this came late, and has perhaps made it anew
                self._files.discard(file)

    def save(self, work: Work, behind: Work | None, age: float) -> bool:
        """
        Write *work*, which is in memory, to disk.

        Args:
            work: The batch.
            behind: The one before it, to whose file it is added, or None.
            age: Seconds since its first message was accepted.

        Returns:
            Whether it is there now.
        """
        file = (
            self.new_file(age=age, first=work.first)
            if behind is None
            else behind.files[-1]
        )
        try:
            file.append(work.bodies or ())
        except OSError as error:
            self._failed(error)
            if behind is None:
                self.forget(file)
            return False
        if behind is None:
            for old in work.files:
                self.forget(old)
            work.files = [file]
        return True

    def forget(self, file: RecordFile) -> None:
        """Delete *file*, whose messages nobody needs any more."""
        file.remove()
        self._files.discard(file)

    def adopt(self) -> list[Left]:
        """
        Take over what processes left that have ended, oldest first. Never raises.

        What is of another version stays where it is.
        """
        self._let_go()
        found: list[Left] = []
        others = others_bytes = 0
        for folder in folders(self.directory):
            if folder.path == self.path or folder.path in self._adopted:
                continue
            if folder.fingerprint == self._fingerprint:
                try:
                    descriptor = lock(folder.path)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self._failed(error)
                    descriptor = None
                if descriptor is not None:
                    self._adopted[folder.path] = descriptor
                    found += left_in(folder.path, self._failed)
                    continue
            others += 1
            with suppress(OSError):
                others_bytes += sum(
                    path.stat().st_size for path in record_files(folder.path)
                )
        self._others, self._others_bytes = others, others_bytes
        self._files.update(left.file for left in found)
        self._let_go()
        return found

    def _let_go(self) -> None:
        """Remove the adopted folders that have become empty."""
        for path in tuple(self._adopted):
            if not record_files(path):
                abandon(path, self._adopted.pop(path))

    @property
    def used_bytes(self) -> int:
        """Bytes of our files. Takes no lock."""
        return sum(file.size for file in tuple(self._files))

    @property
    def excess_bytes(self) -> int:
        """How far we are over what the cap leaves us, as last seen."""
        share = self.max_bytes // (1 + self._others)
        return self.used_bytes - max(share, self.max_bytes - self._others_bytes)

    def sync(self) -> bool:
        """Have what was written survive a power cut; whether there was anything."""
        dirty = [file for file in tuple(self._files) if file.is_dirty]
        for file in dirty:
            try:
                file.sync()
            except OSError as error:
                self._failed(error)
        return bool(dirty)

    def release(self) -> None:
        """Let other processes have what is left here."""
        self.sync()
        self._let_go()
        for path in tuple(self._adopted):
            abandon(path, self._adopted.pop(path))
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                abandon(self.path, descriptor)

    def disown(self) -> None:
        """
        Close what a forked child has inherited. In the child, from the fork itself.

        The locks stay the parent's, which has them open as well.
        """
        self._lock = threading.RLock()
        held = [self._descriptor, *self._adopted.values()]
        self._descriptor = None
        self._adopted.clear()
        for descriptor in held:
            if descriptor is not None:
                with suppress(OSError):
                    os.close(descriptor)


_live: weakref.WeakSet[Spool] = weakref.WeakSet()


def _disown_inherited() -> None:
    """Close what came by a fork that ran no hook of Python's."""
    for spool in tuple(_live):
        if spool.pid != os.getpid():
            spool.disown()


def is_full(error: OSError) -> bool:
    """Whether the disk or a quota is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}
