"""
Reads a spool's folder: which processes have files there, and what is in them.

Nothing is changed, and no process that lives is disturbed: a lock is only tried, shared
and for a moment. What disappears meanwhile was delivered.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from segment_integrations.delivery.folders import (
    DEAD,
    LOCK,
    Folder,
    folders,
    record_files,
)
from segment_integrations.delivery.record import SUFFIX, parse

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

State = Literal["alive", "left", "unknown"]
"""Whether a process holds a folder's lock; unknown where that can't be found out."""


@dataclass(frozen=True, slots=True)
class Process:
    """
    The folder of one process.

    Args:
        folder: Where, whose key, which process.
        state: ``"left"`` when it has ended and nobody has taken the folder over.
        files: How many can be read.
        events: Whole records in them.
        damaged: Records with a wrong checksum.
        size: Bytes of all.
        begun_at: When the oldest file was begun, in Unix seconds.
        unknown: Names of files that are of another version.
        unreadable: Names of files that the system does not let us read.
    """

    folder: Folder
    state: State
    files: int
    events: int
    damaged: int
    size: int
    begun_at: float | None
    unknown: tuple[str, ...]
    unreadable: tuple[str, ...]


def survey(directory: Path) -> list[Process]:
    """The processes that have a folder in *directory*, oldest first."""
    return [look(folder) for folder in process_folders(directory)]


def process_folders(directory: Path) -> list[Folder]:
    """The folders, without those that a process is just making."""
    return [one for one in folders(directory) if not one.path.name.startswith(".")]


def look(folder: Folder) -> Process:
    """Read all files of *folder*."""
    files = events = damaged = size = 0
    begun_at: float | None = None
    unreadable: list[str] = []
    for path in record_files(folder.path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError:
            unreadable.append(path.name)
            continue
        records = parse(data)
        files += 1
        events += len(records.bodies)
        damaged += records.damaged
        size += len(data)
        begun = file_begun_at(path)
        if begun is not None:
            begun_at = begun if begun_at is None else min(begun, begun_at)
    return Process(
        folder,
        state_of(folder.path),
        files,
        events,
        damaged,
        size,
        begun_at,
        unknown_files(folder.path, LOCK),
        tuple(unreadable),
    )


def state_of(path: Path) -> State:
    """Whether a process holds the lock of its folder *path*."""
    if sys.platform == "win32":  # pragma: no cover - there is no spool
        return "unknown"
    try:
        descriptor = os.open(path / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return "left"
    except OSError:  # another user's
        return "unknown"
    try:
        # Shared, and released at once: whoever wants it for good and meets us in this
        # moment looks again half a minute later.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "alive"
    except OSError:  # a file system without locks
        return "unknown"
    finally:
        os.close(descriptor)
    return "left"


def file_begun_at(path: Path) -> float | None:
    """When a process began its file *path*, in Unix seconds, as its name says."""
    digits = path.name.partition("-")[0]
    return int(digits) / 1000 if digits.isdecimal() else None


def unknown_files(path: Path, *known: str) -> tuple[str, ...]:
    """Names in the folder *path* that are no files of our version, nor *known*."""
    try:
        names = [entry.name for entry in os.scandir(path)]
    except OSError:
        return ()
    return tuple(
        sorted(
            name for name in names if not name.endswith(SUFFIX) and name not in known
        )
    )


def unknown_entries(directory: Path) -> tuple[str, ...]:
    """Names in *directory* that are neither a process's folder nor the dead letters."""
    known = {folder.path.name for folder in folders(directory)}
    return tuple(
        name
        for name in unknown_files(directory, DEAD)
        if name not in known and not name.startswith(".")
    )


def bodies(path: Path) -> Iterator[tuple[list[bytes], int]]:
    """What the files of a process's folder *path* hold, and how much is damaged."""
    for file in record_files(path):
        try:
            records = parse(file.read_bytes())
        except OSError:  # delivered meanwhile, or the survey has it as unreadable
            continue
        yield records.bodies, records.damaged
