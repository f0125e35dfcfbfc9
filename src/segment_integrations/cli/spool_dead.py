"""
Reads dead letters, and takes some of them out of their files.

A file may be the one that a living process writes to. It is renamed first, so that the
process begins another; a line that arrives all the same is kept. It is only replaced
when what was taken out is safe: a crash leaves a letter twice, and never loses one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from segment_integrations.delivery.dead import DeadLetter, dead_files, decode
from segment_integrations.delivery.record import FILE_MODE, SUFFIX, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    Which dead letters a command is about; what is not set lets all of them pass.

    Args:
        key: The write key's fingerprint.
        reasons: Why they were given up.
        statuses: The answer's status.
        before: Unix seconds; only what was given up before.
        max_bytes: Only what has no larger message.
        damaged: Whether records that can't be read belong to it too.
    """

    key: str | None = None
    reasons: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    before: float | None = None
    max_bytes: int | None = None
    damaged: bool = False

    def takes(self, letter: DeadLetter) -> bool:
        """Whether *letter* is meant, whatever its size."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.statuses or letter.status in self.statuses)
            and (self.before is None or (given_up_at(letter) or 0.0) < self.before)
        )

    def fits(self, letter: DeadLetter) -> bool:
        """Whether its message is small enough."""
        return self.max_bytes is None or len(bytes(letter.message)) <= self.max_bytes


class Line(NamedTuple):
    """One line of a file as it stands there, and its letter; None: damaged."""

    raw: bytes
    letter: DeadLetter | None


class Letters(NamedTuple):
    """
    What was found in the files.

    Args:
        letters: Those that are wanted and fit.
        too_large: How many are wanted and do not.
        damaged: How many records can't be read.
        size: Bytes of the files.
        unreadable: Names of files that the system does not let us read.
    """

    letters: list[DeadLetter]
    too_large: int
    damaged: int
    size: int
    unreadable: tuple[str, ...]


def given_up_at(letter: DeadLetter) -> float | None:
    """When *letter* was given up, in Unix seconds."""
    try:
        return datetime.fromisoformat(letter.at).timestamp()
    except ValueError:
        return None


def key_of(path: Path) -> str:
    """The fingerprint of the write key whose letters are in the file *path*."""
    return path.name.partition("-")[0]


def files(directory: Path, wanted: Wanted) -> list[Path]:
    """The files that may hold what is wanted, oldest first."""
    return [
        path
        for path in dead_files(directory)
        if wanted.key is None or key_of(path) == wanted.key
    ]


def find(directory: Path, wanted: Wanted) -> Letters:
    """Read the dead letters of *directory*, and change nothing."""
    found: list[DeadLetter] = []
    unreadable: list[str] = []
    too_large = damaged = size = 0
    for path in files(directory, wanted):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError:
            unreadable.append(path.name)
            continue
        size += len(data)
        for _, letter in _lines(data):
            if letter is None:
                damaged += 1
            elif wanted.takes(letter):
                if wanted.fits(letter):
                    found.append(letter)
                else:
                    too_large += 1
    return Letters(found, too_large, damaged, size, tuple(unreadable))


def take(
    directory: Path,
    wanted: Wanted,
    save: Callable[[list[DeadLetter]], object] = lambda _: None,
) -> int:
    """
    Take what is wanted out of its files.

    Args:
        directory: The spool's directory.
        wanted: What to take.
        save: Given a file's letters before they are removed there.

    Returns:
        How many were taken.

    Raises:
        OSError: A file can't be changed. What was taken before is saved.
    """
    count = 0
    for path in files(directory, wanted):
        with suppress(FileNotFoundError):  # another command was faster
            count += _take_from(path, wanted, save)
    return count


def _take_from(
    path: Path, wanted: Wanted, save: Callable[[list[DeadLetter]], object]
) -> int:
    whole = _whole(path.read_bytes())
    if not any(_is_taken(line, wanted) for line in _lines(whole)):
        return 0
    mine = path.with_name(f"{path.stem.partition('~')[0]}~{os.getpid()}{SUFFIX}")
    path.rename(mine)
    whole = _whole(mine.read_bytes())
    taken: list[DeadLetter] = []
    rest: list[bytes] = []
    for line in _lines(whole):
        if not _is_taken(line, wanted):
            rest.append(line.raw)
        elif line.letter is not None:
            taken.append(line.letter)
    if taken:
        save(taken)
    rest.append(_whole(mine.read_bytes())[len(whole) :])  # what came after all
    _replace(mine, b"".join(rest))
    return len(taken)


def _is_taken(line: Line, wanted: Wanted) -> bool:
    if line.letter is None:
        return wanted.damaged
    return wanted.takes(line.letter) and wanted.fits(line.letter)


def _replace(path: Path, data: bytes) -> None:
    """Give the file *path* another content, or remove it for none."""
    if not data:
        path.unlink()
        return
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _whole(data: bytes) -> bytes:
    """*data* without a last line that has no end."""
    return data[: data.rfind(b"\n") + 1]


def _lines(data: bytes) -> Iterator[Line]:
    for text in _whole(data).split(b"\n")[:-1]:
        raw = text + b"\n"
        yield Line(raw, _letter(raw))


def _letter(raw: bytes) -> DeadLetter | None:
    bodies = parse(raw).bodies
    try:
        return decode(bodies[0]) if bodies else None
    except msgspec.DecodeError:
        return None
