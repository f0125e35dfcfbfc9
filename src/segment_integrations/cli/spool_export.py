"""Writes events as JSON lines: as they are, or with types in the place of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from segment_integrations.cli import spool_dead
from segment_integrations.cli.spool_survey import bodies, process_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from segment_integrations.delivery.dead import DeadLetter

SHOWN: Final = frozenset({"type", "event", "messageId", "timestamp"})
"""What tells events apart and says nothing about a person."""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode
_NAMES: Final = {type(None): "null", dict: "object", list: "array"}


def masked(message: object) -> object:
    """*message* with the type of each value in its place, but for `SHOWN`."""
    if not isinstance(message, dict):
        return _kind(message)
    return {
        name: value if name in SHOWN and isinstance(value, str) else _masked(value)
        for name, value in message.items()
    }


def _masked(value: Any) -> object:
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return _kind(value)


def _kind(value: object) -> str:
    return f"<{_NAMES.get(type(value), type(value).__name__)}>"


def of_spool(
    directory: Path,
    key: str | None,
    *,
    show_values: bool,
    damaged: Callable[[int], object],
) -> Iterator[bytes]:
    """
    The events of all processes, oldest process first, each as a line.

    Args:
        directory: The spool's directory.
        key: Only those of the write key with this fingerprint.
        show_values: Whether the lines are the events as they are.
        damaged: Told of records that can't be read.
    """
    for folder in process_folders(directory):
        if key not in {None, folder.fingerprint}:
            continue
        for found, broken in bodies(folder.path):
            damaged(broken)
            for body in found:
                try:
                    yield body if show_values else _encode(masked(_decode(body)))
                except msgspec.DecodeError:
                    damaged(1)


def of_dead(
    directory: Path,
    wanted: spool_dead.Wanted,
    *,
    show_values: bool,
    damaged: Callable[[int], object],
) -> Iterator[bytes]:
    """The dead letters that are *wanted*, each as a line; see `of_spool`."""
    found = spool_dead.find(directory, wanted)
    damaged(found.damaged)
    for letter in found.letters:
        try:
            yield _encode(_document(letter, show_values=show_values))
        except msgspec.DecodeError:
            damaged(1)


def _document(letter: DeadLetter, *, show_values: bool) -> dict[str, object]:
    return {
        "reason": letter.reason,
        "status": letter.status,
        # It may quote the event.
        "answer": letter.answer if show_values else "<str>",
        "at": letter.at,
        "message": letter.message if show_values else masked(_decode(letter.message)),
    }
