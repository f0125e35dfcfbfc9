"""
The folders of a spool's directory: whose each is, and whether its process lives.

    spool_dir/
      1f0c9a2e-4711-18c3f2a5b10-7a1c/     key's fingerprint, process id, time, chance
        lock                              locked while the process lives
        1764000000125-000000000001-000001.v1    a batch, see `record`
      dead/                               see `dead`
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from segment_integrations.delivery.record import SUFFIX, RecordFile

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where `spool` is refused at start
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK: Final = "lock"
DEAD: Final = "dead"
FOLDER_MODE: Final = 0o700

FINGERPRINT_CHARS: Final = 8
"""Of SHA-256: tells sources apart and says nothing about a random key."""


class Folder(NamedTuple):
    """What the name of a process's folder says."""

    path: Path
    fingerprint: str
    pid: int


class Left(NamedTuple):
    """
    A file of another process.

    Args:
        file: The file.
        ended_at: When it was written to last, in Unix seconds: as old as its youngest.
        lines: How many it has; what is damaged among them is found when it is read.
    """

    file: RecordFile
    ended_at: float
    lines: int


def fingerprint(write_key: str) -> str:
    """What stands for *write_key* in a folder's name."""
    return hashlib.sha256(write_key.encode()).hexdigest()[:FINGERPRINT_CHARS]


def folders(directory: Path) -> list[Folder]:
    """The processes' folders in *directory*, oldest first; not there: none."""
    found = []
    with suppress(OSError):
        for entry in os.scandir(directory):
            parts = entry.name.split("-")
            is_whole = len(parts) == 4 and not entry.name.startswith(".")  # noqa: PLR2004
            if is_whole and parts[1].isdecimal() and entry.is_dir():
                folder = Folder(Path(entry.path), parts[0], int(parts[1]))
                found.append((parts[2].zfill(12), folder))
    return [folder for _, folder in sorted(found)]


def lock(path: Path) -> int | None:
    """
    Take the lock of a process's folder.

    Returns:
        The descriptor that holds it until it is closed, or None while another has it.

    Raises:
        OSError: The folder is gone, or its file system has no locks.
    """
    descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def record_files(path: Path) -> list[Path]:
    """The files of a process's folder, in the order of the calls."""
    return sorted(path.glob(f"*{SUFFIX}"))


def left_in(path: Path, failed: Callable[[OSError], object]) -> Iterator[Left]:
    """What a process has left in its folder *path*, in order."""
    for name in record_files(path):
        try:
            data = name.read_bytes()
            ended_at = name.stat().st_mtime
        except FileNotFoundError:  # it went meanwhile
            continue
        except OSError as error:
            failed(error)
            continue
        yield Left(RecordFile(name, len(data)), ended_at, data.count(b"\n"))


def abandon(path: Path, descriptor: int) -> None:
    """Give a folder back: without a file it goes, with some another may adopt it."""
    with suppress(OSError):
        if all(entry.name == LOCK for entry in list(path.iterdir())):
            (path / LOCK).unlink()
            path.rmdir()
    with suppress(OSError):
        os.close(descriptor)
