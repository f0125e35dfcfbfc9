"""
The file format of the spool: one record a line, each with its own checksum.

    8f3a90c1 {"type":"track",...}

That is the CRC-32 of the body in hexadecimal, a space, the body, a line feed. JSON has
no line feed of its own, so a damaged record can not take another one with it. The
file's name says the rest: when it was begun, and the format's version.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SUFFIX: Final = ".v1"
"""Of a file's name; another one is another version's, and is left alone."""

FILE_MODE: Final = 0o600
"""Events are personal data: only the process's own user may read them."""

APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND

_BODY: Final = 9  # where the body begins, after eight digits and the space
_LINE_FEED: Final = 0x0A  # as a number, it is found at a sixth of the cost


class Records(NamedTuple):
    """
    What was read of a file.

    Args:
        bodies: Every record that is whole, in order.
        damaged: Lines whose checksum is wrong. A last line without its end is none
            of them: it was being written when the process ended, or never was.
    """

    bodies: list[bytes]
    damaged: int


def record(body: bytes) -> bytes:
    """One record; a line feed between JSON values, where it may stand, is a space."""
    if _LINE_FEED in body:
        body = body.replace(b"\n", b" ")
    return b"%08x %b\n" % (crc32(body), body)


def parse(data: bytes) -> Records:
    """Read a file's content, whatever became of it."""
    lines = data.split(b"\n")
    lines.pop()  # what follows the last line feed: nothing, or a torn record
    bodies = [
        line[_BODY:] for line in lines if line[:_BODY] == b"%08x " % crc32(line[_BODY:])
    ]
    return Records(bodies, len(lines) - len(bodies))


def open_file(file: RecordFile) -> int:
    """
    Open *file* for appending, and make it if it is not there.

    Raises:
        OSError: It can't be written.
    """
    return os.open(file.path, APPEND, FILE_MODE)


class _Descriptor:
    """
    Closed with the last reference to it, so by nobody while a thread writes to it.

    Args:
        number: The kernel's, which may mean another file once it is closed.
    """

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self.number)


class RecordFile:
    """
    One file of records. Safe for threads and signal handlers.

    It is made by the first write. Each write is one system call in append mode, so
    the kernel keeps records apart.

    Args:
        path: Where.
        size: Bytes that are in it, as far as is known.
        open_file: Opens it for appending.
    """

    __slots__ = (
        "_descriptor",
        "_is_torn",
        "_open",
        "is_dirty",
        "is_removed",
        "is_whole",
        "path",
        "records",
        "size",
    )

    def __init__(
        self,
        path: Path,
        size: int = 0,
        open_file: Callable[[RecordFile], int] = open_file,
    ) -> None:
        self.path = path
        self.size = size
        self.records = 0
        """What this process has written to it."""
        self.is_whole = True
        """False once a write failed: something that should be in it is not."""
        self.is_dirty = False
        """Whether something was written since the last `sync`."""
        self.is_removed = False
        self._open = open_file
        self._descriptor: _Descriptor | None = None
        self._is_torn = False  # its last record has no end, which the next one needs

    def add(self, body: bytes) -> None:
        """
        Add one message.

        Raises:
            OSError: The disk is full, or the like; a part may be there.
        """
        self._write(record(body), 1)

    def append(self, bodies: Sequence[bytes]) -> None:
        """
        Add *bodies*, in order and as one write, or none of them.

        For a file that one thread has for itself.

        Raises:
            OSError: As `add`, but no part of them is there.
        """
        before, was_whole = self.size, self.is_whole
        try:
            self._write(b"".join(map(record, bodies)), len(bodies))
        except OSError:
            with suppress(OSError):
                os.truncate(self.path, before)
                self.size = before
                self.is_whole, self._is_torn = was_whole, False
            raise

    def _write(self, data: bytes, records: int) -> None:
        descriptor = self._descriptor or self._begin()
        if self._is_torn:
            data = b"\n" + data
        try:
            written = os.write(descriptor.number, data)
        except OSError:
            self.is_whole = False
            raise
        self.size += written
        self._is_torn = written != len(data)
        if self._is_torn:
            self.is_whole = False
            # The kernel says why only to the next write, and it is hardly ever another.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.records += records
        if self.is_removed:  # in the meantime; this has perhaps made it anew
            self._unlink()
        else:
            self.is_dirty = True

    def _begin(self) -> _Descriptor:
        try:
            descriptor = self._descriptor = _Descriptor(self._open(self))
        except OSError:
            self.is_whole = False
            raise
        return descriptor

    def rest(self) -> None:
        """Hold no descriptor until the next write."""
        self._descriptor = None

    def sync(self) -> None:
        """
        Have what was written survive a power cut.

        Raises:
            OSError: The disk failed.
        """
        self.is_dirty = False
        with suppress(FileNotFoundError):  # it was removed in the meantime
            descriptor = self._descriptor or _Descriptor(
                os.open(self.path, os.O_WRONLY)
            )
            os.fdatasync(descriptor.number)

    def read(self) -> Records:
        """
        Read what is there.

        Raises:
            OSError: It can't be read.
        """
        return parse(self.path.read_bytes())

    def remove(self) -> None:
        """Delete it, for nobody needs its messages any more; again: no effect."""
        self.is_removed = True
        self.is_dirty = False
        self._unlink()

    def _unlink(self) -> None:
        with suppress(OSError):  # gone already, or the disk has become read-only
            self.path.unlink()
