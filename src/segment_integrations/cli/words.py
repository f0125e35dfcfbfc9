"""What the commands share: how they word numbers, and how they refuse."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from segment_integrations.core.counters import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as a shell has it."""

KEY_CHARS_SHOWN: Final = 4
"""Enough to tell two keys apart, too few to use one. Source: house rule."""

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
_KILO: Final = 1_000


class WrongCall(click.ClickException):
    """The user's to mend: an option, a setting, a missing folder."""

    exit_code = 2


def counted(count: int, noun: str) -> str:
    """``1 event``, ``1,200 events``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size(count: float) -> str:
    """Bytes for people: ``812 B``, ``1.2 MB``."""
    if count < _KILO:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= _KILO
        if count < _KILO:
            return f"{count:.1f} {unit}"
    return f"{count / _KILO:.1f} GB"


def age(seconds: float | None) -> str:
    """Seconds for people: ``12 s``, ``3 h``."""
    if seconds is None:
        return "-"
    for length, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def key_start(write_key: str) -> str:
    """What may be shown of a write key."""
    return f"{write_key[:KEY_CHARS_SHOWN]}…"


def bare_url(url: str) -> str:
    """*url* without a user and a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def printable(text: object) -> str:
    """*text* without what a terminal would take for a command."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


@contextmanager
def log_kept_back() -> Iterator[None]:
    """Keep delivery's log lines off the terminal: the command itself says it all."""
    silent = logging.NullHandler()
    logger.addHandler(silent)
    try:
        yield
    finally:
        logger.removeHandler(silent)
