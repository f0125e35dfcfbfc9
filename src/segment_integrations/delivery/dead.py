"""
Keeps what the endpoint will never take, beside the reason, until somebody looks.

Each record's body is one JSON object: ``{"reason": "rejected", "status": 400,
"answer": "...", "at": "2026-01-02T03:04:05.678Z", "message": {...}}``.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from segment_integrations.core.events import now as wire_now
from segment_integrations.delivery.folders import DEAD, FOLDER_MODE, fingerprint
from segment_integrations.delivery.record import SUFFIX, RecordFile, open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

DEAD_MAX_BYTES: Final = 64 * 1024 * 1024
"""All dead letters of a directory; over it the next are dropped. Source: ours."""

DEAD_FILE_BYTES: Final = 1024 * 1024
"""A file that is larger gets a successor. Source: ours."""


class DeadLetter(msgspec.Struct, frozen=True):
    """
    One message that was given up.

    Args:
        reason: Why: ``"rejected"``, ``"expired"`` or ``"too_large"``.
        at: When, as on the wire.
        message: The message's own bytes.
        status: The answer's status, if there was one.
        answer: The first bytes of the answer.
    """

    reason: str
    at: str
    message: msgspec.Raw
    status: int | None = None
    answer: str = ""


_encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(DeadLetter).decode


def dead_files(directory: Path) -> list[Path]:
    """The files of dead letters below *directory*, oldest first."""
    return sorted((directory / DEAD).glob(f"*{SUFFIX}"))


class DeadLetters:
    """
    The dead letters that this process writes.

    Args:
        directory: The spool's directory.
        write_key: Whose they are, for the one who replays them.
        failed: Told of what the disk refused.
        max_bytes: See `DEAD_MAX_BYTES`.
    """

    def __init__(
        self,
        directory: Path,
        write_key: str,
        *,
        failed: Callable[[OSError], object],
        max_bytes: int = DEAD_MAX_BYTES,
    ) -> None:
        self._directory = directory
        self._fingerprint = fingerprint(write_key)
        self._failed = failed
        self._max_bytes = max_bytes
        self._numbers = itertools.count(1)
        self._file: RecordFile | None = None

    def add(
        self,
        bodies: Iterable[bytes],
        reason: str,
        *,
        status: int | None = None,
        answer: str = "",
    ) -> bool:
        """
        Keep *bodies*. Never raises.

        Returns:
            False where they could not be kept, so that they are dropped instead.
        """
        letters = [
            _encode(DeadLetter(reason, wire_now(), msgspec.Raw(body), status, answer))
            for body in bodies
        ]
        try:
            if self._used_bytes() + sum(map(len, letters)) > self._max_bytes:
                return False
            self._current().append(letters)
        except OSError as error:
            self._file = None
            self._failed(error)
            return False
        return True

    def _used_bytes(self) -> int:
        used = 0
        for path in dead_files(self._directory):
            with suppress(FileNotFoundError):  # replayed or purged meanwhile
                used += path.stat().st_size
        return used

    def _current(self) -> RecordFile:
        file = self._file
        if file is None or file.size > DEAD_FILE_BYTES or not file.path.exists():
            name = (
                f"{self._fingerprint}-{int(time.time() * 1000):013d}-{os.getpid()}"
                f"-{next(self._numbers):04d}{SUFFIX}"
            )
            file = RecordFile(self._directory / DEAD / name, open_file=_open)
            self._file = file
        return file


def _open(file: RecordFile) -> int:
    file.path.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    return open_file(file)
