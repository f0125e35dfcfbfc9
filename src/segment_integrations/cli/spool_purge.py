"""Deletes what ended processes left. What a living process has is never touched."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from segment_integrations.cli.spool_survey import (
    file_begun_at,
    process_folders,
    state_of,
)
from segment_integrations.delivery.folders import (
    abandon,
    lock,
    record_files,
)
from segment_integrations.delivery.record import parse

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Leftovers:
    """
    Which files of the spool are to go.

    Args:
        key: Only those of the write key with this fingerprint.
        before: Unix seconds; only files that were begun before.
    """

    key: str | None = None
    before: float | None = None

    def has(self, path: Path) -> bool:
        """Whether the file *path* is one of them."""
        if self.before is None:
            return True
        begun_at = file_begun_at(path)
        return begun_at is not None and begun_at < self.before


class Deleted(NamedTuple):
    """Processes whose files went, or would go, and what was in those."""

    processes: int
    files: int
    events: int


def preview(directory: Path, leftovers: Leftovers) -> Deleted:
    """What `purge` would delete now."""
    processes = files = events = 0
    for folder in process_folders(directory):
        if leftovers.key not in {None, folder.fingerprint}:
            continue
        if state_of(folder.path) != "left":
            continue
        found = _count(folder.path, leftovers)
        processes += 1 if found.files else 0
        files += found.files
        events += found.events
    return Deleted(processes, files, events)


def purge(directory: Path, leftovers: Leftovers) -> Deleted:
    """
    Delete the files.

    Each folder is locked meanwhile, so that no process takes it over. Files of another
    version stay.

    Raises:
        OSError: A folder can't be changed.
    """
    processes = files = events = 0
    for folder in process_folders(directory):
        if leftovers.key not in {None, folder.fingerprint}:
            continue
        try:
            descriptor = lock(folder.path)
        except FileNotFoundError:  # somebody has taken care of it
            continue
        if descriptor is None:
            continue
        try:
            found = _count(folder.path, leftovers)
            for path in record_files(folder.path):
                if leftovers.has(path):
                    path.unlink(missing_ok=True)
            processes += 1 if found.files else 0
            files += found.files
            events += found.events
        finally:
            abandon(folder.path, descriptor)
    return Deleted(processes, files, events)


def _count(path: Path, leftovers: Leftovers) -> Deleted:
    files = events = 0
    for file in record_files(path):
        if leftovers.has(file):
            files += 1
            with suppress(OSError):
                events += len(parse(file.read_bytes()).bodies)
    return Deleted(1, files, events)
